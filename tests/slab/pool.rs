//! A pool keeps the memory that its values have allocated.

use std::sync::atomic::{AtomicUsize, Ordering};

use std::collections::{BTreeSet, BinaryHeap, LinkedList};
use std::sync::{Mutex, RwLock};

use slotarena::slab::Clear;
use slotarena::{Key, Pool};

#[test]
fn cleared_values_keep_their_storage() {
    let pool = Pool::<String>::new().expect("addresses");
    let key = pool.create_with(|s| s.push_str(&"x".repeat(1000))).expect("room");
    let storage = pool.get(key).expect("live").as_ptr();
    assert!(pool.clear(key) && !pool.clear(key) && pool.get(key).is_none());
    assert_eq!(pool.spare(), 1);
    let key = pool.create_with(|s| s.push('y')).expect("room");
    let value = pool.get(key).expect("live");
    assert_eq!((value.as_str(), value.as_ptr()), ("y", storage));
}

#[test]
fn a_value_is_not_cleared_while_a_guard_may_see_it() {
    let pool = Pool::<String>::new().expect("addresses");
    let key = pool.create_with(|s| s.push('y')).expect("room");
    let value = pool.get(key).expect("live");
    assert!(pool.clear(key));
    assert_eq!((value.as_str(), pool.spare(), pool.len()), ("y", 0, 0));
    drop(value);
    assert_eq!((pool.flush(), pool.spare()), (0, 1));
    pool.sweep(0);
    assert_eq!(pool.spare(), 1, "a sweep keeps what can be reused");
    pool.shrink_to_fit();
    assert_eq!(pool.spare(), 0);
}

#[test]
fn a_builder_sets_how_many_spare_values_a_pool_keeps() {
    // At least one, whatever was asked for.
    for (asked, expected) in [(0, 1), (1, 1), (3, 3)] {
        let pool = Pool::<String>::builder().capacity(5).spare(asked).build().expect("addresses");
        let keys = [(); 5].map(|()| pool.create_with(|s| s.push('x')).expect("room"));
        assert!(pool.create_with(|_| ()).is_err(), "the capacity is 5");
        assert!(keys.iter().all(|&key| pool.clear(key)));
        assert_eq!((pool.spare(), pool.len()), (expected, 0));
        let key = pool.create_with(|s| s.push('y')).expect("room");
        assert_eq!(pool.get(key).as_deref().map(String::as_str), Some("y"));
    }
}

static MADE: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl Default for Counted {
    fn default() -> Self {
        MADE.fetch_add(1, Ordering::Relaxed);
        Counted
    }
}

impl Clear for Counted {
    fn clear(&mut self) {}
}

impl Drop for Counted {
    fn drop(&mut self) {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn spare_values_are_bounded_and_dropped_with_the_pool() {
    let pool = Pool::<Counted>::builder().spare(10).build().expect("addresses");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let keys = [(); 20].map(|()| pool.create_with(|_| ()).expect("room"));
                    assert!(keys.iter().all(|&key| pool.get(key).is_some() && pool.clear(key)));
                }
            });
        }
    });
    pool.create_with(|_| ()).expect("room");
    assert!(pool.spare() <= 10);
    drop(pool);
    assert_eq!(MADE.load(Ordering::Relaxed), DROPPED.load(Ordering::Relaxed));
}

