//! Part 3: the sweep. It stops the world to forget all lists, and decommits segments that are
//! wholly free, and free pages of others. The rest is swept when its slots are wanted.
//!
//! The design is that of Go's `mgcsweep.go`: cycles, unswept segments, sweeping on allocation.
//!
//! - `sample`: a few slots of a segment: whether it is wholly free, or worth a scan
//! - `scan`: all slots of a segment: those free since before the cycle
//! - `unswept`: the segments that are not swept yet, and their claims
//! - `pace`: how soon a sweep may follow one that found nothing
//! - `space`: the subject of a sweep: arena, free lists, safepoint, unswept segments
//! - `sweep`: the sweep itself
//! - `restore`: slots that a collector has freed become unswept
//! - `forced`: sweeps for a collector
//!
//! This part owns Invariant 4 (no slot is lost) across a sweep. It deliberately knows no entry: it
//! reads of a slot whether it is free, and since which cycle.

mod sample;
mod scan;
mod unswept;
mod pace;
mod space;
#[allow(clippy::module_inception)]
mod sweep;
mod restore;
mod forced;

pub(crate) use forced::{
    begin_cycle, begin_first, claim_segment, restart, sweep_some, sweep_unpaced,
};
#[cfg(model)]
pub(crate) use forced::{begin_only, finish_only};
pub(crate) use space::Space;
pub use sweep::SweepReport;
pub(crate) use sweep::{Resume, start_cycle, sweep};
