//! Tables of plain entries, each in a slot that a 32-bit [`Handle`](crate::Handle) names.
//!
//! A [`Table`] holds entries of a type that is [`Packed`]: values of one or two words. A
//! [`Mutator`] is a participant, the fastest way to allocate and free. A [`FullReader`] reads where
//! there is a slot for every handle. [`Stats`], [`Audit`], and [`SweepReport`] are what `stats`,
//! `audit`, and `sweep` return. [`UniqueTable`](crate::UniqueTable) is the variant whose slots have
//! one owner each.

// - `entry`: the trait `Packed`, and which types have it
// - `ops`: the operations over entries and handles, for a table and a mutator alike
// - `operations`: the functions that several public types share, written once
// - `mutator`: an explicit participant
// - `table`: the facade
// - `full_reader`: reads where every number names a slot
//
// This part owns Invariant 7 (publication). It deliberately knows no value
// that needs a drop, and no slab.

mod entry;
pub(crate) mod ops;
pub(crate) mod operations;
mod mutator;
#[allow(clippy::module_inception)]
mod table;
mod full_reader;
#[cfg(test)]
#[path = "../../tests/unit/table.rs"]
mod tests;

pub use crate::allocator::{Audit, AuditError, SegmentAudit, Stats};
pub use crate::error::{AllocError, BuildError, FreeManyError, LeakError, SetError};
pub use crate::sweep::SweepReport;
pub use entry::{Packed, Pointer};
pub use full_reader::FullReader;
pub use mutator::Mutator;
pub use table::Table;
