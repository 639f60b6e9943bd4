//! Mistakes that were made in other tables of this kind, and what keeps them out here.
//! `docs/TABLES.md` lists them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;

use slotarena::ExternalPointerTable;
use slotarena::collected::{DispatchEntry, DispatchTable, EntryError, Tag, TagRange};

use super::{Counted, count, counted, pointer, table};

struct Object;

fn object() -> Tag<Object> {
    Tag::new(140).expect("bound to this type alone")
}

/// A marker's bit was lost to a plain store of the program's.
#[test]
fn mark_lost_to_a_plain_store() {
    let (table, space) = table();
    let one = |i: usize| space.allocate(object(), pointer(8 * i + 8)).expect("room").to_raw();
    let handles: Vec<u32> = (0..2_000).map(one).collect();
    for _ in 0..20 {
        let marking = table.begin(&[&space]).expect("idle");
        let is_over = AtomicBool::new(false);
        scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    for &raw in &handles {
                        table.exchange(raw, object(), pointer(16)).expect("it lives");
                    }
                }
            });
            handles.iter().for_each(|&raw| assert!(marking.mark(raw)));
            is_over.store(true, Ordering::Relaxed);
        });
        assert!(handles.iter().all(|&raw| marking.is_marked(raw)));
        let report = marking.sweep().and_then(|s| s.finish()).expect("not inside a call");
        assert_eq!((report.live, report.freed), (2_000, 0));
    }
}

/// Emptying an entry dropped the mark that it had.
#[test]
fn mark_lost_to_a_zap() {
    let (table, space) = table();
    let raw = space.allocate(object(), pointer(8)).expect("room").to_raw();
    let marking = table.begin(&[&space]).expect("idle");
    assert!(marking.mark(raw));
    table.zap(raw, object()).expect("it lives");
    assert!(marking.is_marked(raw) && !marking.mark(raw));
    assert_eq!(marking.sweep().and_then(|s| s.finish()).expect("not inside a call").live, 1);
}

/// A duplicate had the mark of its source, and not that of a new entry.
#[test]
fn duplicate_of_an_unmarked_entry() {
    let (table, space) = table();
    let raw = space.allocate(object(), pointer(8)).expect("room").to_raw();
    let marking = table.begin(&[&space]).expect("idle");
    let copy = table.duplicate(raw, object(), &space).expect("room").to_raw();
    assert!(marking.is_marked(copy) && !marking.is_marked(raw));
    let report = marking.sweep().and_then(|s| s.finish()).expect("not inside a call");
    assert_eq!((report.live, report.freed), (1, 1));
    assert!(table.get(copy, object()).is_some());
}

/// A handle that was fetched twice gave one entry two owners, and one of them an object that was
/// freed with the other.
#[test]
fn two_owners_of_one_entry() {
    let (table, space) = table();
    let drops = std::sync::Arc::default();
    let value = Box::new(Counted { drops: std::sync::Arc::clone(&drops), number: 1 });
    let raw = space.allocate_owned(counted(), value).expect("room").to_raw();
    let copy = table.duplicate(raw, counted(), &space);
    assert_eq!(copy, Err(EntryError::Owned { raw }));
    table.zap(raw, counted()).expect("it lives");
    assert!(table.with(raw, counted(), |_| ()).is_err());
    assert!(table.take(raw, counted()).is_err());
    assert_eq!(count(&drops), 1);
}

/// An object was retired, and its entry named it still.
#[test]
fn entry_of_a_retired_object() {
    let (table, space) = table();
    let drops = std::sync::Arc::default();
    let value = Box::new(Counted { drops: std::sync::Arc::clone(&drops), number: 1 });
    let raw = space.allocate_owned(counted(), value).expect("room").to_raw();
    drop(table.take(raw, counted()).expect("it lives"));
    assert_eq!(table.get_in(raw, TagRange::ALL), None);
    assert_eq!(count(&drops), 1);
}

/// An object could be reached before it was whole.
#[test]
fn object_reached_before_it_is_whole() {
    let (table, space) = table();
    let handle = space.allocate_unpublished().expect("room");
    assert_eq!(table.get_in(handle.to_raw(), TagRange::ALL), None);
    table.publish(handle, object(), pointer(8)).expect("not yet");
    assert!(table.get(handle.to_raw(), object()).is_some());
}

