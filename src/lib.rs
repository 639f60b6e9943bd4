#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![cfg_attr(not(feature = "std"), no_std)]

// The map. A folder uses only folders above it in this list, and a file only files above it in its
// folder's `mod.rs`, which opens with what the folder is for. `ARCHITECTURE.md` has the reading
// order.
//
// Without the feature `std` there are handles and keys alone.
macro_rules! with_std {
    ($($item:item)*) => { $(#[cfg(feature = "std")] $item)* };
}

with_std! {
    mod sync; //      door 1: atomics, cells, locks, threads
}
mod bits; //          values: what bits mean
with_std! {
    mod sys; //       door 2: the operating system
    mod error; //     the errors of all parts
    mod arena; //     part 1: a reserved range of addresses; which slots exist
    mod freelist; //  part 2: shared free lists, and each thread's own stock
    mod safepoint; // how all threads are stopped
    mod sweep; //     part 3: forget the lists, decommit, sweep on demand
    mod allocator; // the parts together
    pub mod table; // entries by handle
    pub mod unique; // entries with one owner each
    pub mod slab; //  values by key
    pub mod code; //  code pointers, on the table
}

/// Documents: the design, the sandbox, and how to migrate from other crates.
pub mod docs {
    #[doc = include_str!("../docs/DESIGN.md")]
    pub mod design {}

    #[doc = include_str!("../docs/SANDBOX.md")]
    pub mod sandbox {}

    #[doc = include_str!("../docs/MIGRATION.md")]
    pub mod migration {}
}

pub use bits::handle::{Handle, HandleError};
pub use bits::key::{Key, KeyError};
with_std! {
    pub use allocator::{Audit, AuditError, Builder, SegmentAudit};
    pub use bits::geometry::SEGMENT_BYTES;
    pub use code::CodePointerTable;
    pub use error::{AllocError, BuildError, FreeManyError, LeakError, SetError};
    pub use self::slab::{Pool, Slab};
    pub use sweep::SweepReport;
    pub use sys::Protection;
    pub use table::{Mutator, Packed, Pointer, Stats, Table};
    pub use unique::{Unique, UniqueTable};
}

#[cfg(all(model, slotarena_observed))]
#[doc(hidden)]
pub use sync::observed;

#[cfg(all(test, not(any(loom, miri))))]
#[path = "../proofs/conformance.rs"]
mod conformance;
