#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

// Each file uses only files above it in this list, `sync` and `sys` apart, which all may use.
mod sync;
#[cfg(not(all(loom, feature = "loom")))]
mod sys;

mod allocator;
mod arena;
mod audit;
mod builder;
mod entry;
mod error;
mod fence;
mod freelist;
mod handle;
pub mod head;
mod memory;
mod mutator;
mod ops;
mod record;
pub mod segment;
mod static_table;
mod stats;
mod sweep;
mod table;
mod thread_cache;
mod word;
mod world;

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
pub use table::Table;
pub use word::Word;
