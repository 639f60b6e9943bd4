//! Part 1: a reserved range of addresses for all slots. The arena says which slots exist.
//!
//! Segments become usable (*committed*) on demand and stop being so when a sweep finds them free.
//!
//! - `slot`: one slot: its word, which thread may touch it, and how
//! - `holder`: a mapping, which one arena has, or several share
//! - `memory`: the memory of all slots
//! - `below`: what is kept below slot 0
//! - `generations`: the generation floor of each segment, which survives decommission
//! - `committed`: a bit a segment: committed, or being committed
//! - `lease`: what the arenas share that lease segments of one range
//! - `view`: the slots as readers see them: base and greatest index
//! - `arena`: all of them together: address computation, growth, decommission
//! - `small`: small slabs, whose slots lie in allocated memory
//! - `leased`: arenas that lease segments of one range
//! - `biased`: what a bias needs of it
//! - `window`: slots and their lessees, at hand for a loop over many
//! - `wipe`: freeing many slots of a segment at once
//! - `protected`: what only the memory of a protected table does
//! - `probes`: what models and tests do to it
//!
//! This part owns Invariants 5 (no store to a decommitted segment) and 6 (every number leads
//! inside the range). It deliberately knows no thread and no free list: the caller owns what it
//! touches.

mod slot;
#[cfg(model)]
#[path = "../../loom-tests/harness/slots.rs"]
mod slots;
mod holder;
mod memory;
mod below;
mod generations;
mod committed;
mod lease;
mod view;
#[allow(clippy::module_inception)]
mod arena;
mod biased;
mod small;
mod leased;
mod window;
mod wipe;
mod protected;
#[cfg(any(model, test))]
mod probes;

pub(crate) use arena::{Arena, Refusal};
pub(crate) use below::Below;
pub(crate) use lease::{Common, Lessee};
pub(crate) use leased::bits_in;
pub(crate) use memory::Memory;
pub(crate) use slot::Slot;
pub(crate) use view::View;
pub(crate) use window::Window;
