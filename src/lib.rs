#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![cfg_attr(not(feature = "std"), no_std)]

#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}

#[doc = include_str!("../docs/SANDBOX.md")]
pub mod sandbox {}

#[doc = include_str!("../docs/MIGRATION.md")]
pub mod migration {}

// Each file uses only files above it in this list. Without the feature `std` there are those that
// need no system: what names slots, and what is said of them.
#[cfg(feature = "std")]
mod sync;
pub mod head;
pub mod segment;
mod handle;
mod key;
#[cfg(feature = "std")]
mod protection;
#[cfg(feature = "std")]
mod error;
#[cfg(not(all(loom, feature = "loom")))]
#[cfg(feature = "std")]
mod sys;
#[cfg(feature = "std")]
mod word;
#[cfg(feature = "std")]
mod defined;
#[cfg(feature = "std")]
mod entry;
#[cfg(feature = "std")]
mod fence;
#[cfg(feature = "std")]
mod record;
#[cfg(feature = "std")]
mod world;
#[cfg(feature = "std")]
mod memory;
#[cfg(feature = "std")]
mod kept;
#[cfg(feature = "std")]
mod arena;
#[cfg(feature = "std")]
mod freelist;
#[cfg(feature = "std")]
mod detached;
#[cfg(feature = "std")]
mod allocator;
#[cfg(feature = "std")]
mod plan;
#[cfg(feature = "std")]
mod ops;
#[cfg(feature = "std")]
mod thread_cache;
#[cfg(feature = "std")]
mod mutator;
#[cfg(feature = "std")]
mod era;
#[cfg(feature = "std")]
mod limbo;
#[cfg(feature = "std")]
mod stamp;
#[cfg(feature = "std")]
mod member;
#[cfg(feature = "std")]
mod slab_error;
#[cfg(feature = "std")]
mod slab_core;
#[cfg(feature = "std")]
mod reclaim;
#[cfg(feature = "std")]
mod pin;
#[cfg(feature = "std")]
mod guard;
#[cfg(feature = "std")]
mod stats;
#[cfg(feature = "std")]
mod sweep;
#[cfg(feature = "std")]
mod audit;
#[cfg(feature = "std")]
mod table;
#[cfg(feature = "std")]
mod builder;
#[cfg(feature = "std")]
mod unique;
#[cfg(feature = "std")]
mod static_table;
#[cfg(feature = "std")]
mod slab_stats;
#[cfg(feature = "std")]
mod slab;
#[cfg(feature = "std")]
mod slab_builder;
#[cfg(feature = "std")]
mod slab_entry;
#[cfg(feature = "std")]
mod slab_mutator;
#[cfg(feature = "std")]
mod owned;
#[cfg(feature = "std")]
mod pool;
#[cfg(feature = "std")]
mod code_word;
#[cfg(feature = "std")]
mod code_error;
#[cfg(feature = "std")]
mod natives;
#[cfg(feature = "std")]
mod read_only;
#[cfg(feature = "std")]
mod code_table;
#[cfg(feature = "std")]
mod read_only_scope;
#[cfg(feature = "std")]
mod write_scope;

#[cfg(feature = "std")]
pub use audit::{Audit, SegmentAudit, Violation};
#[cfg(feature = "std")]
pub use builder::Builder;
#[cfg(feature = "std")]
pub use code_error::CodePointerError;
#[cfg(feature = "std")]
pub use code_table::{CodePointerTable, CodePointerTableBuilder, Recipe};
#[cfg(feature = "std")]
pub use code_word::{CodePointer, EntryPoint, Signature};
#[cfg(feature = "std")]
pub use entry::{Entry, Pointer};
#[cfg(feature = "std")]
pub use error::{AllocError, BuildError, FreeManyError, Leak, SetError};
#[cfg(feature = "std")]
pub use guard::{Guard, Iter, Ref};
pub use handle::{Handle, InvalidHandle};
pub use key::Key;
#[cfg(feature = "std")]
pub use mutator::Mutator;
#[cfg(feature = "std")]
pub use owned::OwnedEntry;
#[cfg(feature = "std")]
pub use pool::{Clear, Pool, PoolRef};
#[cfg(feature = "std")]
pub use protection::Protection;
#[cfg(feature = "std")]
pub use read_only_scope::ReadOnlyScope;
pub use segment::SEGMENT_BYTES;
#[cfg(feature = "std")]
pub use slab::Slab;
#[cfg(feature = "std")]
pub use slab_builder::SlabBuilder;
#[cfg(feature = "std")]
pub use slab_entry::{Drain, VacantEntry};
#[cfg(feature = "std")]
pub use slab_error::{InsertError, TakeError};
#[cfg(feature = "std")]
pub use slab_mutator::SlabMutator;
#[cfg(feature = "std")]
pub use slab_stats::SlabStats;
#[cfg(feature = "std")]
pub use static_table::StaticTable;
#[cfg(feature = "std")]
pub use stats::Stats;
#[cfg(feature = "std")]
pub use sweep::SweepReport;
#[cfg(all(loom, feature = "loom", slotarena_observed))]
#[doc(hidden)]
#[cfg(feature = "std")]
pub use sync::observed;
#[cfg(feature = "std")]
pub use table::Table;
#[cfg(feature = "std")]
pub use unique::{Unique, UniqueMutator, UniqueTable};
#[cfg(feature = "std")]
pub use word::Word;
#[cfg(feature = "std")]
pub use write_scope::WriteScope;
