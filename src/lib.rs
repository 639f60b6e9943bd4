// Where the links of the included pages lead here. A first definition counts.
//! [api]: https://github.com/slotarena/slotarena/blob/main/docs/API.txt
//! [architecture]: https://github.com/slotarena/slotarena/blob/main/ARCHITECTURE.md
//! [benches]: https://github.com/slotarena/slotarena/blob/main/benches/README.md
//! [changes]: https://github.com/slotarena/slotarena/blob/main/CHANGELOG.md
//! [design]: docs::design
//! [invariants]: docs::design#invariants
//! [migration]: docs::migration
//! [model-example]: https://github.com/slotarena/slotarena/tree/main/examples/model
//! [model-guide]: https://github.com/slotarena/slotarena/blob/main/docs/MODELS.md
//! [models]: https://github.com/slotarena/slotarena/blob/main/loom-tests/README.md
//! [proofs]: https://github.com/slotarena/slotarena/blob/main/proofs/README.md
//! [sandbox]: docs::sandbox
//! [slots]: https://raw.githubusercontent.com/slotarena/slotarena/main/benches/plots/slots.svg
//! [systems]: https://github.com/slotarena/slotarena/blob/main/docs/SYSTEMS.md
//! [tables]: https://github.com/slotarena/slotarena/blob/main/docs/TABLES.md
//! [traces]: https://github.com/slotarena/slotarena/blob/main/traces/README.md
//!
#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![cfg_attr(not(feature = "std"), no_std)]

// The map. A folder uses only folders above it in this list, and a file only files above it in its
// folder's `mod.rs`, which opens with what the folder is for. `ARCHITECTURE.md` orders the reading.
//
// Without the feature `std` there are handles and keys alone.

// Impls that are written once.
#[macro_use]
#[cfg_attr(not(feature = "std"), allow(unused_macros))]
mod impls;
// Door 1: atomics, cells, locks, threads.
#[cfg(feature = "std")]
mod sync;
// Values: what bits mean.
mod bits;
// Door 2: the operating system.
#[cfg(feature = "std")]
mod sys;
// The errors of all parts.
#[cfg(feature = "std")]
mod error;
// Part 1: a reserved range of addresses. Which slots exist.
#[cfg(feature = "std")]
mod arena;
// Which participant changes live words without a locked instruction.
#[cfg(feature = "std")]
mod bias;
// Part 2: shared free lists, and each thread's own stock.
#[cfg(feature = "std")]
mod freelist;
// How all threads are stopped.
#[cfg(feature = "std")]
mod safepoint;
// Part 3: forget the lists, decommit, sweep on demand.
#[cfg(feature = "std")]
mod sweep;
// The parts together.
#[cfg(feature = "std")]
mod allocator;
// Entries by handle; entries with one owner each; values by key, under guards or counted; code
// pointers; entries that a collector frees.
#[cfg(feature = "std")]
pub mod table;
#[cfg(feature = "std")]
pub mod unique;
#[cfg(feature = "std")]
pub mod slab;
#[cfg(feature = "std")]
pub mod counted;
#[cfg(feature = "std")]
pub mod code;
#[cfg(feature = "std")]
pub mod collected;
// What may be used after a panic.
#[cfg(feature = "std")]
mod unwind;

/// Documents: the design, the sandbox, and how to migrate from other crates.
pub mod docs {
    /// [architecture]: https://github.com/slotarena/slotarena/blob/main/ARCHITECTURE.md
    /// [models]: https://github.com/slotarena/slotarena/blob/main/loom-tests/README.md
    /// [proofs]: https://github.com/slotarena/slotarena/blob/main/proofs/README.md
    /// [sandbox]: crate::docs::sandbox
    /// [tables]: https://github.com/slotarena/slotarena/blob/main/docs/TABLES.md
    ///
    #[doc = include_str!("../docs/DESIGN.md")]
    pub mod design {}

    /// [benches]: https://github.com/slotarena/slotarena/blob/main/benches/README.md
    /// [tables]: https://github.com/slotarena/slotarena/blob/main/docs/TABLES.md
    ///
    #[doc = include_str!("../docs/SANDBOX.md")]
    pub mod sandbox {}

    #[doc = include_str!("../docs/MIGRATION.md")]
    pub mod migration {}
}

#[cfg(feature = "std")]
pub use self::{
    allocator::{Audit, AuditError, Builder, SegmentAudit},
    bits::geometry::SEGMENT_BYTES,
    code::{CodePointerTable, EntryPoint, Signature},
    collected::ExternalPointerTable,
    counted::{CountedPool, CountedSlab},
    error::{AllocError, BuildError, FreeManyError, LeakError, SetError},
    slab::{Pool, Slab},
    sweep::SweepReport,
    sys::Protection,
    table::{FullReader, Mutator, Packed, Pointer, Stats, Table},
    unique::{Unique, UniqueTable},
};
pub use bits::handle::{Handle, HandleError, OperationError};
pub use bits::key::{Key, KeyError};

#[cfg(all(model, slotarena_observed))]
#[doc(hidden)]
pub use sync::observed;

#[cfg(all(test, not(any(loom, miri))))]
#[path = "../proofs/conformance.rs"]
mod conformance;
