//! The table of code pointers: what it does, which mistakes of other tables it does not make, and
//! how a process dies that breaks its rules.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(target_pointer_width = "64")]

#[path = "../common/mod.rs"]
mod common;

#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
mod alone;
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
mod deaths;
mod entries;
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
mod every_handle;
mod native;
mod read_only;
mod regressions;
mod rights;
mod threads;

use slotarena::code::{EntryPoint, Signature};
use slotarena::{CodePointerTable, Protection};

/// The signature with this number.
pub fn signature(number: u32) -> Signature {
    Signature::new(number).expect("below the limit")
}

/// An entry point that nobody calls, and that tells which signature it was stored under.
pub fn entry_point(signature: Signature, version: u32) -> EntryPoint {
    let address = (u64::from(signature.number()) + 1) << 20 | u64::from(version) << 4;
    EntryPoint::new(std::ptr::without_provenance(address as usize)).expect("not null")
}

/// Which signature an entry point was stored under.
pub fn stored_under(entry_point: EntryPoint) -> u32 {
    (entry_point.address() >> 20) as u32 - 1
}

/// A table for each protection that there is.
pub fn tables(index_bits: u32) -> Vec<CodePointerTable> {
    let there_are = Protection::ALL.into_iter().filter(|protection| protection.is_available());
    let build = |protection| {
        let builder = CodePointerTable::builder().index_bits(index_bits).protection(protection);
        builder.build().expect("a small table")
    };
    there_are.map(build).collect()
}

/// Sees that the table is sound, and that no memory is left in use.
#[track_caller]
pub fn check_empty(table: &CodePointerTable) {
    let audit = table.audit().expect("a sound table");
    assert_eq!((audit.live, audit.uninitialized), (0, 0), "still handed out");
    table.sweep(0);
    assert_eq!(table.stats().segments_committed, 0);
}
