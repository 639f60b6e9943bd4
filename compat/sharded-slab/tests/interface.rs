//! Each item of the interface, as programs use it.

use std::sync::Arc;

use sharded_slab::pool::{OwnedRef, OwnedRefMut, Ref, RefMut};
use sharded_slab::{Clear, Config, DefaultConfig, Entry, OwnedEntry, Pool, Slab, VacantEntry};

#[test]
fn a_slab() {
    let mut slab: Slab<String> = Slab::new();
    let key = slab.insert("a".to_owned()).expect("room");
    let entry: Entry<'_, String> = slab.get(key).expect("live");
    assert_eq!(entry, "a".to_owned());
    assert_eq!((entry.key(), format!("{entry:?}")), (key, "\"a\"".to_owned()));
    assert!(slab.remove(key) && !slab.remove(key) && !slab.contains(key));
    assert_eq!(entry.as_str(), "a");
    drop(entry);
    let vacant: VacantEntry<'_, String> = slab.vacant_entry().expect("room");
    let own = vacant.key();
    vacant.insert(own.to_string());
    assert!(slab.contains(own));
    assert_eq!(slab.unique_iter().collect::<Vec<_>>(), [&own.to_string()]);
    assert_eq!((slab.take(own), slab.take(own)), (Some(own.to_string()), None));
    for made_up in [0, 1, 5, usize::MAX, 1 << 63, key] {
        assert!(slab.get(made_up).is_none() && !slab.remove(made_up) && !slab.contains(made_up));
    }
}

#[test]
fn owned_entries() {
    let slab: Arc<Slab<u8>> = Arc::default();
    let key = slab.insert(7).expect("room");
    let entry: OwnedEntry<u8> = slab.clone().get_owned(key).expect("live");
    assert!(slab.remove(key));
    drop(slab);
    let thread = std::thread::spawn(move || (entry.key(), *entry));
    assert_eq!(thread.join().expect("a thread"), (key, 7));
}

#[test]
fn a_pool() {
    let pool: Arc<Pool<String>> = Arc::default();
    let key = pool.create_with(|text| text.push('a')).expect("room");
    let value: Ref<'_, String> = pool.get(key).expect("live");
    assert!(pool.clear(key) && !pool.clear(key) && pool.get(key).is_none());
    assert_eq!((value.as_str(), value.key()), ("a", key));
    drop(value);
    let mut filling: RefMut<'_, String> = pool.create().expect("room");
    assert!(filling.is_empty() && filling.capacity() > 0, "used again");
    filling.push('b');
    let value = filling.downgrade();
    assert_eq!(pool.get(value.key()).as_deref(), Some(&"b".to_owned()));
    let mut owned: OwnedRefMut<String> = pool.clone().create_owned().expect("room");
    owned.push('c');
    let shared: OwnedRef<String> = owned.downgrade();
    let again = pool.clone().get_owned(shared.key()).expect("live");
    assert_eq!((shared.as_str(), again.key()), ("c", shared.key()));
}

struct Small;

impl Config for Small {
    const MAX_PAGES: usize = 1;
    const RESERVED_BITS: usize = 24;
}

#[test]
fn reserved_bits_stay_clear() {
    assert_eq!(Slab::<u8, Small>::USED_BITS, 40);
    assert_eq!(Pool::<String>::USED_BITS, 63);
    assert_eq!(DefaultConfig::RESERVED_BITS, 0);
    let slab = Slab::<u8>::new_with_config::<Small>();
    for _ in 0..10_000 {
        let key = slab.insert(1).expect("room");
        assert_eq!(key >> 40, 0);
        assert!(slab.remove(key));
    }
}

#[test]
fn what_can_be_cleared() {
    fn cleared<T: Clear>(mut value: T) -> T {
        value.clear();
        value
    }
    assert_eq!(cleared(Some(1)), None);
    assert!(cleared(Box::new(vec![1])).is_empty());
    assert!(cleared(std::collections::HashMap::from([(1, 2)])).is_empty());
    assert!(cleared(std::collections::HashSet::from([1])).is_empty());
    assert!(
        cleared(std::sync::RwLock::new("a".to_owned())).into_inner().expect("no poison").is_empty()
    );
    assert!(cleared(std::sync::Mutex::new(vec![1])).into_inner().expect("no poison").is_empty());
}
