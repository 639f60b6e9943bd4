//! Panics lose no slot, and neither do threads and mutators that end without cleanup.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::LazyLock;

use slotarena::{Handle, Packed, Table};

use crate::common::{check, check_empty, check_left, panic_of};

/// A number that panics on its way into a table or out of it, as the thread-locals say.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Moody(u32);

thread_local! {
    static NOT_IN: Cell<bool> = const { Cell::new(false) };
    static NOT_OUT: Cell<bool> = const { Cell::new(false) };
}

impl Packed for Moody {
    type Word = u64;
    fn to_word(self) -> u64 {
        assert!(!NOT_IN.get() || self.0 < 100, "not in");
        u64::from(self.0)
    }
    unsafe fn from_word(word: u64) -> Self {
        assert!(!NOT_OUT.get(), "not out");
        Moody(word as u32)
    }
}

fn table() -> Table<Moody> {
    Table::builder().capacity(1000).build().expect("a table")
}

/// Runs `f`, which must panic with `text`, while `switch` makes conversions panic.
#[track_caller]
fn panics<R>(
    switch: &'static std::thread::LocalKey<Cell<bool>>,
    text: &str,
    f: impl FnOnce() -> R,
) {
    switch.set(true);
    let panic = panic_of(f);
    switch.set(false);
    assert_eq!(panic, text);
}

#[test]
fn a_panic_on_the_way_in_allocates_no_slot() {
    let table = table();
    let handle = table.allocate(Moody(500)).expect("a slot");
    let mutator = table.mutator();
    panics(&NOT_IN, "not in", || table.allocate(Moody(501)));
    panics(&NOT_IN, "not in", || table.set(handle, Moody(501)));
    panics(&NOT_IN, "not in", || mutator.allocate(Moody(501)));
    assert_eq!(table.get(handle), Some(Moody(500)));
    assert_eq!(check(&table).live, 1);
    assert_eq!(mutator.free(handle), Ok(Moody(500)));
    drop(mutator);
    check_empty(&table);
}

#[test]
fn a_panic_amid_many_on_the_way_in_loses_none() {
    let table = table();
    let mut handles = Vec::new();
    panics(&NOT_IN, "not in", || {
        table.allocate_many(&[Moody(1), Moody(2), Moody(500)], &mut handles)
    });
    // The slots allocated before the panic are in the vector, or were freed.
    assert_eq!(check(&table).live, handles.len() as u64);
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}

#[test]
fn a_panic_on_the_way_out_leaves_the_slot_used_or_free() {
    let table = table();
    let handles: Vec<Handle> = (0..3).map(|i| table.allocate(Moody(i)).expect("a slot")).collect();
    panics(&NOT_OUT, "not out", || table.get(handles[0]));
    panics(&NOT_OUT, "not out", || table.set(handles[0], Moody(7)));
    panics(&NOT_OUT, "not out", || table.free(handles[1]));
    panics(&NOT_OUT, "not out", || table.for_each_live(|_, _| ()));
    assert_eq!(table.get(handles[0]), Some(Moody(7)), "set, though the old entry was lost");
    assert_eq!(table.get(handles[1]), None, "freed, though the entry was lost");
    assert_eq!(check(&table).live, 2);
    assert_eq!(table.free(handles[0]), Ok(Moody(7)));
    assert_eq!(table.free(handles[2]), Ok(Moody(2)));
    check_empty(&table);
}

/// An entry that allocates another entry on its way in.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Nested(u32);

static NESTED: LazyLock<Table<Nested>> =
    LazyLock::new(|| Table::builder().capacity(1000).build().expect("a table"));

impl Packed for Nested {
    type Word = u64;
    fn to_word(self) -> u64 {
        let inner = self
            .0
            .checked_sub(1)
            .map(|depth| NESTED.allocate(Nested(depth)).expect("a slot").to_raw());
        u64::from(inner.unwrap_or(0)) << 32 | u64::from(self.0)
    }
    unsafe fn from_word(word: u64) -> Self {
        Nested(word as u32)
    }
}

#[test]
fn a_conversion_may_use_the_table_itself() {
    let table = &*NESTED;
    let mut handles = Vec::new();
    table.allocate_many(&[Nested(3), Nested(0)], &mut handles).expect("five slots");
    let mut found = Vec::new();
    table.for_each_live(|handle, Nested(depth)| found.push((depth, handle)));
    found.sort_unstable();
    let depths: Vec<u32> = found.iter().map(|&(depth, _)| depth).collect();
    assert_eq!(depths, [0, 0, 1, 2, 3]);
    for (_, handle) in found {
        table.free(handle).expect("live");
    }
    check_empty(table);
}

#[test]
fn a_thread_that_panics_loses_no_slot() {
    let table = crate::table(20_000);
    let thread = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mutator = table.mutator();
            for i in 0..100 {
                table.allocate(i).expect("a slot");
                let handle = mutator.allocate(i).expect("a slot");
                assert_eq!(mutator.free(handle), Ok(i));
            }
            // Unwinds as a panic does, but prints no message.
            resume_unwind(Box::new("the end"));
        });
        thread.join()
    });
    assert!(thread.is_err());
    check_left(&table, 2);
    assert_eq!(table.stats().live, 100);
    check(&table);
}

#[test]
fn forgotten_mutators_of_ended_threads_lose_no_slot() {
    let table = crate::table(20_000);
    // All threads hold their slots simultaneously, so that several segments are committed.
    let all_hold = std::sync::Barrier::new(4);
    let handles: Vec<Handle> = std::thread::scope(|scope| {
        let (table, all_hold) = (&table, &all_hold);
        let forget = move |i: u64| {
            let mutator = table.mutator();
            let mut handles = Vec::new();
            let allocated = mutator.allocate_many(&[i; 4000], &mut handles);
            all_hold.wait();
            assert_eq!(allocated, Ok(()));
            assert_eq!(mutator.free_many(&handles[100..]), Ok(()));
            std::mem::forget(mutator);
            handles.truncate(100);
            handles
        };
        let threads: Vec<_> = (0..4).map(|i| scope.spawn(move || forget(i))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(table.stats().free_in_local_stores > 0);
    assert!(table.sweep(0).swept);
    assert_eq!(table.stats().free_in_local_stores, 0);
    assert_eq!(check(&table).live, 400);
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}
