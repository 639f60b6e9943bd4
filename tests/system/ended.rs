//! What threads that have ended leave behind.

use std::sync::Barrier;

use slotarena::{Slab, Table};

use crate::alone::alone;
use crate::common::check_empty;

/// Returns the bytes of the heap that are in use.
///
/// The resident bytes would tell of the C library instead: it keeps the stacks of some hundred
/// threads, each with the pages that its thread has touched, and the free memory of its arenas.
fn in_use() -> i64 {
    // SAFETY: reads the C library's figures.
    let figures = unsafe { libc::mallinfo2() };
    (figures.uordblks + figures.hblkhd) as i64
}

/// Runs this many threads at once, and joins them. Each calls `begin`, and once all have, `end`
/// with the result.
fn many<R: Send>(threads: usize, begin: impl Fn() -> R + Sync, end: impl Fn(R) + Sync) {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                let work = || {
                    let begun = begin();
                    barrier.wait();
                    end(begun);
                };
                std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, work)
            })
            .collect();
        for thread in all {
            thread.expect("a thread").join().expect("no panic");
        }
    });
}

/// Checks that threads which `begin` and `end` leave less than a MiB, once `rest` is done.
fn leave_little<R: Send>(begin: impl Fn() -> R + Sync, end: impl Fn(R) + Sync, rest: impl Fn()) {
    many(16, &begin, &end);
    rest();
    let before = in_use();
    many(4_000, &begin, &end);
    rest();
    let left = in_use() - before;
    assert!(left < 1 << 20, "{left} bytes are left");
}

#[test]
fn records_of_threads_that_have_ended_are_reused_and_freed() {
    alone("ended::records_of_threads_that_have_ended_are_reused_and_freed", || {
        let table = Table::<u64>::builder().capacity(100_000).build().expect("a table");
        let free = |handle| assert_eq!(table.free(handle), Ok(1));
        leave_little(
            || table.allocate(1).expect("a slot"),
            free,
            || {
                table.sweep(0);
            },
        );
        // A stop visits the records in use, of which the many threads left none.
        assert!(table.stats().mutators <= 1, "{:?}", table.stats());
        check_empty(&table);
    });
}

#[test]
fn participants_of_threads_that_have_ended_are_reused_and_freed() {
    alone("ended::participants_of_threads_that_have_ended_are_reused_and_freed", || {
        let slab = Slab::<u64>::builder().capacity(100_000).build().expect("a slab");
        let remove = |key| {
            // A guard of each, so that values wait, and each is a reader.
            assert_eq!(slab.pin().get(key), Some(&1));
            assert!(slab.remove(key));
        };
        leave_little(
            || slab.insert(1).expect("a slot"),
            remove,
            || {
                assert_eq!(slab.flush(), 0);
                slab.sweep(0);
            },
        );
        assert_eq!(slab.len(), 0);
        slab.audit().expect("a whole slab");
    });
}
