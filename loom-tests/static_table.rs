//! A table that is made by whoever comes first.

use slotarena::{StaticTable, Table};

use crate::checker::thread::spawn;
use crate::outcome;
use crate::stage::model;

/// Two threads do `play` with one static table, the first of which makes it.
fn share(play: fn(u64, &'static Table<u64>) -> u64) -> Vec<u64> {
    let builder = Table::<u64>::builder().capacity(3).stripes(1).magazine_size(1);
    // A `static` cannot hold loom's atomics; a leaked box stands for one, and is taken back.
    let shared: *mut StaticTable<u64> =
        Box::into_raw(Box::new(StaticTable::new(builder.segment_shift(1))));
    let address = shared as usize;
    let threads: Vec<_> = (0..2u64)
        .map(|number| {
            spawn(move || {
                // SAFETY: the box outlives both threads, which are joined below.
                let shared: &'static StaticTable<u64> =
                    unsafe { &*(address as *const StaticTable<u64>) };
                let result = play(number, shared.get().expect("a small table"));
                (result, outcome::history())
            })
        })
        .collect();
    let results = threads.into_iter().map(|thread| {
        let (result, history) = thread.join().expect("a thread");
        outcome::note(history);
        result
    });
    let results = results.collect();
    // SAFETY: made from a box above; nobody uses it any more.
    let shared = unsafe { Box::from_raw(shared) };
    shared.take_down();
    results
}

#[test]
fn first_use() {
    let what = "two threads ask for a static table for the first time";
    model("first_use", "7", what).small().explore(|| {
        let tables = share(|_, table| std::ptr::from_ref(table).addr() as u64);
        assert_eq!(tables[0], tables[1], "both have the same table");
    });
}

#[test]
fn first_allocation() {
    let what = "two threads allocate from a static table that neither has used before";
    model("first_allocation", "3 7", what).long().explore(|| {
        let handles = share(|number, table| {
            let handle = table.mutator().allocate(number).expect("a slot for each");
            assert_eq!(table.get(handle), Some(number), "Invariant 7");
            u64::from(handle.to_raw())
        });
        assert_ne!(handles[0], handles[1], "Invariant 3: one owner for a slot");
    });
}
