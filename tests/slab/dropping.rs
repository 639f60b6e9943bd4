//! Values of every size, and when they are dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, mpsc};

use slotarena::slab::TakeError;
use slotarena::{Key, Slab};

/// A value that counts its drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn slab<T: Send + Sync + 'static>() -> Slab<T> {
    Slab::builder().capacity(100_000).build().expect("a slab")
}

/// Runs `f` on a slab that has a second participant, which has had a guard and stays.
fn with_reader<R>(f: impl FnOnce(Slab<Counted>, Arc<AtomicUsize>) -> R) -> R {
    let (stop, stopped) = mpsc::channel::<()>();
    let slab = Arc::new(slab::<Counted>());
    let other = Arc::clone(&slab);
    let (ready, is_ready) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        drop(other.pin());
        let mutator = other.mutator();
        drop(mutator.pin());
        std::mem::forget(mutator);
        drop(other);
        ready.send(()).expect("the test waits");
        let _ = stopped.recv();
    });
    is_ready.recv().expect("the reader has had its guard");
    let slab = Arc::into_inner(slab).expect("the reader has dropped its own");
    let result = f(slab, Arc::default());
    drop(stop);
    reader.join().expect("the reader");
    result
}

/// Inserts and removes `count` values.
fn churn(slab: &Slab<Counted>, drops: &Arc<AtomicUsize>, count: usize) {
    for _ in 0..count {
        let key = slab.insert(Counted(drops.clone())).expect("room");
        assert!(slab.remove(key));
    }
}

fn holds<T: Send + Sync + PartialEq + std::fmt::Debug + 'static>(make: impl Fn(usize) -> T) {
    let mut slab = slab();
    let keys: Vec<Key> = (0..1000).map(|n| slab.insert(make(n)).expect("room")).collect();
    for (n, &key) in keys.iter().enumerate() {
        let value = slab.get(key).expect("live");
        assert_eq!(*value, make(n));
        assert_eq!(std::ptr::from_ref(&*value).addr() % align_of::<T>(), 0);
    }
    for (n, &key) in keys.iter().enumerate().step_by(3) {
        assert_eq!(slab.take(key), Ok(make(n)));
    }
    slab.audit().expect("in order");
    assert_eq!(slab.drain().count(), 666);
    assert_eq!(slab.sweep(0).segments_committed, 0);
}

#[derive(PartialEq, Debug)]
#[repr(align(64))]
struct Aligned(u8);

#[derive(PartialEq, Debug)]
#[repr(align(8192))]
struct Page(u8);

#[test]
fn a_guard_that_is_kept_delays_one_take_and_none_of_what_is_inserted_later() {
    let slab: Slab<String> = Slab::builder().capacity(100).build().expect("a small slab");
    std::thread::scope(|scope| {
        let guard = slab.pin();
        let beside = scope.spawn(|| {
            let key = slab.insert("same era".to_owned()).expect("room");
            assert_eq!(slab.take(key), Err(TakeError::Guarded), "the guard may see it");
            for _ in 0..10 {
                let key = slab.insert("later".to_owned()).expect("room");
                assert_eq!(slab.take(key).as_deref(), Ok("later"));
            }
        });
        beside.join().expect("no panic");
        drop(guard);
    });
    assert_eq!(slab.flush(), 0);
}

#[test]
fn values_of_every_size() {
    holds(|_| ());
    holds(|n| n as u8);
    holds(|n| [n as u8; 3]);
    holds(|n| n as u128);
    holds(|n| [n as u64; 2]);
    holds(|n| Aligned(n as u8));
    holds(|n| Page(n as u8));
    holds(|n| [n as u8; 4096]);
    holds(|n| [n; 1000]);
    holds(|n| n.to_string());
}

#[test]
fn without_another_reader_a_value_is_dropped_immediately() {
    let (slab, drops) = (slab(), Arc::default());
    for n in 1..1000 {
        churn(&slab, &drops, 1);
        assert_eq!(drops.load(Ordering::Relaxed), n);
    }
    // Not while the remover has a guard of its own.
    let key = slab.insert(Counted(drops.clone())).expect("room");
    let guard = slab.pin();
    assert!(guard.get(key).is_some() && slab.remove(key));
    assert_eq!((drops.load(Ordering::Relaxed), slab.stats().waiting), (999, 1));
    drop(guard);
    assert_eq!((slab.flush(), drops.load(Ordering::Relaxed)), (0, 1000));
}

