//! Allocating, reading, replacing, and freeing, on the table itself.

use std::error::Error;

use slotarena::{AllocError, Handle, SetError, Table};

use crate::common::{check, check_empty, handle};
use crate::table;

#[test]
fn an_entry_is_found_under_its_handle() {
    let table = table(100);
    let (a, b) = (table.allocate(7).expect("a slot"), table.allocate(8).expect("a slot"));
    assert_ne!(a, b);
    assert_eq!((table.get(a), table.get(b)), (Some(7), Some(8)));
    assert_eq!(table.get_raw(a.to_raw()), Some(7));
}

#[test]
fn freeing_returns_the_entry_and_the_handle_then_finds_none() {
    let table = table(100);
    let handle = table.allocate(7).expect("a slot");
    assert_eq!(table.free(handle), Ok(7));
    assert_eq!(table.get(handle), None);
    check_empty(&table);
}

#[test]
fn setting_replaces_the_entry_and_returns_the_old_one() {
    let table = table(100);
    let handle = table.allocate(7).expect("a slot");
    assert_eq!(table.set(handle, 8), Ok(Some(7)));
    assert_eq!(table.get(handle), Some(8));
    assert_eq!(table.free(handle), Ok(8));
}

#[test]
fn an_uninitialized_slot_has_no_entry() {
    let table = table(100);
    let handle = table.allocate_uninitialized().expect("a slot");
    assert_eq!(table.get(handle), None);
    assert_eq!(table.free(handle).map_err(|error| error.raw()), Err(handle.to_raw()));
    let audit = check(&table);
    assert_eq!((audit.live, audit.uninitialized), (0, 1));
}

#[test]
fn an_uninitialized_slot_can_be_freed_once() {
    let table = table(100);
    let handle = table.allocate_uninitialized().expect("a slot");
    assert_eq!(table.free_uninitialized(handle), Ok(()));
    assert!(table.free_uninitialized(handle).is_err());
    check_empty(&table);
}

#[test]
fn setting_makes_an_uninitialized_slot_a_live_one() {
    let table = table(100);
    let handle = table.allocate_uninitialized().expect("a slot");
    assert_eq!(table.set(handle, 9), Ok(None));
    assert_eq!(table.get(handle), Some(9));
    assert!(table.free_uninitialized(handle).is_err());
    assert_eq!(table.free(handle), Ok(9));
    check_empty(&table);
}

#[test]
fn other_threads_set_or_free_uninitialized_slots() {
    let table = table(100);
    let (a, b) = (table.allocate_uninitialized(), table.allocate_uninitialized());
    let (a, b) = (a.expect("a slot"), b.expect("a slot"));
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(table.set(a, 1), Ok(None)));
        scope.spawn(|| assert_eq!(table.free_uninitialized(b), Ok(())));
    });
    let audit = check(&table);
    assert_eq!((audit.live, audit.uninitialized), (1, 0));
}

/// Checks that every operation refuses a handle, names it in the error, and changes nothing.
#[track_caller]
fn is_refused(table: &Table<u64>, handle: Handle) {
    let before = check(table);
    let raw = handle.to_raw();
    assert_eq!(table.get(handle), None);
    let error = table.free(handle).expect_err("no live slot");
    assert_eq!(error.raw(), raw);
    assert_eq!(error.to_string(), format!("handle {raw} names no slot in use"));
    assert_eq!(table.free_uninitialized(handle), Err(error));
    assert_eq!(table.set(handle, 1), Err(SetError::InvalidHandle(error)));
    let set = SetError::from(error);
    assert_eq!(set.to_string(), format!("handle {raw} was refused, and no entry was stored"));
    assert_eq!(set.source().map(ToString::to_string), Some(error.to_string()));
    let many = table.free_many(&[handle]).expect_err("no live slot");
    assert_eq!((many.first, many.refused, many.freed), (error, 1, 0));
    assert_eq!(check(table), before);
}

#[test]
fn a_second_free_is_refused() {
    let table = table(100);
    let handle = table.allocate(7).expect("a slot");
    table.free(handle).expect("live");
    is_refused(&table, handle);
}

