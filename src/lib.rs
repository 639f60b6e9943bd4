#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}

#[doc = include_str!("../docs/SANDBOX.md")]
pub mod sandbox {}

#[doc = include_str!("../docs/MIGRATION.md")]
pub mod migration {}

// Each file uses only files above it in this list.
mod sync;
pub mod head;
pub mod segment;
mod protection;
mod error;
#[cfg(not(all(loom, feature = "loom")))]
mod sys;
mod word;
mod defined;
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
mod plan;
mod ops;
mod thread_cache;
mod mutator;
mod key;
mod era;
mod limbo;
mod stamp;
mod member;
mod slab_error;
mod slab_core;
mod reclaim;
mod pin;
mod guard;
mod stats;
mod sweep;
mod audit;
mod table;
mod builder;
mod static_table;
mod slab_stats;
mod slab;
mod slab_builder;
mod slab_entry;
mod slab_mutator;
mod owned;
mod pool;
mod code_word;
mod code_error;
mod natives;
mod read_only;
mod code_table;
mod read_only_scope;
mod write_scope;

pub use audit::{Audit, SegmentAudit, Violation};
pub use builder::Builder;
pub use code_error::CodePointerError;
pub use code_table::{CodePointerTable, CodePointerTableBuilder, Recipe};
pub use code_word::{CodePointer, EntryPoint, Signature};
pub use entry::{Entry, Pointer};
pub use error::{AllocError, BuildError, FreeManyError, InvalidHandle, Leak, SetError};
pub use guard::{Guard, Iter, Ref};
pub use handle::Handle;
pub use key::Key;
pub use mutator::Mutator;
pub use owned::OwnedEntry;
pub use pool::{Clear, Pool, PoolRef};
pub use protection::Protection;
pub use read_only_scope::ReadOnlyScope;
pub use segment::SEGMENT_BYTES;
pub use slab::Slab;
pub use slab_builder::SlabBuilder;
pub use slab_entry::{Drain, VacantEntry};
pub use slab_error::{InsertError, TakeError};
pub use slab_mutator::SlabMutator;
pub use slab_stats::SlabStats;
pub use static_table::StaticTable;
pub use stats::Stats;
pub use sweep::SweepReport;
#[cfg(all(loom, feature = "loom", slotarena_observed))]
#[doc(hidden)]
pub use sync::observed;
pub use table::Table;
pub use word::Word;
pub use write_scope::WriteScope;