#[test]
fn a_slab_drops_its_live_and_its_deferred_values() {
    let drops = Arc::default();
    let slab = slab();
    let keys: Vec<Key> =
        (0..500).map(|_| slab.insert(Counted(Arc::clone(&drops))).expect("room")).collect();
    let guard = slab.pin();
    for &key in &keys[..100] {
        assert!(guard.get(key).is_some() && slab.remove(key));
    }
    drop(guard);
    let vacant = slab.vacant_entry().expect("room");
    std::mem::forget(vacant);
    assert_eq!((slab.len(), slab.stats().waiting), (400, 100));
    drop(slab);
    assert_eq!(drops.load(Ordering::Relaxed), 500);
}

#[test]
fn removals_drop_deferred_values() {
    with_reader(|slab, drops| {
        churn(&slab, &drops, 10_000);
        assert!(drops.load(Ordering::Relaxed) > 10_000 - 1024, "at most a batch is deferred");
        assert!(slab.stats().waiting < 1024);
        assert_eq!(slab.flush(), 0);
        assert_eq!(drops.load(Ordering::Relaxed), 10_000);
    });
}

#[test]
fn values_of_an_ended_thread_are_dropped_by_others() {
    with_reader(|slab, drops| {
        let (slab, left) = (Arc::new(slab), Arc::default());
        let (other, counter) = (Arc::clone(&slab), Arc::clone(&left));
        // Joined, so that the thread has dropped its thread-locals too.
        std::thread::spawn(move || churn(&other, &counter, 100)).join().expect("a thread");
        assert_eq!(left.load(Ordering::Relaxed), 0, "the thread ended before it dropped any");
        churn(&slab, &drops, 4096);
        assert_eq!(left.load(Ordering::Relaxed), 100);
    });
}

#[test]
fn values_removed_by_a_sleeping_thread_are_dropped_by_others() {
    with_reader(|slab, drops| {
        let asleep = Arc::new(AtomicUsize::new(0));
        let (slab, counter) = (&slab, &asleep);
        let (wake, woken) = mpsc::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                churn(slab, counter, 100);
                ready.send(()).expect("the test waits");
                let _ = woken.recv();
            });
            is_ready.recv().expect("the thread has removed its values");
            assert_eq!(asleep.load(Ordering::Relaxed), 0);
            churn(slab, &drops, 8192);
            assert_eq!(asleep.load(Ordering::Relaxed), 100);
            drop(wake);
        });
    });
}

#[test]
fn a_sleeping_guard_delays_only_the_values_that_it_may_see() {
    let slab = slab::<Counted>();
    let drops = Arc::default();
    let live: Vec<Key> =
        (0..8).map(|_| slab.insert(Counted(Arc::clone(&drops))).expect("room")).collect();
    let (wake, woken) = mpsc::channel::<()>();
    let (ready, is_ready) = mpsc::channel();
    let (slab, drops) = (&slab, &drops);
    std::thread::scope(|scope| {
        let first = live[0];
        scope.spawn(move || {
            let guard = slab.pin();
            let value = guard.get(first).expect("live");
            ready.send(()).expect("the test waits");
            let _ = woken.recv();
            assert!(Arc::strong_count(&value.0) > 0, "the value stays");
        });
        is_ready.recv().expect("a guard sleeps");
        for &key in &live {
            assert!(slab.remove(key));
        }
        churn(slab, drops, 1_000_000);
        let stats = slab.stats();
        assert!(stats.waiting <= 8 + 2 * 1024, "{stats:?}");
        assert!(stats.slots_committed <= 8192, "{stats:?}");
        drop(wake);
    });
    assert_eq!(slab.flush(), 0);
    assert_eq!(drops.load(Ordering::Relaxed), 1_000_008);
}

#[test]
fn values_removed_under_a_guard_each_time_do_not_pile_up() {
    let slab = slab::<Counted>();
    let drops = Arc::default();
    for n in 0..100_000 {
        let guard = slab.pin();
        let key = slab.insert(Counted(Arc::clone(&drops))).expect("room");
        assert!(guard.get(key).is_some() && slab.remove(key));
        drop(guard);
        if n % 1024 == 0 {
            let waiting = slab.stats().waiting;
            assert!(waiting <= 4 * 1024, "{waiting} after {n}");
        }
    }
    assert_eq!(slab.flush(), 0);
    assert_eq!(drops.load(Ordering::Relaxed), 100_000);
}