#[test]
fn a_handle_never_allocated_is_refused() {
    let table = table(20_000);
    let used = table.allocate(7).expect("a slot");
    for raw in [1, 2, 77, 8191, 8192, 19_999, 20_000] {
        if raw != used.to_raw() {
            is_refused(&table, handle(raw));
        }
    }
    assert_eq!(table.get(used), Some(7));
}

#[test]
fn a_handle_beyond_the_capacity_is_refused() {
    for capacity in [1, 100, 8191, 8192, 20_000] {
        let table = table(capacity);
        for raw in [capacity + 1, 8 * 8192, 1 << 20, i32::MAX as u32, u32::MAX - 1, u32::MAX] {
            is_refused(&table, handle(raw));
        }
    }
}

#[test]
fn a_handle_into_a_released_segment_is_refused() {
    let table = table(20_000);
    let handle = table.allocate(7).expect("a slot");
    table.free(handle).expect("live");
    assert_eq!(table.sweep(0).segments_released, 1);
    is_refused(&table, handle);
}

#[test]
fn null_is_no_handle() {
    assert_eq!(Handle::from_raw(0), None);
    let error = Handle::try_from(0).expect_err("null");
    assert_eq!(error.raw(), 0);
    assert_eq!(error.to_string(), "the null handle names no slot");
}

#[test]
fn a_handle_is_its_number() {
    for raw in [1, 8192, u32::MAX] {
        assert_eq!(u32::from(handle(raw)), raw);
        assert_eq!(Handle::from_raw(raw).map(Handle::to_raw), Some(raw));
    }
    assert!(handle(1) < handle(2));
    assert_eq!(format!("{:?}", handle(7)), "Handle(7)");
}

#[test]
fn many_handles_are_appended_in_order() {
    let table = table(1000);
    let first = table.allocate(99).expect("a slot");
    let mut handles = vec![first];
    let entries: Vec<u64> = (0..500).collect();
    table.allocate_many(&entries, &mut handles).expect("500 slots");
    assert_eq!((handles.len(), handles[0]), (501, first));
    assert!(handles[1..].iter().map(|&handle| table.get(handle)).eq((0..500).map(Some)));
    assert_eq!(table.allocate_many(&[], &mut handles), Ok(()));
    assert_eq!(handles.len(), 501);
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}

#[test]
fn of_many_entries_that_do_not_all_fit_none_is_stored() {
    let table = table(1000);
    let first = table.allocate(99).expect("a slot");
    let mut handles = vec![first];
    let result = table.allocate_many(&[5; 1000], &mut handles);
    assert_eq!(result, Err(AllocError::CapacityExhausted { capacity: 1000 }));
    assert_eq!(handles, [first]);
    assert_eq!(check(&table).live, 1);
    table.allocate_many(&[5; 999], &mut handles).expect("they fit");
    assert_eq!(check(&table).live, 1000);
}

#[test]
fn of_many_entries_one_of_which_has_the_reserved_bit_none_is_stored() {
    let table = table(1000);
    let mut handles = Vec::new();
    let result = table.allocate_many(&[1, 2, u64::MAX, 4], &mut handles);
    assert_eq!(result, Err(AllocError::ReservedBit { word: u128::from(u64::MAX) }));
    assert_eq!(handles, []);
    check_empty(&table);
}

#[test]
fn freeing_many_frees_the_live_handles_among_the_others() {
    let table = table(1000);
    let live: Vec<Handle> = (0..200).map(|i| table.allocate(i).expect("a slot")).collect();
    let uninitialized = table.allocate_uninitialized().expect("a slot");
    let mut mixed = live.clone();
    mixed.insert(3, handle(u32::MAX));
    mixed.insert(150, uninitialized);
    mixed.push(live[0]);
    let error = table.free_many(&mixed).expect_err("three are refused");
    assert_eq!((error.first.raw(), error.refused, error.freed), (u32::MAX, 3, 200));
    let text = "3 of 203 handles refused, the first is 4294967295";
    assert_eq!(error.to_string(), text);
    let audit = check(&table);
    assert_eq!((audit.live, audit.uninitialized), (0, 1));
    assert_eq!(table.free_many(&[]), Ok(()));
}
