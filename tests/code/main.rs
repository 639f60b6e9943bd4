//! The table of code pointers through its public interface: its operations, the known mistakes of
//! other tables, and the stores that must end a process.
//!
//! - `entries`: each operation by itself.
//! - `every_handle`: every 32-bit number, and every signature.
//! - `forks`: what a child of the process finds of a table that it inherits.
//! - `format`: `Debug`, `Display`, and `source()` of errors.
//! - `native`: one handle for each native function.
//! - `read_only`: read-only segments at the bottom of a table.
//! - `regressions`: the mistakes of other tables, each by name.
//! - `rights`: which thread may write, and when.
//! - `deaths`: stores that end the process.
//! - `threads`: readers, writers, and sweeps concurrently.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(target_pointer_width = "64")]

#[path = "../common/mod.rs"]
mod common;

#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
#[path = "../common/alone.rs"]
mod alone;
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
mod deaths;
mod entries;
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
mod every_handle;
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
mod forks;
mod format;
mod native;
mod read_only;
mod regressions;
mod rights;
mod threads;

use slotarena::code::{EntryPoint, Signature};
use slotarena::{CodePointerTable, Protection};

/// Makes the signature with this number.
pub fn signature(number: u32) -> Signature {
    Signature::new(number).expect("below the limit")
}

/// Makes an entry point that is never called. Its address names the signature it is stored under.
pub fn entry_point(signature: Signature, version: u32) -> EntryPoint {
    let address = (u64::from(signature.number()) + 1) << 20 | u64::from(version) << 4;
    EntryPoint::new(std::ptr::without_provenance(address as usize)).expect("not null")
}

/// Returns the number of the signature that an entry point was stored under.
pub fn stored_under(entry_point: EntryPoint) -> u32 {
    (entry_point.address() >> 20) as u32 - 1
}

/// Makes a table for each protection that this system has.
pub fn tables(index_bits: u32) -> Vec<CodePointerTable> {
    let available = Protection::ALL.into_iter().filter(|protection| protection.is_available());
    let build = |protection| {
        let builder = CodePointerTable::builder().index_bits(index_bits).protection(protection);
        builder.build().expect("a small table")
    };
    available.map(build).collect()
}

/// Checks that the table is sound, that no slot is in use, and that a sweep releases all memory.
#[track_caller]
pub fn check_empty(table: &CodePointerTable) {
    let audit = table.audit().expect("a sound table");
    assert_eq!((audit.live, audit.uninitialized), (0, 0), "slots are still in use");
    table.sweep(0);
    assert_eq!(table.stats().segments_committed, 0);
}
