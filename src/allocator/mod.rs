//! The allocator: the three parts, local stores in front of free lists in front of the arena.
//!
//! - `allocator`: what the threads share
//! - `refill`: the slow paths: how local stores are filled and emptied
//! - `in_use`: how the word of a slot in use changes
//! - `owner`: the fast paths: allocate, free, set, by the owner of a participant
//! - `walk`: a walk over all slots
//! - `stats`: counts at one moment
//! - `audit`: every slot and chain held against the invariants
//! - `config`: what can be chosen, and the builder
//!
//! This part owns Invariants 3 (exclusive allocation) and 4 (no slot is
//! lost). It deliberately knows no entry and no value: it moves words.

#[allow(clippy::module_inception)]
mod allocator;
mod refill;
mod in_use;
mod owner;
mod walk;
mod stats;
pub(crate) mod audit;
mod config;

pub(crate) use allocator::Allocator;
pub use audit::{Audit, AuditError, SegmentAudit};
pub use config::Builder;
pub(crate) use config::Config;
pub(crate) use owner::Owner;
pub use stats::Stats;
