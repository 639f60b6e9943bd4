//! Collected tables, through their public interface.
//!
//! - `entries`: each operation by itself.
//! - `collections`: marks, sweeps, spaces.
//! - `owned`: objects that entries own, each dropped once.
//! - `compaction`: entries that move.
//! - `every_handle`: every 32-bit number, and every tag.
//! - `regressions`: mistakes of other tables.
//! - `properties`: random object graphs against a model.
//! - `stress`: mutators, collectors, and forged handles at once.
#![cfg(not(all(loom, feature = "loom")))]

mod collections;
mod compaction;
mod entries;
mod every_handle;
mod owned;
mod properties;
mod regressions;
mod stress;

#[path = "../common/mod.rs"]
mod common;

use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::collected::{ExternalPointerTable, Space, Tag};

/// A table of up to a million entries, and a space.
fn table() -> (ExternalPointerTable, Space) {
    let table = ExternalPointerTable::builder().capacity(1_000_000).build().expect("a table");
    let space = table.space().expect("a space");
    (table, space)
}

/// A pointer that is never followed.
fn pointer<T>(address: usize) -> NonNull<T> {
    NonNull::new(core::ptr::without_provenance_mut(address)).expect("not null")
}

/// A value that counts its drop, and that it is there while it is looked at.
struct Counted {
    drops: Arc<AtomicUsize>,
    number: u64,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

fn count(drops: &AtomicUsize) -> usize {
    drops.load(Ordering::Relaxed)
}

/// The tag of values that count their drop.
fn counted() -> Tag<Counted> {
    Tag::owned(1).expect("bound to this type alone")
}
