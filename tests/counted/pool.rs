//! Values that are cleared and reused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::CountedPool;
use slotarena::slab::Clear;

fn pool<T: Clear + Default + Send + Sync + 'static>() -> CountedPool<T> {
    CountedPool::builder().capacity(100_000).build().expect("a pool")
}

/// A value that counts how often it was made, cleared, and dropped.
#[derive(Default)]
struct Seen(Vec<u8>, Option<Arc<[AtomicUsize; 2]>>);

impl Seen {
    fn count(&self, what: usize) {
        if let Some(counts) = &self.1 {
            counts[what].fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Clear for Seen {
    fn clear(&mut self) {
        self.0.clear();
        self.count(0);
    }
}

impl Drop for Seen {
    fn drop(&mut self) {
        self.count(1);
    }
}

fn counts(counts: &[AtomicUsize; 2]) -> [usize; 2] {
    [0, 1].map(|n| counts[n].load(Ordering::Relaxed))
}

#[test]
fn the_last_reference_clears() {
    let pool = pool::<Seen>();
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let fill = |value: &mut Seen| *value = Seen(vec![7; 1000], Some(Arc::clone(&seen)));
    let key = pool.create_with(fill).expect("room");
    let entry = pool.get(key).expect("live");
    assert!(pool.clear(key) && !pool.clear(key));
    assert_eq!((counts(&seen), entry.0.len()), ([0, 0], 1000));
    drop(entry);
    assert_eq!(counts(&seen), [1, 0]);
    let value = pool.create().expect("room");
    assert_ne!(value.key(), key);
    assert!(value.0.is_empty() && value.0.capacity() >= 1000, "its storage is reused");
    drop(value);
    drop(pool);
    assert_eq!(counts(&seen), [1, 1], "dropped with the pool, as it is");
}

#[test]
fn all_storage_is_reused() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    struct Made;
    impl Default for Made {
        fn default() -> Self {
            MADE.fetch_add(1, Ordering::Relaxed);
            Made
        }
    }
    impl Clear for Made {
        fn clear(&mut self) {}
    }
    let pool = pool::<Made>();
    for _ in 0..1000 {
        let keys = [(); 8].map(|()| pool.create_with(|_| ()).expect("room"));
        std::thread::scope(|scope| {
            scope.spawn(|| keys.iter().for_each(|&key| assert!(pool.get(key).is_some())));
        });
        assert!(keys.iter().all(|&key| pool.clear(key)));
    }
    assert_eq!(MADE.load(Ordering::Relaxed), 8);
}

#[test]
fn a_value_in_the_making_is_not_found() {
    let pool = pool::<String>();
    let mut making = pool.create().expect("room");
    making.push('a');
    let key = making.key();
    assert!(pool.get(key).is_none() && !pool.contains(key) && !pool.clear(key));
    let entry = making.downgrade();
    assert_eq!(pool.get(key).as_deref(), Some(&"a".to_owned()));
    assert!(pool.clear(key));
    assert_eq!(*entry, "a");
}

#[test]
fn owned_values_outlive_the_pool() {
    let pool = pool::<Seen>();
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let (mut one, mut two) = (pool.create_owned().expect("room"), pool.create().expect("room"));
    one.1 = Some(Arc::clone(&seen));
    two.1 = Some(Arc::clone(&seen));
    let two = two.downgrade();
    let key = two.key();
    drop(two);
    let three = pool.get_owned(key).expect("live");
    drop(pool);
    one.0.push(1);
    let one = one.downgrade();
    assert_eq!((one.0.len(), counts(&seen)), (1, [0, 0]));
    drop((one, three));
    assert_eq!(counts(&seen), [0, 2], "dropped as they are");
}

#[test]
fn a_panic_in_fill_clears() {
    let pool = pool::<String>();
    let fill = || {
        let filled = pool.create_with(|text| {
            text.push_str("half");
            panic!("on purpose");
        });
        filled.is_ok()
    };
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fill)).is_err());
    assert!(pool.is_empty());
    let key = pool.create_with(|text| assert_eq!(text, "")).expect("room");
    assert!(pool.contains(key));
}

#[test]
fn memory_goes_back() {
    let pool = pool::<Seen>();
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let fill = |value: &mut Seen| value.1 = Some(Arc::clone(&seen));
    let keys: Vec<_> = (0..20_000).map(|_| pool.create_with(fill).expect("room")).collect();
    assert!(keys.iter().all(|&key| pool.clear(key)));
    assert_eq!(counts(&seen), [20_000, 0]);
    pool.shrink_to_fit();
    assert_eq!(counts(&seen), [20_000, 20_000]);
    assert_eq!(pool.audit().expect("a sound pool").slots_committed, 0);
    let key = pool.create_with(fill).expect("room");
    assert!(!keys.contains(&key), "generations survive");
}

#[test]
fn unique_access() {
    let mut pool = pool::<String>();
    let keys = ["a", "b"].map(|text| pool.create_with(|value| value.push_str(text)).expect("room"));
    assert!(pool.clear(keys[0]));
    pool.get_mut(keys[1]).expect("live").push('!');
    assert_eq!(pool.iter().collect::<Vec<_>>(), [(keys[1], &"b!".to_owned())]);
}

#[test]
fn a_pool_that_trims_itself_gives_back_after_a_peak() {
    let pool = CountedPool::<Seen>::builder().capacity(100_000).trim(true).build().expect("a pool");
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let fill = |value: &mut Seen| *value = Seen(vec![7; 10], Some(Arc::clone(&seen)));
    let keys: Vec<_> = (0..50_000).map(|_| pool.create_with(fill).expect("room")).collect();
    assert!(keys.into_iter().all(|key| pool.clear(key)));
    let [cleared, dropped] = counts(&seen);
    assert!(cleared == 50_000 && dropped > 49_000, "{dropped} are dropped");
    let left = pool.audit().expect("a whole pool");
    assert!(left.live == 0 && left.slots_committed < 10_000, "{left:?}");
}

#[test]
fn a_pool_that_trims_itself_keeps_what_it_uses() {
    let pool = CountedPool::<Seen>::builder().capacity(100_000).trim(true).build().expect("a pool");
    let seen = Arc::<[AtomicUsize; 2]>::default();
    let mut made = 0;
    let mut fill = |value: &mut Seen| {
        if value.1.is_none() {
            *value = Seen(vec![7; 10], Some(Arc::clone(&seen)));
            made += 1;
        }
    };
    // Few, and many that are never much fewer.
    for (values, rounds) in [(100, 1000), (20_000, 5)] {
        let keys: Vec<_> =
            (0..values).map(|_| pool.create_with(&mut fill).expect("room")).collect();
        for _ in 0..rounds {
            let half = &keys[..values / 2];
            half.iter().for_each(|&key| _ = pool.clear(key));
            let again: Vec<_> =
                half.iter().map(|_| pool.create_with(&mut fill).expect("room")).collect();
            again.into_iter().for_each(|key| _ = pool.clear(key));
        }
        assert_eq!(counts(&seen)[1], 0, "of {values} values, none is dropped");
        keys[values / 2..].iter().for_each(|&key| _ = pool.clear(key));
    }
    // A thread that grows a pool takes a whole segment, and other slots later.
    assert!(made < 25_000, "{made} values are made");
}
