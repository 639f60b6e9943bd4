//! What a user sees, black box, one behaviour a test.
#![cfg(not(all(loom, feature = "loom")))]

mod building;
mod capacity;
mod entries;
mod every_handle;
mod iterating;
mod mutators;
mod operations;
mod stashing;
mod sweeping;
mod threads;
mod unique;
mod unwinding;

#[path = "../common/mod.rs"]
mod common;

use slotarena::Table;

/// A table of exactly this many slots, with two stripes: the figures that tests expect shall not
/// depend on the machine.
fn table(capacity: u32) -> Table<u64> {
    Table::builder().capacity(capacity).stripes(2).build().expect("a table")
}
