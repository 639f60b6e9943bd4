#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}

// Each file uses only files above it in this list.
mod sync;
pub mod head;
pub mod segment;
mod error;
#[cfg(not(all(loom, feature = "loom")))]
mod sys;
mod word;
mod handle;
mod entry;
mod fence;
mod record;
mod world;
mod memory;
mod kept;
mod arena;
mod freelist;
mod detached;
mod allocator;
mod ops;
mod thread_cache;
mod mutator;
mod stats;
mod sweep;
mod audit;
mod table;
mod builder;
mod static_table;

pub use audit::{Audit, SegmentAudit, Violation};
pub use builder::Builder;
pub use entry::{Entry, Pointer};
pub use error::{AllocError, BuildError, FreeManyError, InvalidHandle, Leak, SetError};
pub use handle::Handle;
pub use mutator::Mutator;
pub use segment::SEGMENT_BYTES;
pub use static_table::StaticTable;
pub use stats::Stats;
pub use sweep::SweepReport;
#[cfg(all(loom, feature = "loom", slotarena_observed))]
#[doc(hidden)]
pub use sync::observed;
pub use table::Table;
pub use word::Word;
