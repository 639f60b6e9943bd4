//! What users of slabs write every day, each by itself. `docs/MIGRATION.md` lists them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::mem::{replace, swap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;

use slotarena::slab::Owned;
use slotarena::{CountedSlab, Key, Pool, Slab};

fn slab<T: Send + Sync + 'static, const N: usize>(values: [T; N]) -> (Slab<T>, [Key; N]) {
    let slab = Slab::builder().capacity(1_000).build().expect("a small slab");
    let keys = values.map(|value| slab.insert(value).map_err(|error| error.error()));
    (slab, keys.map(|key| key.expect("room")))
}

#[test]
fn make_one() {
    assert!(Slab::<String>::new().expect("addresses").is_empty());
}

#[test]
fn make_one_with_a_capacity() {
    let slab = Slab::<String>::builder().capacity(64).build().expect("addresses");
    assert_eq!(slab.capacity(), 64);
}

#[test]
fn insert() {
    let (slab, _) = slab(["a"]);
    let key = slab.insert("b").expect("room");
    assert_eq!(*slab.get(key).expect("live"), "b");
}

#[test]
fn insert_a_value_with_its_key() {
    let (slab, _) = slab::<(Key, u8), 0>([]);
    let key = slab.insert_with(|key| (key, 7)).expect("room");
    assert_eq!(*slab.get(key).expect("live"), (key, 7));
}

#[test]
fn reserve_and_insert_later() {
    let (slab, _) = slab([]);
    let entry = slab.vacant_entry().expect("room");
    let key = entry.key();
    assert_eq!(entry.insert("a"), key);
}

#[test]
fn get() {
    let (slab, [key]) = slab(["a"]);
    assert_eq!(slab.get(key).as_deref(), Some(&"a"));
    assert_eq!(slab.get(Key::NULL).as_deref(), None);
}

#[test]
fn index_by_a_key() {
    let (slab, [a, b]) = slab(["a", "b"]);
    let guard = slab.pin();
    assert_eq!([guard[a], guard[b]], ["a", "b"]);
}

#[test]
fn ask_whether_a_key_is_live() {
    let (slab, [key]) = slab([1]);
    assert!(slab.contains(key) && !slab.contains(Key::NULL));
}

#[test]
fn read_several_at_one_time() {
    let (slab, keys) = slab([1, 2, 3]);
    let guard = slab.pin();
    assert_eq!(keys.iter().filter_map(|&key| guard.get(key)).sum::<i32>(), 6);
}

#[test]
fn change_a_value() {
    let (mut slab, [key]) = slab([1]);
    *slab.get_mut(key).expect("live") += 1;
    assert_eq!(*slab.get(key).expect("live"), 2);
}

#[test]
fn change_two_values_at_one_time() {
    let (mut slab, keys) = slab([1, 2]);
    let [one, two] = slab.get_disjoint_mut(keys).expect("both live");
    swap(one, two);
    assert_eq!(*slab.get(keys[0]).expect("live"), 2);
}

#[test]
fn replace_a_value_under_its_key() {
    let (mut slab, [key]) = slab(["old"]);
    assert_eq!(replace(slab.get_mut(key).expect("live"), "new"), "old");
    assert_eq!(*slab.get(key).expect("live"), "new");
}

#[test]
fn change_a_value_that_threads_share() {
    let (slab, [count]) = slab([AtomicU64::new(0)]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| slab.get(count).expect("live").fetch_add(1, Ordering::Relaxed));
        }
    });
    assert_eq!(slab.take(count).expect("no guard").into_inner(), 4);
}

#[test]
fn remove_and_use_the_value() {
    let (slab, [key]) = slab(["a".to_owned()]);
    assert_eq!(slab.take(key).as_deref(), Ok("a"));
}

