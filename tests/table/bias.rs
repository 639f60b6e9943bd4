//! Ranges of slots that are biased toward a participant.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::{Handle, Mutator, Stats, Table};

use crate::common::check_empty;

/// The slots of a range.
const RANGE: usize = 64;

/// The most revocations between two sweeps.
const REVOCATIONS_MAX: u64 = 5;

fn table() -> Table<u64> {
    Table::builder().capacity(1_000_000).stripes(1).build().expect("a table")
}

/// Returns `true` where the system has what a bias needs.
fn is_available() -> bool {
    table().stats().bias
}

fn allocate(table: &Table<u64>, count: usize) -> Vec<Handle> {
    (0..count as u64).map(|entry| table.allocate(entry).expect("a slot")).collect()
}

fn free(table: &Table<u64>, handles: &[Handle]) {
    for &handle in handles {
        table.free(handle).expect("live");
    }
}

/// Runs `f` on a thread of its own.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| scope.spawn(f).join().expect("no panic"))
}

/// Frees 10 slots in each of `ranges` ranges, by a thread that did not allocate them, after each
/// range has been biased toward the one that did. Returns the figures.
fn trade(table: &Table<u64>, ranges: usize) -> Stats {
    let handles = allocate(table, ranges * RANGE);
    let (own, others): (Vec<_>, Vec<_>) =
        handles.iter().partition(|handle| handle.to_raw() % RANGE as u32 >= 10);
    free(table, &own);
    elsewhere(|| free(table, &others));
    table.stats()
}

#[test]
fn frees_by_one_participant_take_no_revocation() {
    let table = table();
    free(&table, &allocate(&table, 10 * RANGE));
    let stats = table.stats();
    assert_eq!(stats.revocations, 0);
    assert_eq!(stats.ranges_biased > 0, stats.bias, "{stats:?}");
    check_empty(&table);
}

#[test]
fn a_range_is_revoked_once() {
    if !is_available() {
        return;
    }
    let table = table();
    let stats = trade(&table, 3);
    assert!((2..=4).contains(&stats.revocations), "{stats:?}");
    assert!((2..=4).contains(&stats.ranges_shared), "{stats:?}");
    // Nor is one that stays shared.
    elsewhere(|| free(&table, &allocate(&table, RANGE)));
    assert_eq!(table.stats().revocations, stats.revocations);
    check_empty(&table);
}

#[test]
fn revocations_between_two_sweeps_are_bounded() {
    let table = table();
    let stats = trade(&table, 1_000);
    assert_eq!(stats.revocations, if stats.bias { REVOCATIONS_MAX } else { 0 }, "{stats:?}");
    assert_eq!(trade(&table, 100).revocations, stats.revocations);
    check_empty(&table);
}

#[test]
fn a_table_whose_bias_was_revoked_stays_shared_longer_each_time() {
    if !is_available() {
        return;
    }
    let table = table();
    // Sweeps after which the bias was revoked again.
    let mut again = Vec::new();
    let mut before = 0;
    for sweep in 0..20 {
        let revocations = trade(&table, 100).revocations;
        if revocations > before {
            again.push(sweep);
        }
        before = revocations;
        assert!(table.sweep(0).swept);
    }
    assert_eq!(again, [0, 2, 5, 10, 19]);
    // Without traffic between threads it recovers.
    check_empty(&table);
}

#[test]
fn many_changes_in_a_shared_range_make_the_table_shared() {
    if !is_available() {
        return;
    }
    let table = table();
    let before = trade(&table, 1).revocations;
    // The slot that was freed last lies in the shared range.
    for _ in 0..99_000 {
        free(&table, &allocate(&table, 1));
    }
    assert_eq!(table.stats().revocations, before);
    for _ in 0..2_000 {
        free(&table, &allocate(&table, 1));
    }
    assert_eq!(table.stats().revocations, before + 1);
    check_empty(&table);
}

#[test]
fn ranges_are_decided_anew_after_a_sweep() {
    if !is_available() {
        return;
    }
    let table = table();
    let handles = allocate(&table, 160 * RANGE);
    // More than a segment.
    let (first, rest) = handles.split_at(150 * RANGE);
    free(&table, first);
    assert!(table.stats().ranges_biased >= 150);
    assert!(table.sweep(0).swept);
    assert_eq!(table.stats().ranges_biased, 0);
    // Another thread frees there now, and none had a bias.
    elsewhere(|| free(&table, rest));
    let stats = table.stats();
    assert!(stats.ranges_biased >= 9 && stats.revocations == 0, "{stats:?}");
    check_empty(&table);
}