/// The link of a free entry was taken for an entry, or an entry for a link.
#[test]
fn free_entry_taken_for_a_live_one() {
    let (table, space) = table();
    let one = |i: usize| space.allocate(object(), pointer(8 * i + 8)).expect("room").to_raw();
    let handles: Vec<u32> = (0..20_000).map(one).collect();
    handles.iter().step_by(2).for_each(|&raw| table.free(raw, object()).expect("it lives"));
    table.begin(&[&space]).and_then(|m| m.sweep()).and_then(|s| s.finish()).expect("idle");
    for &raw in &handles {
        assert_eq!(table.get_in(raw, TagRange::ALL), None);
        assert!(matches!(table.free(raw, TagRange::ALL), Err(EntryError::Handle(_))));
    }
    space.audit().expect("idle").expect("no violation");
}

/// A sweep that goes down with an unsigned index begins again at the top after index 0.
#[test]
fn sweep_down_to_the_first_entry() {
    let (table, space) = table();
    let raw = space.allocate(object(), pointer(8)).expect("room").to_raw();
    assert_eq!(raw, 1);
    let marking = table.begin(&[&space]).expect("idle");
    let report = marking.sweep().and_then(|s| s.finish()).expect("not inside a call");
    assert_eq!((report.freed, report.segments_released), (1, 1));
    assert_eq!(table.get_in(0, TagRange::ALL), None);
}

/// The comparison with the end of the read-only part was off by one.
#[test]
fn first_entry_after_the_read_only_part() {
    let table = ExternalPointerTable::builder().capacity(50_000).read_only_segments(2);
    let table = table.build().expect("a table");
    let space = table.space().expect("a space");
    let raw = space.allocate(object(), pointer(8)).expect("room").to_raw();
    assert_eq!(raw, 16_384);
    table.exchange(raw, object(), pointer(16)).expect("it is not read-only");
    let last = table.exchange(raw - 1, object(), pointer(16));
    assert_eq!(last, Err(EntryError::ReadOnly { raw: raw - 1 }));
    let marking = table.begin(&[&space]).expect("idle");
    assert!(marking.mark(raw) && !marking.mark(raw - 1));
}

/// An update was two stores, between which a reader found new code with the old object.
#[test]
fn code_with_the_object_of_another() {
    let table = DispatchTable::builder().capacity(1_000).build().expect("a table");
    let space = table.space().expect("a space");
    let entry = |n: usize| DispatchEntry { code: n << 4, object: n, parameters: 3 };
    let raw = space.allocate(entry(1)).expect("room").to_raw();
    scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 2..200_000 {
                let old = table.set(raw, entry(n)).expect("as many parameters");
                assert_eq!(old, entry(n - 1));
            }
        });
        while !writer.is_finished() {
            let found = table.get(raw).expect("it lives");
            assert_eq!(found, entry(found.object));
        }
    });
}

/// Swapped handles made a call with too few arguments.
#[test]
fn function_of_other_parameters() {
    let table = DispatchTable::builder().capacity(1_000).build().expect("a table");
    let space = table.space().expect("a space");
    let two = DispatchEntry { code: 16, object: 8, parameters: 2 };
    let raw = space.allocate(two).expect("room").to_raw();
    let five = table.set(raw, DispatchEntry { parameters: 5, ..two });
    assert_eq!(five, Err(EntryError::Tag { raw, found: 2 }));
    // Freed and used again: what a stale handle finds says its own count.
    table.free(raw).expect("it lives");
    let again = space.allocate(DispatchEntry { parameters: 5, ..two }).expect("room").to_raw();
    assert_eq!(again, raw);
    assert_eq!(table.get(raw).map(|entry| entry.parameters), Some(5));
}

/// Allocation never made room, and ended the process when there was none.
#[test]
fn full_table_is_an_error_and_a_collection_makes_room() {
    let table = ExternalPointerTable::builder().capacity(10_000).build().expect("a table");
    let space = table.space().expect("a space");
    let mut made = 0;
    let error = loop {
        match space.allocate(object(), pointer(8)) {
            Ok(_) => made += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, EntryError::Alloc(_)));
    assert_eq!((made, space.stats().live), (10_000, 10_000));
    table.begin(&[&space]).and_then(|m| m.sweep()).and_then(|s| s.finish()).expect("idle");
    assert!(space.allocate(object(), pointer(8)).is_ok());
}