#[test]
fn a_small_slab_with_sleeping_guards_is_never_full_with_nothing_in_it() {
    for (capacity, sleepers) in [(10, 1), (64, 1), (100, 2), (1000, 3), (1024, 1), (2000, 4)] {
        let slab = Slab::<u64>::builder().capacity(capacity).build().expect("a slab");
        let (wake, woken) = mpsc::channel::<()>();
        let woken = std::sync::Mutex::new(woken);
        std::thread::scope(|scope| {
            for _ in 0..sleepers {
                let (ready, is_ready) = mpsc::channel();
                let (slab, woken) = (&slab, &woken);
                scope.spawn(move || {
                    let guard = slab.pin();
                    ready.send(()).expect("the test waits");
                    let _ = woken.lock().map(|woken| woken.recv());
                    drop(guard);
                });
                is_ready.recv().expect("a guard sleeps");
                for n in 0..5_000 {
                    let key = slab.insert(n).unwrap_or_else(|_| {
                        panic!("{capacity} slots, full after {n}: {:?}", slab.stats())
                    });
                    assert!(slab.remove(key));
                }
            }
            drop(wake);
        });
    }
}

#[test]
fn participants_that_wait_for_guards_keep_slots_of_their_own() {
    let slab = Slab::<u64>::builder().capacity(1 << 20).stripes(1).build().expect("a slab");
    let reader = slab.mutator();
    drop(reader.pin());
    let mutators = [slab.mutator(), slab.mutator()];
    for n in 0..100_000 {
        for mutator in &mutators {
            let key = mutator.insert(n).expect("room");
            assert!(mutator.remove(key));
        }
    }
    // A slot that passes from one to the other takes the bias with it.
    let stats = slab.stats();
    assert_eq!((stats.revocations, stats.ranges_shared), (0, 0), "{stats:?}");
}

#[test]
fn participants_that_end_leave_their_slots_to_those_that_follow() {
    let slab = Slab::<u64>::builder().capacity(1 << 20).stripes(1).build().expect("a slab");
    let reader = slab.mutator();
    drop(reader.pin());
    for _ in 0..4 {
        let mutators = [slab.mutator(), slab.mutator()];
        for n in 0..50_000 {
            for mutator in &mutators {
                let key = mutator.insert(n).expect("room");
                assert!(mutator.remove(key));
            }
        }
    }
    let stats = slab.stats();
    assert_eq!((stats.revocations, stats.ranges_shared), (0, 0), "{stats:?}");
    assert_eq!(stats.mutators, 1, "{stats:?}");
    assert!(stats.slots_committed < 4 * 8192 + 8192, "{stats:?}");
    slab.audit().expect("in order");
}

#[test]
fn slots_of_large_values_are_not_left_to_participants_that_may_never_come() {
    let slab = Slab::<[u64; 512]>::builder().capacity(10_000).build().expect("a slab");
    let other = slab.mutator();
    let mutator = slab.mutator();
    let keys: Vec<_> = (0..300).map(|n| mutator.insert([n; 512]).expect("room")).collect();
    let committed = slab.stats().segments_committed;
    for key in keys {
        assert!(mutator.remove(key));
    }
    drop(mutator);
    for n in 0..300 {
        other.insert([n; 512]).expect("room");
    }
    assert_eq!(slab.stats().segments_committed, committed);
}

/// A value that panics when dropped, if the flag is set.
struct Touchy(Arc<AtomicUsize>, bool);

impl Drop for Touchy {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "touchy");
    }
}

