//! `Debug` and `Display` of tables, conversions of handles, and `source()` of errors.

use std::fmt::Display;

use slotarena::{Handle, HandleError, SetError, Table, UniqueTable};

use crate::common::{handle, is_short, source_of};
use crate::table;

#[test]
fn debug_of_a_table_is_one_short_line() {
    let table = Table::<u64>::new().expect("a table");
    is_short(&table, "Table");
    is_short(&table.mutator(), "Mutator");
}

#[test]
fn debug_of_a_unique_table_is_one_short_line() {
    let table = UniqueTable::<u64>::new().expect("a table");
    let mutator = table.mutator();
    let owner = mutator.allocate(7).expect("a slot");
    is_short(&table, "UniqueTable");
    is_short(&mutator, "Mutator");
    is_short(&owner, "Unique");
    let text = format!("{owner:?}");
    assert!(text.contains(&format!("{:?}", owner.handle())) && text.contains('7'), "{text}");
}

#[test]
fn debug_takes_no_lock() {
    let table = table(100);
    let (mutator, mut met) = (table.mutator(), 0);
    mutator.allocate(7).expect("a slot");
    table.for_each_live(|_, _| {
        is_short(&table, "Table");
        is_short(&mutator, "Mutator");
        met += 1;
    });
    assert_eq!(met, 1);
    let table = UniqueTable::<u64>::builder().capacity(100).build().expect("a table");
    let (owner, mutator) = (table.allocate(7).expect("a slot"), table.mutator());
    table.for_each_live(|_, _| {
        is_short(&table, "UniqueTable");
        is_short(&owner, "Unique");
        is_short(&mutator, "Mutator");
        met += 1;
    });
    assert_eq!(met, 2);
}

#[test]
fn a_handle_is_displayed_as_its_number() {
    for raw in [1, 8192, u32::MAX] {
        assert_eq!(handle(raw).to_string(), raw.to_string());
    }
    assert_eq!(format!("{:>4}|{:<4}|", handle(7), handle(7)), "   7|7   |");
}

#[test]
fn a_number_converts_to_a_handle_unless_it_is_null() {
    assert_eq!(Handle::try_from(7), Ok(handle(7)));
    assert_eq!(u32::from(handle(7)), 7);
    let error = Handle::try_from(0).expect_err("null");
    assert_eq!((error, error.raw()), (HandleError::new(0), 0));
    assert_eq!(error.to_string(), "the null handle names no slot");
    assert_eq!(HandleError::new(77).to_string(), "handle 77 names no slot in use");
}

#[test]
fn errors_that_wrap_an_error_have_it_as_their_source() {
    let table = table(100);
    let free = handle(77);
    let inner = HandleError::new(77);
    let set = table.set(free, 1).expect_err("the slot is free");
    assert_eq!(set, SetError::InvalidHandle(inner));
    assert_eq!(source_of(&set), Some(inner.to_string()));
    let live = table.allocate(1).expect("a slot");
    let reserved = table.set(live, 1 << 63).expect_err("bit 63 is reserved");
    assert_eq!(source_of(&reserved), None);
    let many = table.free_many(&[live, free]).expect_err("one is free");
    assert_eq!(many.first, inner);
    assert_eq!(source_of(&many), Some(inner.to_string()));
    // An error does not repeat the message of its source.
    let texts: [&dyn Display; 2] = [&set, &many];
    assert!(texts.iter().all(|text| !text.to_string().contains(&inner.to_string())));
}
