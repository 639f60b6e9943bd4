//! A table has exactly as many slots as it says, whoever holds them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use slotarena::{AllocError, Handle, Table};

use crate::common::{Random, check, check_capacity, check_empty, on_threads};
use crate::table;

/// Capacities around the ends of segments, and very small ones.
const CAPACITIES: [u32; 6] = [1, 2, 1000, 8191, 8192, 8193];

/// As many as are needed for slots to lie in several private stores at once.
const THREADS: usize = 4;

/// All that can be had, up to the first refusal, which must be the right one.
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
fn exhaustion_is_said_in_words_that_name_the_capacity() {
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
            // Freed into another's private store, and found there.
            assert_eq!(mutator.free(handle), Ok(0));
            assert_eq!(table.allocate(0), Ok(handle));
            assert!(table.allocate(0).is_err());
        }
    }
}

/// Allocates and frees at random, then frees what it still holds.
fn allocate_and_free(table: &Table<u64>, random: &mut Random, out: &AtomicU32) {
    let mut handles: Vec<Handle> = Vec::new();
    for _ in 0..2000 {
        if random.once_in(2) && !handles.is_empty() {
            let handle = handles.swap_remove(random.below(handles.len()));
            // Counted off before it is freed and counted on after it was allocated: never more
            // than there are.
            out.fetch_sub(1, Ordering::Relaxed);
            assert_eq!(table.free(handle), Ok(0));
        } else if let Ok(handle) = table.allocate(0) {
            let before = out.fetch_add(1, Ordering::Relaxed);
            assert!(before < table.capacity(), "{before} were out, and one more was handed out");
            handles.push(handle);
        }
    }
    out.fetch_sub(handles.len() as u32, Ordering::Relaxed);
    assert_eq!(table.free_many(&handles), Ok(()));
}

#[test]
fn all_slots_can_be_had_while_threads_that_cache_some_sit_idle() {
    for capacity in CAPACITIES {
        let table = table(capacity);
        let out = AtomicU32::new(0);
        let (idle, goes_idle) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            // Lives as long as this closure does, and the threads as long as it.
            let stays: Vec<mpsc::Sender<()>> = (0..THREADS as u64)
                .map(|seed| {
                    let (table, out, idle) = (&table, &out, idle.clone());
                    let (stay, end) = mpsc::channel();
                    scope.spawn(move || {
                        allocate_and_free(table, &mut Random::new(seed), out);
                        idle.send(()).expect("somebody listens");
                        end.recv().expect_err("the other end is dropped");
                    });
                    stay
                })
                .collect();
            drop(idle);
            assert_eq!(goes_idle.iter().take(THREADS).count(), THREADS);
            // Nobody is left to help: the others keep what they have in store.
            assert_eq!(table.stats().mutators, stays.len());
            let handles = take_all(&table);
            assert_eq!(handles.len(), capacity as usize);
            assert_eq!(table.free_many(&handles), Ok(()));
        });
    }
}

#[test]
fn no_allocation_fails_while_fewer_slots_are_out_than_there_are() {
    for capacity in [8, 1000] {
        let table = table(capacity);
        // Each holds its quota or one less, and all quotas together are the capacity: whenever
        // one of them allocates, at least one slot is free, if only in another's private store.
        let quota = capacity as usize / THREADS;
        on_threads(THREADS, |seed| {
            let mut random = Random::new(seed as u64);
            let mut handles: Vec<Handle> =
                (0..quota).map(|_| table.allocate(0).expect("within the quota")).collect();
            for _ in 0..5000 {
                let handle = handles.swap_remove(random.below(quota));
                assert_eq!(table.free(handle), Ok(0));
                handles.push(table.allocate(0).expect("within the quota"));
            }
        });
        assert_eq!(check(&table).live, u64::from(capacity));
        assert_eq!(take_all(&table), []);
    }
}

#[test]
fn what_the_processors_share_of_stripes_and_stores_is_does_not_matter() {
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
