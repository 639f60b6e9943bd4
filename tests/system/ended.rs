//! What threads that have ended leave behind.

use std::sync::Barrier;

use slotarena::Table;

use crate::alone::alone;
use crate::common::check_empty;

/// Returns the resident bytes of this process.
fn resident() -> i64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("this process's memory");
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<i64>().ok());
    pages.expect("a number") * 4096
}

/// Runs this many threads at once, which use a table if there is one, and joins them.
fn many(table: Option<&Table<u64>>, threads: usize) {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads)
            .map(|_| {
                let work = || {
                    let handle = table.map(|table| table.allocate(1).expect("a slot"));
                    barrier.wait();
                    let freed = table.zip(handle).map(|(table, handle)| table.free(handle));
                    assert!(freed.is_none_or(|freed| freed == Ok(1)));
                };
                std::thread::Builder::new().stack_size(128 << 10).spawn_scoped(scope, work)
            })
            .collect();
        for thread in all {
            thread.expect("a thread").join().expect("no panic");
        }
    });
}

#[test]
fn records_of_threads_that_have_ended_are_reused_and_freed() {
    alone("ended::records_of_threads_that_have_ended_are_reused_and_freed", || {
        let table = Table::<u64>::builder().capacity(100_000).build().expect("a table");
        many(Some(&table), 16);
        table.sweep(0);
        // The C library keeps stacks.
        many(None, 4_000);
        // SAFETY: gives back what the C library keeps of freed memory.
        unsafe { libc::malloc_trim(0) };
        let before = resident();
        many(Some(&table), 4_000);
        assert!(table.stats().mutators <= 1, "{:?}", table.stats());
        // A stop visits the records in use, of which the many threads left none.
        table.sweep(0);
        // SAFETY: as above.
        unsafe { libc::malloc_trim(0) };
        let left = resident() - before;
        assert!(left < 1 << 20, "{left} bytes are left");
        check_empty(&table);
    });
}
