//! An allocation reports a full table only if the table is full.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use slotarena::Table;

use crate::Deadline;
use crate::common::{Participant, cases, check, on_threads};

#[test]
fn no_allocation_fails_while_another_thread_merely_keeps_free_slots() {
    const THREADS: usize = 4;
    let total = AtomicU64::new(0);
    for quota in [1, 50] {
        let capacity = (quota * THREADS) as u32;
        let table = Table::<u64>::builder().capacity(capacity).build().expect("a table");
        let deadline = Deadline::after(3.0);
        // The quotas add up to the capacity, and a thread that allocates holds at least one less
        // than its quota. So a slot is free, perhaps in another thread's local store.
        on_threads(THREADS, |i| {
            let mut random = Rng::with_seed(i as u64);
            let mut through = match i % 2 {
                0 => Participant::Thread(&table),
                _ => Participant::Mutator(table.mutator()),
            };
            let mut held = Vec::new();
            let mut done = 0;
            while !deadline.has_come() {
                while held.len() < quota {
                    held.push(through.allocate(i as u64).expect("a slot is free"));
                    done += 1;
                }
                for _ in 0..=random.usize(..quota) {
                    let handle = held.swap_remove(random.usize(..held.len()));
                    assert_eq!(through.free(handle), Ok(i as u64));
                }
            }
            total.fetch_add(done, Ordering::Relaxed);
            assert_eq!(through.free_many(&held), Ok(()));
        });
        assert_eq!(check(&table).live, 0);
    }
    cases("allocations of the last free slots", total.into_inner());
}