#[test]
fn remove_and_drop_the_value() {
    let (slab, [key]) = slab([Arc::new(1)]);
    let value = Arc::clone(&slab.get(key).expect("live"));
    assert!(slab.remove(key));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn remove_what_is_gone() {
    let (slab, [key]) = slab([1]);
    assert!(slab.remove(key) && !slab.remove(key) && slab.take(key).is_err());
}

#[test]
fn keep_an_old_key() {
    let (slab, [old]) = slab([1]);
    slab.remove(old);
    let new = slab.insert(2).expect("room");
    assert_eq!(new.index(), old.index());
    assert!(slab.get(old).is_none());
}

#[test]
fn remove_while_another_reads() {
    let (slab, [key]) = slab(["a".to_owned()]);
    let value = slab.get(key).expect("live");
    thread::scope(|scope| {
        scope.spawn(|| assert!(slab.remove(key)));
    });
    assert_eq!(*value, "a");
}

#[test]
fn wait_for_readers_and_use_the_value() {
    let (slab, [key]) = slab([1]);
    thread::scope(|scope| {
        let guard = slab.pin();
        let taken = scope.spawn(|| slab.take_wait(key));
        drop(guard);
        assert_eq!(taken.join().expect("no panic"), Ok(1));
    });
}

#[test]
fn iterate() {
    let (slab, keys) = slab(['a', 'b']);
    let mut seen = Vec::new();
    for (key, value) in &slab.pin() {
        seen.push((key, *value));
    }
    assert_eq!(seen, [(keys[0], 'a'), (keys[1], 'b')]);
}

#[test]
fn iterate_over_keys_and_over_values() {
    let (slab, keys) = slab([1, 2]);
    assert!(slab.pin().keys().eq(keys));
    assert_eq!(slab.pin().values().sum::<i32>(), 3);
}

#[test]
fn iterate_and_change() {
    let (mut slab, [_, two]) = slab([1, 2]);
    for (_, value) in &mut slab {
        *value *= 10;
    }
    assert_eq!(*slab.get(two).expect("live"), 20);
}

#[test]
fn consume() {
    let (slab, keys) = slab([1, 2]);
    assert!(slab.into_iter().eq([(keys[0], 1), (keys[1], 2)]));
}

#[test]
fn drain() {
    let (mut slab, _) = slab([1, 2]);
    assert_eq!(slab.drain().map(|(_, value)| value).sum::<i32>(), 3);
    assert!(slab.is_empty());
}

#[test]
fn clear() {
    let (mut slab, [key]) = slab([1]);
    slab.clear();
    assert!(slab.is_empty() && !slab.contains(key));
}

#[test]
fn retain() {
    let (mut slab, keys) = slab([1, 2, 3]);
    slab.retain_mut(|_, value| *value % 2 == 1);
    assert_eq!(keys.map(|key| slab.contains(key)), [true, false, true]);
}

#[test]
fn retain_while_threads_share_it() {
    let (slab, keys) = slab([1, 2, 3]);
    slab.retain(|_, value| value % 2 == 1);
    assert_eq!(keys.map(|key| slab.contains(key)), [true, false, true]);
}

#[test]
fn count() {
    let (slab, _) = slab([1, 2]);
    assert_eq!((slab.len(), slab.is_empty(), slab.capacity()), (2, false, 1_000));
}

#[test]
fn find_by_a_property() {
    let (slab, [_, two]) = slab(["one", "two"]);
    let guard = slab.pin();
    assert_eq!(guard.iter().find(|(_, value)| value.starts_with('t')), Some((two, &"two")));
}

#[test]
fn fill_it_up() {
    let slab = Slab::<String>::builder().capacity(1).build().expect("a small slab");
    slab.insert("a".to_owned()).expect("room");
    let error = slab.insert("b".to_owned()).expect_err("full");
    assert_eq!(error.into_value(), "b");
}

#[test]
fn collect() {
    let slab: Slab<i32> = (0..10).collect();
    assert_eq!(slab.len(), 10);
}

#[test]
fn extend() {
    let (mut slab, _) = slab([1]);
    slab.extend([2, 3]);
    assert_eq!(slab.pin().values().sum::<i32>(), 6);
}

#[test]
fn derive_default_for_its_owner() {
    #[derive(Default, Debug)]
    struct World {
        names: Slab<String>,
        first: Key,
    }

    let mut world = World::default();
    world.first = world.names.insert("a".to_owned()).expect("room");
    assert!(format!("{world:?}").contains("Slab"));
}

#[test]
fn give_memory_back() {
    let (slab, [key]) = slab([1]);
    slab.remove(key);
    slab.shrink_to_fit();
    assert_eq!(slab.stats().bytes_committed, 0);
}

#[test]
fn share_it_by_an_arc() {
    let slab = Arc::new(slab([1]).0);
    let shared = Arc::clone(&slab);
    let key = thread::spawn(move || shared.insert(2)).join().expect("no panic").expect("room");
    assert_eq!(slab.take(key), Ok(2));
}

#[test]
fn put_it_into_a_static() {
    static NAMES: LazyLock<Slab<&str>> = LazyLock::new(|| Slab::new().expect("addresses"));
    let key = NAMES.insert("a").expect("room");
    assert_eq!(*NAMES.get(key).expect("live"), "a");
}

#[test]
fn map_from_keys() {
    let (_, [a, b]) = slab(['a', 'b']);
    assert_eq!(HashMap::from([(a, 1), (b, 2)])[&b], 2);
    assert_eq!(BTreeMap::from([(b, 2), (a, 1)]).keys().next(), Some(&a));
}

#[test]
fn keep_an_array_beside_it() {
    let (slab, [a, b]) = slab(['a', 'b']);
    let mut ages = vec![None; slab.len() + 1];
    ages[b.index() as usize] = Some((b, 42));
    let age = |key: Key| ages[key.index() as usize].filter(|(of, _)| *of == key);
    assert_eq!((age(a), age(b)), (None, Some((b, 42))));
}

#[test]
fn hold_a_key_that_is_null() {
    let (slab, _) = slab([1]);
    let (null, none): (Key, Option<Key>) = (Key::NULL, None);
    assert!(null.is_null() && none.is_none() && !slab.contains(null));
}

#[test]
fn have_a_type_for_each_kind_of_key() {
    slotarena::key_type!(Users => UserKey);
    let users = Slab::<&str, Users>::builder().capacity(10).build().expect("a small slab");
    let key: UserKey = users.insert("a").expect("room");
    assert!(users.contains(key));
}

#[test]
fn hand_a_key_out_as_a_number() {
    let (slab, [key]) = slab([1]);
    let number: u64 = key.to_raw();
    assert!(slab.contains(Key::from_raw(number).expect("a key")));
    assert_eq!(Key::<()>::from_raw(0), None);
}

#[test]
fn have_bits_of_a_key() {
    let slab = Slab::builder().capacity(10).reserved_bits(4).build().expect("a small slab");
    let key: Key = slab.insert(1).expect("room");
    let tagged = key.to_raw() | 0xa << 60;
    assert_eq!(Key::from_raw(tagged & !(0xf << 60)), Some(key));
}

#[test]
fn find_the_key_at_an_index() {
    let (slab, [key]) = slab([1]);
    assert_eq!(slab.key_at(key.index()), Some(key));
}

#[test]
fn keep_a_key_in_an_atomic() {
    let (slab, [old, new]) = slab(["old", "new"]);
    let current = AtomicU64::new(old.to_raw());
    current.store(new.to_raw(), Ordering::Release);
    let key = Key::from_raw(current.load(Ordering::Acquire)).expect("a key");
    assert_eq!(*slab.get(key).expect("live"), "new");
}

#[test]
#[cfg(feature = "serde")]
fn write_and_read_it() {
    let (slab, [key]) = slab(["a".to_owned()]);
    let text = serde_json::to_string(&(&slab, key)).expect("text");
    let (same, key): (Slab<String>, Key) = serde_json::from_str(&text).expect("the same");
    assert_eq!(*same.get(key).expect("live"), "a");
}

#[test]
fn link_values_by_keys() {
    let (mut list, [last]) = slab([('b', Key::NULL)]);
    let first = list.insert(('a', last)).expect("room");
    list.get_mut(last).expect("live").1 = first; // a circle, without a reference count
    let guard = list.pin();
    let (_, next) = guard[first];
    assert_eq!(guard[next], ('b', first));
}

#[test]
fn get_or_insert() {
    let (slab, _) = slab(["a"]);
    let guard = slab.pin();
    let (key, value) = guard.get_or_insert_with(None, || "b").expect("room");
    assert_eq!((guard.get(key), *value), (Some(&"b"), "b"));
}

#[test]
fn remove_at_the_end_of_a_scope() {
    let (slab, _) = slab([]);
    let owned = Owned::new(&slab, 1).expect("room");
    let key = owned.key();
    drop(owned);
    assert!(!slab.contains(key));
}

#[test]
fn keep_a_reference_without_a_borrow() {
    let slab = CountedSlab::<String>::new().expect("addresses");
    let key = slab.insert("a".to_owned()).expect("room");
    let entry = slab.get_owned(key).expect("live");
    drop(slab);
    assert_eq!(thread::spawn(move || entry.len()).join().expect("no panic"), 1);
}

#[test]
fn drop_a_value_with_its_last_reference() {
    let slab = CountedSlab::<Arc<u8>>::new().expect("addresses");
    let value = Arc::new(1);
    let key = slab.insert(Arc::clone(&value)).expect("room");
    let entry = slab.get(key);
    assert!(slab.remove(key));
    assert_eq!(Arc::strong_count(&value), 2);
    drop(entry);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn reuse_buffers() {
    let pool = Pool::<Vec<u8>>::new().expect("addresses");
    let key = pool.create_with(|buffer| buffer.extend([1; 100])).expect("room");
    assert!(pool.clear(key));
    let key = pool.create_with(|buffer| assert!(buffer.is_empty() && buffer.capacity() >= 100));
    assert!(pool.contains(key.expect("room")));
}

#[test]
fn store_functions() {
    type Call = Box<dyn Fn(i32) -> i32 + Send + Sync>;
    let (slab, [key]) = slab::<Call, 1>([Box::new(|n| n + 1)]);
    assert_eq!(slab.get(key).expect("live")(1), 2);
}

#[test]
fn store_what_is_not_sync() {
    let (mut slab, [key]) = slab([Mutex::new(Cell::new(1))]);
    slab.get_mut(key).expect("live").get_mut().expect("no panic").set(2);
    assert_eq!(slab.take(key).expect("no guard").into_inner().expect("no panic").get(), 2);
}
