//! Slabs: values of any type, each named by a 64-bit [`Key`](crate::Key) that never aliases.
//!
//! The values of a [`Slab`] are read through a [`Guard`], a [`Ref`], or an [`Iter`]. A [`Mutator`]
//! is a participant, the fastest way to insert and remove. A [`VacantEntry`] is a slot for a value
//! that needs its own key, and [`Owned`] a value that is removed when its owner is dropped. A
//! [`Pool`] reuses the storage of cleared values. [`Stats`] is what `stats` returns.

// - `error`: what can go wrong
// - `reclaim`: when a removed value may be dropped: eras, limbos, participants
// - `word`: the bits of a slab's word, and the value beside it
// - `on_drop`: a function that runs when it is dropped
// - `inner`: what the threads share
// - `insert`: how values come in
// - `stats`: counts at one moment
// - `deferred`: how values that had to wait are dropped
// - `remove`: how values go out
// - `pin`: how guards begin and end, and how participants come and go
// - `guard`: guards, references, iteration
// - `operations`: the functions that a slab and its mutator share, written once
// - `slab`: the facade
// - `exclusive`: what needs the slab for itself: `&mut`, or by value
// - `serialized`: a slab as serde sees it
// - `entry`, `mutator`, `owned`, `pool`: further ways to use a slab
//
// This part owns Invariants 10 (what a guard shows stays), 11 (a value is dropped once) and 12
// (keys do not repeat). To the allocator, a removed value's slot is uninitialized.

mod error;
pub(crate) mod reclaim;
mod word;
mod on_drop;
mod inner;
mod insert;
mod stats;
mod deferred;
mod remove;
mod pin;
mod guard;
mod operations;
#[allow(clippy::module_inception)]
mod slab;
mod exclusive;
#[cfg(feature = "serde")]
mod serialized;
mod entry;
mod mutator;
mod owned;
mod pool;

pub use entry::VacantEntry;
pub use error::{InsertError, TakeError};
pub use exclusive::{Drain, IntoIter, IterMut};
pub use guard::{Guard, Iter, Ref};
pub use mutator::Mutator;
pub(crate) use on_drop::OnDrop;
pub(crate) use operations::generations;
pub use owned::Owned;
pub use pool::{Clear, Pool, PoolGuard, PoolRef};
pub use slab::Slab;
pub use stats::Stats;