/// Counts how often it was made and cleared.
struct Traced(&'static AtomicUsize);

static TRACED: AtomicUsize = AtomicUsize::new(0);
static CLEARED: AtomicUsize = AtomicUsize::new(0);

impl Default for Traced {
    fn default() -> Self {
        TRACED.fetch_add(1, Ordering::Relaxed);
        Traced(&CLEARED)
    }
}

impl Clear for Traced {
    fn clear(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn values_are_reused_although_other_threads_have_had_references() {
    let pool = Pool::<Traced>::new().expect("addresses");
    let first = pool.create_with(|_| ()).expect("room");
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(pool.get(first).is_some()));
    });
    for _ in 0..1000 {
        let key = pool.create_with(|_| ()).expect("room");
        assert!(pool.get(key).is_some() && pool.clear(key));
    }
    let made = TRACED.load(Ordering::Relaxed);
    assert!(made <= 17, "{made} of 1,001 are new");
    let before = CLEARED.load(Ordering::Relaxed);
    assert!(before >= 900, "{before} of 1,000 are cleared by now");
    pool.flush();
    let (cleared, live) = (CLEARED.load(Ordering::Relaxed), pool.len());
    assert_eq!((cleared, live), (1000, 1));
    drop(pool);
    assert_eq!(CLEARED.load(Ordering::Relaxed), 1000, "what is left is dropped as it is");
}

#[test]
fn values_of_several_threads_are_reused() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    #[derive(Debug)]
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
    let pool = Pool::<Made>::new().expect("addresses");
    let rounds = if cfg!(miri) { 50 } else { 10_000 };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    let key = pool.create_with(|_| ()).expect("room");
                    assert!(pool.get(key).is_some() && pool.clear(key));
                }
            });
        }
    });
    let made = MADE.load(Ordering::Relaxed);
    // A guard of a thread that the system has put aside delays what the others have cleared.
    assert!(made <= 4 * rounds / 10 + 80, "{made} of {} are new", 4 * rounds);
}

#[test]
fn a_pool_does_what_its_slab_does() {
    struct Users;
    let pool: Pool<Vec<u64>, Users> = Pool::builder().capacity(100).build().expect("addresses");
    assert_eq!((pool.capacity(), pool.is_empty()), (100, true));
    let keys: Vec<Key<Users>> = (0..10)
        .map(|n| {
            let fill = |key: Key<Users>, value: &mut Vec<u64>| value.extend([n, key.to_raw()]);
            pool.create_with_key(fill).expect("room")
        })
        .collect();
    let guard = pool.pin();
    let all = guard.iter().map(|(key, value)| (key, value.clone()));
    assert!(all.eq(keys.iter().zip(0..).map(|(&key, n)| (key, vec![n, key.to_raw()]))));
    assert_eq!(guard.get(keys[3]).map(|value| value[0]), Some(3));
    drop(guard);
    pool.retain(|_, value| value[0] >= 5);
    assert!(!pool.contains(keys[4]) && pool.contains(keys[5]));
    assert_eq!((pool.flush(), pool.len(), pool.spare()), (0, 5, 5));
}

#[test]
fn a_value_whose_filling_panics_is_dropped() {
    let pool = Pool::<String>::new().expect("addresses");
    for _ in 0..2 {
        let fill = || pool.create_with_key(|_, _| panic!("a test"));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fill)).is_err());
    }
    assert_eq!((pool.len(), pool.spare()), (0, 0));
    assert_eq!(pool.sweep(0).segments_committed, 0);
}

#[test]
fn what_contains_values_is_cleared_with_them() {
    fn cleared<T: Clear>(mut value: T) -> T {
        value.clear();
        value
    }
    let text = || "text".to_owned();
    assert!(cleared(Box::new(text())).is_empty());
    assert_eq!(cleared(Some(text())), Some(String::new()), "the storage stays");
    assert!(cleared(Mutex::new(text())).into_inner().expect("no poison").is_empty());
    assert!(cleared(RwLock::new(text())).into_inner().expect("no poison").is_empty());
    assert_eq!(cleared((text(), vec![1])), (String::new(), vec![]));
    assert_eq!(cleared((vec![1], (), vec![2], text())), (vec![], (), vec![], String::new()));
    assert!(cleared(BTreeSet::from([1])).is_empty());
    assert!(cleared(BinaryHeap::from([1])).is_empty());
    assert!(cleared(LinkedList::from([1])).is_empty());
}
