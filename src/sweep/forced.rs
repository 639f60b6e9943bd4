//! Sweeps for a collector, which knows that there is something to be swept, and for models.

use super::scan::Scan;
use super::space::Space;
use super::sweep::{Progress, Resume, SweepReport, begin, start_cycle};
use crate::arena::{Arena, bits_in};
use crate::bits::chain::Chain;
use crate::bits::handle::OperationError;
use crate::bits::word::{Cycle, Word};
use crate::safepoint::Stopped;

/// Sweeps, however few slots are free, and however soon after another sweep.
pub(crate) fn sweep_unpaced<W: Word>(space: &Space<W>) -> SweepReport {
    let begun =
        space.safepoint.sweeper().and_then(|sweeper| Ok((begin(space, 0, Resume::Soon)?, sweeper)));
    match begun {
        Ok((Ok(progress), mut sweeper)) => progress.finish(space, &mut sweeper),
        _ => SweepReport::default(),
    }
}

/// Sweeps those of the unswept segments in `some`, a bit each, that are wholly free or have a free
/// page. Returns how many went back.
pub(crate) fn sweep_some<W: Word>(space: &Space<W>, some: &[u64]) -> u64 {
    let mut progress = Progress::new(space);
    let Ok(mut sweeper) = space.safepoint.sweeper() else { return 0 };
    for segment in bits_in(some) {
        // One step an operation, so that a stop waits for no more than that.
        if let Some(operation) = sweeper.enter() {
            progress.below = segment + 1;
            if space.unswept.contains(segment) {
                progress.step(space, operation.cycle());
            }
        }
    }
    progress.report.segments_released
}

/// Stops the world to begin a sweep cycle, and leaves all segments unswept. Calls `f` meanwhile.
pub(crate) fn restart<W: Word>(
    space: &Space<W>,
    f: impl FnOnce(&Arena<W>),
) -> Result<(), OperationError> {
    let _sweeper = space.safepoint.sweeper()?;
    let mut stopped = space.safepoint.stop()?;
    begin_cycle(space, &mut stopped);
    f(&space.arena);
    Ok(())
}

/// Begins a sweep cycle: all free slots are unswept, and none is in a list or a store.
pub(crate) fn begin_cycle<W: Word>(space: &Space<W>, stopped: &mut Stopped<'_>) {
    let free = space.counts(Some(stopped)).free();
    start_cycle(space, stopped, free);
}

/// Begins a sweep cycle if none was begun yet. Afterwards fresh memory's word is that of an unswept
/// slot.
pub(crate) fn begin_first<W: Word>(space: &Space<W>, stopped: &mut Stopped<'_>) {
    if stopped.cycle() == Cycle::FIRST {
        begin_cycle(space, stopped);
    }
}

/// Claims an unswept segment, and returns an ascending chain of its free slots, and the last of
/// them. `None` if the segment is not unswept, or has no free slot. The caller is inside an
/// operation.
pub(crate) fn claim_segment<W: Word>(
    space: &Space<W>,
    segment: u32,
    cycle: Cycle,
) -> Option<(Chain, u32)> {
    if !space.unswept.claim(segment) {
        return None;
    }
    let mut whole = None;
    let scan = Scan::of(&space.arena, segment, cycle);
    let take = |chain, last| whole = Some((chain, last));
    space.unswept.relink(&space.arena, &scan, cycle, u32::MAX, take);
    whole
}

/// Does only the part for which the world is stopped, so that a model can start from there.
#[cfg(model)]
pub(crate) fn begin_only<W: Word>(space: &Space<W>) {
    let begun = begin(space, 1, Resume::Soon).expect("a model stops the world");
    begun.expect("there is a free slot");
}

/// Does only the part after the stop.
#[cfg(model)]
pub(crate) fn finish_only<W: Word>(space: &Space<W>) {
    let mut sweeper = space.safepoint.sweeper().expect("a model sweeps");
    Progress::new(space).finish(space, &mut sweeper);
}