#[test]
fn threads_have_ranges_of_their_own() {
    let table = table();
    let barrier = Barrier::new(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    barrier.wait();
                    free(&table, &allocate(&table, RANGE));
                }
            });
        }
    });
    assert_eq!(table.stats().revocations, 0);
    check_empty(&table);
}

#[test]
fn participants_take_whole_ranges() {
    let table = table();
    let mutators: Vec<_> = (0..4).map(|_| table.mutator()).collect();
    // One after the other, so that all take from one segment.
    let some = |mutator: &Mutator<'_, u64>| -> Vec<Handle> {
        (0..10).map(|entry| mutator.allocate(entry).expect("a slot")).collect()
    };
    let handles: Vec<_> = mutators.iter().map(some).collect();
    // All that each has taken, so that each frees up to the ends of its ranges.
    for (mutator, handles) in mutators.iter().zip(&handles) {
        let rest: Vec<_> =
            (10..RANGE as u64).map(|entry| mutator.allocate(entry).expect("a slot")).collect();
        for handle in handles.iter().chain(&rest) {
            mutator.free(*handle).expect("live");
        }
    }
    assert_eq!(table.stats().segments_committed, 1);
    assert_eq!(table.stats().revocations, 0);
    drop(mutators);
    check_empty(&table);
}

#[test]
fn of_racing_frees_one_succeeds() {
    for bias in [true, false] {
        let table = Table::<u64>::builder().capacity(100_000).bias(bias).build().expect("a table");
        let barrier = Barrier::new(3);
        let (next, freed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (table, barrier, next, freed) = (&table, &barrier, &next, &freed);
                scope.spawn(move || {
                    for round in 0..3_000 {
                        if thread == round % 3 {
                            // Each in turn has the bias.
                            let handles = allocate(table, 2);
                            assert_eq!(table.free(handles[0]), Ok(0));
                            // Relaxed: the barrier orders it.
                            next.store(handles[1].to_raw() as usize, Ordering::Relaxed);
                            if round % 64 == 0 {
                                table.sweep(0);
                            }
                        }
                        barrier.wait();
                        // Relaxed: the barrier orders it.
                        let raw = next.load(Ordering::Relaxed) as u32;
                        let handle = Handle::from_raw(raw).expect("a handle");
                        if let Ok(entry) = table.free(handle) {
                            assert_eq!(entry, 1);
                            // Relaxed: read after the threads have ended.
                            freed.fetch_add(1, Ordering::Relaxed);
                        }
                        barrier.wait();
                    }
                });
            }
        });
        assert_eq!(freed.into_inner(), 3_000, "one of three frees succeeds");
        let stats = table.stats();
        assert_eq!(stats.revocations > 0, bias && is_available(), "{stats:?}");
        check_empty(&table);
    }
}

#[test]
fn a_bias_can_be_left_out() {
    let table = Table::<u64>::builder().capacity(1_000).bias(false).build().expect("a table");
    free(&table, &allocate(&table, 1_000));
    let stats = table.stats();
    assert!(!stats.bias);
    assert_eq!((stats.ranges_biased, stats.ranges_shared, stats.revocations), (0, 0, 0));
    check_empty(&table);
}

#[test]
fn a_double_free_is_refused_whichever_thread_has_the_bias() {
    let table = table();
    let handle = table.allocate(7).expect("a slot");
    assert_eq!(table.free(handle), Ok(7));
    assert!(table.free(handle).is_err());
    assert!(elsewhere(|| table.free(handle)).is_err());
    let handle = table.allocate(8).expect("a slot");
    assert_eq!(elsewhere(|| table.free(handle)), Ok(8));
    assert!(table.free(handle).is_err());
    assert!(elsewhere(|| table.free(handle)).is_err());
    check_empty(&table);
}

#[test]
fn participants_of_ended_threads_leave_their_ranges_usable() {
    let table = table();
    for entry in 0..200 {
        let handles = elsewhere(|| {
            let handles = allocate(&table, 4);
            free(&table, &handles[..2]);
            handles[2..].to_vec()
        });
        // By one that may have taken the place of the first.
        elsewhere(|| assert_eq!(table.free(handles[0]), Ok(2), "{entry}"));
        assert_eq!(table.set(handles[1], 9), Ok(Some(3)));
        assert_eq!(table.free(handles[1]), Ok(9));
    }
    check_empty(&table);
}