#[test]
fn a_drop_that_panics_leaves_the_slab_whole() {
    let drops = Arc::default();
    let touchy = |panics| Touchy(Arc::clone(&drops), panics);
    let slab = slab();
    let key = slab.insert(touchy(true)).expect("room");
    assert!(catch_unwind(AssertUnwindSafe(|| slab.remove(key))).is_err());
    assert!(!slab.contains(key));
    let guard = slab.pin();
    for n in 0..100 {
        let key = slab.insert(touchy(n % 10 == 3)).expect("room");
        assert!(guard.get(key).is_some() && slab.remove(key));
    }
    drop(guard);
    let mut panics = 0;
    while catch_unwind(AssertUnwindSafe(|| slab.flush())).is_err() {
        panics += 1;
    }
    assert_eq!((panics, drops.load(Ordering::Relaxed)), (10, 101));
    slab.audit().expect("in order");
    assert_eq!(slab.sweep(0).segments_committed, 0);
    for n in 0..50 {
        slab.insert(touchy(n == 20)).expect("room");
    }
    assert!(catch_unwind(AssertUnwindSafe(|| drop(slab))).is_err());
    assert_eq!(drops.load(Ordering::Relaxed), 151, "all other values are dropped");
}

#[test]
fn drops_that_panic_do_not_let_removed_values_pile_up() {
    let drops = Arc::default();
    let slab = slab();
    // Removed values wait, since another participant has had a guard.
    let reader = slab.mutator();
    drop(reader.pin());
    for _ in 0..3_000 {
        let key = slab.insert(Touchy(Arc::clone(&drops), true)).expect("room");
        // Whether it drops a value or not, which panics.
        let _ = catch_unwind(AssertUnwindSafe(|| slab.remove(key)));
        assert!(!slab.contains(key));
    }
    assert!(slab.stats().waiting <= 1024, "a batch: {:?}", slab.stats());
    while catch_unwind(AssertUnwindSafe(|| slab.flush())).is_err() {}
    assert_eq!(drops.load(Ordering::Relaxed), 3_000);
}

static LIST: LazyLock<Slab<Node>> = LazyLock::new(|| Slab::new().expect("addresses"));

/// A node that, when dropped, removes the next one and may insert another.
struct Node(Option<Key>, bool);

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(next) = self.0 {
            assert!(LIST.remove(next));
        }
        if self.1 {
            LIST.insert(Node(None, false)).expect("room");
        }
    }
}

#[test]
fn a_drop_may_use_the_slab() {
    let list = |count: u32, leaves: bool| {
        (0..count).fold(None, |next, _| Some(LIST.insert(Node(next, leaves)).expect("room")))
    };
    assert!(LIST.remove(list(100, true).expect("a list")));
    assert_eq!(LIST.len(), 100);
    // With a reader, so that drops are deferred. The list is long enough to overflow a stack.
    std::thread::scope(|scope| {
        let (wake, woken) = mpsc::channel::<()>();
        let (ready, is_ready) = mpsc::channel();
        scope.spawn(move || {
            drop(LIST.pin());
            ready.send(()).expect("the test waits");
            let _ = woken.recv();
        });
        is_ready.recv().expect("a reader");
        assert!(LIST.remove(list(100_000, false).expect("a list")));
        while LIST.flush() > 0 {}
        drop(wake);
    });
    assert_eq!((LIST.len(), LIST.stats().waiting), (100, 0));
    LIST.audit().expect("in order");
}

#[test]
fn guards_outlive_a_threads_other_locals() {
    std::thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    static SLAB: LazyLock<Slab<u32>> = LazyLock::new(|| Slab::new().expect("addresses"));
    /// Keeps a guard until the thread-locals are dropped, and then uses the slab.
    struct Late(Key, Option<slotarena::slab::Ref<'static, u32>>);
    impl Drop for Late {
        fn drop(&mut self) {
            assert_eq!(self.1.as_deref(), Some(&7));
            let key = SLAB.insert(8).expect("room");
            assert_eq!(SLAB.get(key).as_deref(), Some(&8));
            assert!(SLAB.remove(self.0) && SLAB.remove(key));
            assert_eq!(self.1.as_deref(), Some(&7), "removed, but its guard still reads it");
        }
    }
    for _ in 0..10 {
        std::thread::spawn(|| {
            // Made before the slab's own thread-local, and so dropped after it.
            LATE.with(|late| assert!(late.borrow().is_none()));
            let key = SLAB.insert(7).expect("room");
            LATE.with(|late| *late.borrow_mut() = Some(Late(key, SLAB.get(key))));
        })
        .join()
        .expect("the thread");
    }
    assert_eq!((SLAB.flush(), SLAB.len()), (0, 0));
    SLAB.audit().expect("in order");
}
