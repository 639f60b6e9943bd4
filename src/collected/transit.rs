//! Segments on their way from one space to another: how they leave the first.

use super::spaces::Spaces;
use super::state::{FLIPPED, State, TRANSIT};
use super::word::Collected;
use crate::arena::{Lessee, bits_in};
use crate::safepoint::Stopped;
use crate::sweep::start_cycle;

/// Takes all segments from a space that is stopped, and notes them in `segments`: a bit each. They
/// are `old`'s from now on, in transit. What is white in the space, once it sweeps, is dead there
/// too, and what is black has `old`'s white.
pub(super) fn leave<E: Collected>(
    spaces: &Spaces<E>,
    young: &State<E>,
    old: &State<E>,
    stopped: &mut Stopped<'_>,
    segments: &mut [u64],
) {
    let space = &young.table.allocator.space;
    if young.owns() {
        old.set_owns();
    }
    space.arena.end_leases(segments);
    // Nothing is committed: all lists and stores are forgotten, and nothing is unswept.
    start_cycle(space, stopped, 0);
    // White in the young space is dead, so it must not be white in the old one.
    let is_equal = young.phase().white() == old.phase().white();
    for segment in bits_in(segments) {
        let was_flipped = spaces.common.lessee(segment).has(FLIPPED);
        let flipped = if was_flipped != is_equal { FLIPPED } else { 0 };
        spaces.common.set_lessee(segment, old.lessee.with(flipped | TRANSIT));
    }
}

/// Makes a segment in transit one of its new space's.
pub(super) fn arrive<E: Collected>(spaces: &Spaces<E>, old: &State<E>, segment: u32) {
    let lessee = spaces.common.lessee(segment);
    let flipped = if lessee.has(FLIPPED) { FLIPPED } else { 0 };
    let lessee: Lessee = old.lessee.with(flipped);
    old.table.allocator.space.arena.begin_lease(segment, lessee);
}
