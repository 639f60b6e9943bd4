//! A table that is made by whoever comes first.

use slotarena::{StaticTable, Table};

use crate::stage::model;

#[test]
fn first_use() {
    let what = "two threads use a static table for the first time";
    model("first_use", "3 7", what).explore(|| {
        let builder = Table::<u64>::builder().capacity(3).stripes(1).magazine_size(1);
        // A `static` cannot hold loom's atomics; a leaked box stands for one, and is taken back.
        let shared: *mut StaticTable<u64> =
            Box::into_raw(Box::new(StaticTable::new(builder.segment_shift(1))));
        let address = shared as usize;
        let threads: Vec<_> = (0..2)
            .map(|_| {
                loom::thread::spawn(move || {
                    // SAFETY: the box outlives both threads, which are joined below.
                    let shared: &'static StaticTable<u64> =
                        unsafe { &*(address as *const StaticTable<u64>) };
                    let table = shared.get().expect("a small table");
                    table.capacity() as usize + std::ptr::from_ref(table).addr()
                })
            })
            .collect();
        let tables: Vec<usize> = threads.into_iter().map(|t| t.join().expect("a thread")).collect();
        assert_eq!(tables[0], tables[1], "both have the same table");
        // SAFETY: made from a box above; nobody uses it any more.
        let shared = unsafe { Box::from_raw(shared) };
        shared.take_down();
    });
}
