//! A table has exactly as many slots as it says, whichever participants hold them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use fastrand::Rng;
use slotarena::{AllocError, Handle, Table};

use crate::common::{check, check_capacity, check_empty, on_threads};
use crate::table;

/// Capacities around the ends of segments, and very small ones.
const CAPACITIES: [u32; 6] = [1, 2, 1000, 8191, 8192, 8193];

/// Enough threads for free slots to lie in several local stores simultaneously.
const THREADS: usize = 4;

/// Allocates until the first refusal, which must be the right one.
fn take_all(table: &Table<u64>) -> Vec<Handle> {
    let mut handles = Vec::new();
    loop {
        match table.allocate(0) {
            Ok(handle) => handles.push(handle),
            Err(error) => {
                let capacity = table.capacity();
                assert_eq!(error, AllocError::CapacityExhausted { capacity });
                return handles;
            }
        }
    }
}

#[test]
fn one_thread_gets_every_slot_and_no_more() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        check_capacity(&table);
        check_empty(&table);
    }
}

#[test]
fn the_error_of_an_exhausted_table_names_the_capacity() {
    let table = table(2);
    take_all(&table);
    let error = table.allocate(0).expect_err("full");
    assert_eq!(error.to_string(), "all 2 slots of the table are in use");
    assert_eq!(table.allocate_uninitialized(), Err(error));
}

#[test]
fn four_threads_that_take_all_they_can_get_every_slot_and_no_more() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        let taken = on_threads(THREADS, |_| take_all(&table)).concat();
        let mut numbers: Vec<u32> = taken.iter().map(|handle| handle.to_raw()).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(1..=capacity), "each of {capacity} slots once");
        assert_eq!(take_all(&table), []);
        assert_eq!(table.free_many(&taken), Ok(()));
        check_empty(&table);
    }
}

#[test]
fn an_exhausted_table_goes_on_as_soon_as_a_slot_is_free() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        let handles = take_all(&table);
        let mutator = table.mutator();
        for handle in [handles[0], handles[handles.len() - 1]] {
            // Freed into the mutator's local store, and found there.
            assert_eq!(mutator.free(handle), Ok(0));
            assert_eq!(table.allocate(0), Ok(handle));
            assert!(table.allocate(0).is_err());
        }
    }
}

/// Allocates and frees at random, then frees the rest. `used` never exceeds the slots in use.
fn allocate_and_free(table: &Table<u64>, random: &mut Rng, used: &AtomicU32) {
    let mut handles: Vec<Handle> = Vec::new();
    for _ in 0..2000 {
        if random.bool() && !handles.is_empty() {
            let handle = handles.swap_remove(random.usize(..handles.len()));
            // Subtracted before the free, and added after the allocation.
            used.fetch_sub(1, Ordering::Relaxed);
            assert_eq!(table.free(handle), Ok(0));
        } else if let Ok(handle) = table.allocate(0) {
            let before = used.fetch_add(1, Ordering::Relaxed);
            assert!(
                before < table.capacity(),
                "{before} slots were in use, and one more was allocated"
            );
            handles.push(handle);
        }
    }
    used.fetch_sub(handles.len() as u32, Ordering::Relaxed);
    assert_eq!(table.free_many(&handles), Ok(()));
}

#[test]
fn all_slots_can_be_allocated_while_idle_threads_cache_some() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        let used = AtomicU32::new(0);
        let (idle, goes_idle) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            // Each thread lives until its sender is dropped, at the end of this closure.
            let stays: Vec<mpsc::Sender<()>> = (0..THREADS as u64)
                .map(|seed| {
                    let (table, used, idle) = (&table, &used, idle.clone());
                    let (stay, end) = mpsc::channel();
                    scope.spawn(move || {
                        allocate_and_free(table, &mut Rng::with_seed(seed), used);
                        idle.send(()).expect("the test receives");
                        end.recv().expect_err("the other end is dropped");
                    });
                    stay
                })
                .collect();
            drop(idle);
            assert_eq!(goes_idle.iter().take(THREADS).count(), THREADS);
            // The idle threads keep the free slots of their local stores.
            assert_eq!(table.stats().mutators, stays.len());
            let handles = take_all(&table);
            assert_eq!(handles.len(), capacity as usize);
            assert_eq!(table.free_many(&handles), Ok(()));
        });
    }
}

#[test]
fn no_allocation_fails_while_a_slot_is_free() {
    for capacity in [8, 1000] {
        let table = table(capacity);
        // The quotas add up to the capacity, and a thread that allocates holds one less than its
        // quota. So a slot is free, perhaps in another thread's local store.
        let quota = capacity as usize / THREADS;
        on_threads(THREADS, |seed| {
            let mut random = Rng::with_seed(seed as u64);
            let mut handles: Vec<Handle> =
                (0..quota).map(|_| table.allocate(0).expect("within the quota")).collect();
            for _ in 0..5000 {
                let handle = handles.swap_remove(random.usize(..quota));
                assert_eq!(table.free(handle), Ok(0));
                handles.push(table.allocate(0).expect("within the quota"));
            }
        });
        assert_eq!(check(&table).live, u64::from(capacity));
        assert_eq!(take_all(&table), []);
    }
}

#[test]
fn the_capacity_depends_on_neither_stripes_nor_magazines() {
    for (stripes, magazine_size) in [(1, 1), (1, 256), (8, 2), (64, 256), (1024, 64)] {
        for capacity in [1, 1000, 8193] {
            let builder = Table::<u64>::builder().capacity(capacity);
            let table = builder.stripes(stripes).magazine_size(magazine_size).build();
            let table = table.expect("a table");
            let taken: usize = on_threads(THREADS, |_| take_all(&table).len()).into_iter().sum();
            assert_eq!(taken, capacity as usize, "{stripes} stripes, stores of {magazine_size}");
        }
    }
}
