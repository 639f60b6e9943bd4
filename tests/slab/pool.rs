//! A pool keeps the memory that its values have allocated.

use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::Pool;
use slotarena::slab::Clear;

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
    pool.sweep();
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
