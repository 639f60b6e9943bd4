//! Collected tables: entries that a garbage collector marks, sweeps, and compacts.
//!
//! Untrusted code names a host object by a 32-bit handle and a type tag. An
//! [`ExternalPointerTable`] holds one-word entries: a pointer and its tag. A [`DispatchTable`]
//! holds two-word entries: a code pointer, an object, and a count of parameters. An entry belongs
//! to a [`Space`], and a collection frees those entries of its spaces that no [`mark`] reached.
//!
//! ```
//! use slotarena::collected::{ExternalPointerTable, Tag};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! struct Socket(u16);
//! let table = ExternalPointerTable::builder().capacity(10_000).build()?;
//! let space = table.space()?;
//! let socket = Tag::<Socket>::owned(1)?;
//! let kept = space.allocate_owned(socket, Box::new(Socket(80)))?;
//! let lost = space.allocate_owned(socket, Box::new(Socket(443)))?;
//!
//! // The collector: begin, mark what is reachable, sweep.
//! let marking = table.begin(&[&space])?;
//! assert!(marking.mark(kept.to_raw()));
//! let report = marking.sweep()?.finish()?;
//! assert_eq!((report.live, report.freed, report.dropped), (1, 1, 1));
//! assert_eq!(table.with(kept.to_raw(), socket, |socket| socket.0)?, 80);
//! assert!(table.with(lost.to_raw(), socket, |socket| socket.0).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # Which call for what
//!
//! | a program wants to | call | cost |
//! |---|---|---|
//! | look an entry up in generated code or by pointer | [`get`](CollectedTable::get) | one load, one comparison |
//! | use an object that the entry owns | [`with`](CollectedTable::with) | an operation; a stop waits for it |
//! | collect everything | [`begin`](CollectedTable::begin), [`sweep`](Marking::sweep), [`finish`](Sweeping::finish) | a read of all entries; three short stops of each space |
//! | collect what is young | [`sweep_into`](Marking::sweep_into) | in proportion to the young space |
//! | return memory after a peak | [`compact`](CollectedTable::compact) | in proportion to the entries that move |
//!
//! [`mark`]: Marking::mark

// - `word`: the bits of an entry: colour, tag, pointer
// - `error`: what can go wrong
// - `tag`: tags, ranges of tags, and the types that they are bound to
// - `owned`: objects that entries own, and their one drop
// - `entry`: the entries of the two tables
// - `state`: what a space is made of, and its phase
// - `spaces`: the spaces of a table, and which has a slot
// - `access`: how an entry is made, changed, and freed, whatever its space does
// - `space`: a space's handle: allocate in it, drop it
// - `transit`: segments on their way from one space to another
// - `pass`: a pass over one segment, which frees its dead entries
// - `sweeping`: a collection, second part: the dead are freed
// - `marking`: a collection, first part: marks
// - `compaction`: entries move down, so that segments at the top go back
// - `table`: the facade that both tables share
// - `read_only`: read-only entries
// - `external`: the table of external pointers
// - `publish`: entries that are published late
// - `dispatch`: the table of functions
//
// This part owns Invariants 16 (a marked entry stays, and a dead one is the sweeper's) and 17 (an
// object has one name). It is a client of `table`: each space is one, whose arena leases its
// segments.

mod word;
mod error;
mod tag;
mod owned;
mod entry;
mod state;
mod spaces;
mod access;
mod space;
mod transit;
mod pass;
mod sweeping;
mod marking;
mod compaction;
mod table;
mod read_only;
mod external;
mod publish;
mod dispatch;

pub use compaction::{Compaction, CompactionPlan, CompactionReport, Relocated};
pub use dispatch::DispatchTable;
pub use entry::{Dispatch, DispatchEntry, ExternalEntry};
pub use error::{CollectError, EntryError, TagError};
pub use external::{ExternalPointerTable, Rejected};
pub use marking::Marking;
pub use publish::PublishScope;
pub use read_only::ReadOnlyScope;
pub use space::{Space, SpaceReport};
pub use sweeping::{CollectionReport, Fate, Sweeping};
pub use table::CollectedTable;
pub use tag::{Tag, TagRange};
pub use word::Collected;
