//! Part 1: a reserved range of addresses for all slots. The arena says which slots exist.
//!
//! Segments become usable (*committed*) on demand and stop being so when a sweep finds them free.
//!
//! - `slot`: one slot: its word, which thread may touch it, and how
//! - `memory`: the memory of all slots
//! - `generations`: the generation floor of each segment, which survives decommission
//! - `committed`: a bit a segment: committed, or being committed
//! - `view`: the slots as readers see them: base and greatest index
//! - `arena`: all of them together: address computation, growth, decommission
//! - `protected`: what only the memory of a protected table does
//!
//! This part owns Invariants 5 (no store to a decommitted segment) and 6 (every number leads
//! inside the range). It deliberately knows no thread and no free list: the caller owns what it
//! touches.

mod slot;
#[cfg(model)]
#[path = "../../loom-tests/harness/slots.rs"]
mod slots;
mod memory;
mod generations;
mod committed;
mod view;
#[allow(clippy::module_inception)]
mod arena;
mod protected;

pub(crate) use arena::{Arena, Refusal};
pub(crate) use memory::Memory;
pub(crate) use slot::Slot;
pub(crate) use view::View;
