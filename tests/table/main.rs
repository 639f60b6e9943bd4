//! The table and the unique table through their public interface, one behavior a test.
//!
//! - `bias`: ranges that are biased toward a participant.
//! - `building`: making tables and closing them.
//! - `capacity`: a table has exactly as many slots as it says.
//! - `every_handle`: reading by any number.
//! - `format`: `Debug`, `Display`, serde, and `source()` of errors.
//! - `iterating`: all live entries at one moment.
//! - `mutators`: participants without a thread of their own.
//! - `operations`: each operation by itself.
//! - `overflow`: free slots that a local store keeps beyond two magazines.
//! - `packed`: entries of every type.
//! - `sweeping`: what a sweep releases, and what it leaves.
//! - `threads`: threads that start, end, and outlive a table.
//! - `unique`: slots with one owner each.
//! - `unwinding`: panics lose no slot.
#![cfg(not(all(loom, feature = "loom")))]

mod building;
mod bias;
mod capacity;
mod every_handle;
mod format;
mod iterating;
mod mutators;
mod operations;
mod overflow;
mod packed;
mod sweeping;
mod threads;
mod unique;
mod unwinding;

#[path = "../common/mod.rs"]
mod common;

use slotarena::Table;

/// Makes a table of exactly this many slots. It has two stripes, so that expected counts do not
/// depend on the machine.
fn table(capacity: u32) -> Table<u64> {
    Table::builder().capacity(capacity).stripes(2).build().expect("a table")
}
