//! The sweep: decommits each segment that is wholly free, and single free pages of others. The rest
//! stays unswept until a thread wants its slots.
//!
//! A slot's word says whether it is free, so a scan of a segment finds its free slots. No chain is
//! walked, and nothing is sorted. The world is stopped only to forget the old chains.

use std::time::Duration;

use super::sample::Sample;
use super::scan::Scan;
use super::space::Space;
use super::unswept;
use crate::bits::handle::OperationError;
use crate::bits::word::{Cycle, Word};
use crate::safepoint::{Stopped, Sweeper};

/// The counts at a sweep, and the memory that went back to the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SweepReport {
    /// `true` if there was a sweep. Then the figures that follow are exact: those at the moment of
    /// the stop, less what this sweep has decommitted. If `false`, too few slots were free, and the
    /// figures are approximate.
    pub swept: bool,
    /// Segments whose memory went back to the system.
    pub segments_released: u64,
    /// Bytes that went back: those of these segments, and of pages of free slots in others. The
    /// segment of a small slab counts, though its slots stay allocated.
    pub bytes_released: u64,
    /// Bytes that were to go back, and that the system refused to take. They stay in use.
    pub bytes_refused: u64,
    /// Committed segments.
    pub segments_committed: u64,
    /// Slots that hold an entry.
    pub live: u64,
    /// Free slots in the committed segments.
    pub free: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// The longest that an operation may have waited: from the request to stop until the
    /// resumption.
    pub pause: Duration,
}

/// Returns the least number of free slots for which a sweep is worth a stop: those of the smallest
/// committed segment.
fn segment_worth<W: Word>(space: &Space<W>) -> u64 {
    let geometry = space.arena.geometry();
    let last = geometry.segments() - 1;
    let mut worth = geometry.usable(0);
    if space.arena.committed.contains(last) {
        worth = worth.min(geometry.usable(last));
    }
    u64::from(worth)
}

/// The most segments that one system call decommits: from a multiple of this on.
const RUN: u32 = 16;

/// The moment at which the world resumes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Resume {
    /// Once all chains are forgotten.
    Soon,
    /// After all steps.
    Late,
}

/// Sweeps, unless fewer than `threshold` slots, or fewer than a segment has, are free.
pub(crate) fn sweep<W: Word>(space: &Space<W>, threshold: u64, resume: Resume) -> SweepReport {
    if resume == Resume::Late {
        return sweep_now(space, threshold, resume);
    }
    let begun = space.pace.wait();
    let report = sweep_now(space, threshold, resume);
    space.pace.end(begun, report.bytes_released == 0);
    report
}

fn sweep_now<W: Word>(space: &Space<W>, threshold: u64, resume: Resume) -> SweepReport {
    let enough = threshold.max(segment_worth(space));
    let free = space.roughly_free(enough);
    if free < enough {
        return estimate(space, free, Duration::ZERO);
    }
    let begun =
        space.safepoint.sweeper().and_then(|sweeper| Ok((begin(space, enough, resume)?, sweeper)));
    match begun {
        Ok((Ok(progress), mut sweeper)) => progress.finish(space, &mut sweeper),
        // Other threads took them in the meantime.
        Ok((Err(pause), _)) => estimate(space, space.roughly_free(u64::MAX), pause),
        Err(_) => estimate(space, free, Duration::ZERO),
    }
}

/// Does the part for which the world is stopped. The error is the length of a stop in vain: fewer
/// than `enough` slots were free.
pub(super) fn begin<W: Word>(
    space: &Space<W>,
    enough: u64,
    resume: Resume,
) -> Result<Result<Progress, Duration>, OperationError> {
    let mut progress = Progress::new(space);
    let mut stopped = space.safepoint.stop()?;
    let since = stopped.since();
    let before = space.counts(Some(&stopped));
    let worth_it = before.free() >= enough;
    if worth_it {
        start_cycle(space, &mut stopped, before.free());
        progress.report.swept = true;
        progress.report.segments_committed = before.segments_committed;
        progress.report.live = before.live;
        progress.report.free = before.free();
        progress.report.uninitialized = before.uninitialized;
        if resume == Resume::Late {
            while progress.step(space, stopped.cycle()) {}
        }
    }
    drop(stopped);
    progress.report.pause = since.elapsed();
    Ok(if worth_it { Ok(progress) } else { Err(progress.report.pause) })
}

fn estimate<W: Word>(space: &Space<W>, free: u64, pause: Duration) -> SweepReport {
    let (segments, slots) = space.arena.committed.count();
    SweepReport {
        segments_committed: segments,
        live: slots.saturating_sub(free),
        free,
        pause,
        ..SweepReport::default()
    }
}

/// Forgets all chains and local stores, which have `slots`, and begins a sweep cycle. Later scans
/// find the slots by their words. Takes a step a free list, a participant, and 64 segments.
pub(crate) fn start_cycle<W: Word>(space: &Space<W>, stopped: &mut Stopped<'_>, slots: u64) {
    for list in &space.lists {
        list.take();
    }
    stopped.for_each_store(|store| store.clear());
    let cycle = stopped.cycle().next().unwrap_or_else(|| begin_again(space, stopped));
    stopped.begin_cycle(cycle);
    space.unswept.start_cycle(&space.arena, slots);
    space.bias.begin_epoch();
}

/// Makes every free slot forget its cycle. The numbers of cycles are used up once in 2^30 sweeps.
#[cold]
fn begin_again<W: Word>(space: &Space<W>, _: &Stopped<'_>) -> Cycle {
    for segment in space.arena.committed.iter() {
        unswept::wipe(&space.arena, segment);
    }
    Cycle::SECOND
}

/// The sweeper's progress. It goes from the top down, allocating threads from the bottom up.
pub(super) struct Progress {
    /// The segments from this one on are done.
    pub(super) below: u32,
    pub(super) report: SweepReport,
}

impl Progress {
    pub(super) fn new<W: Word>(space: &Space<W>) -> Self {
        let below = space.arena.geometry().segments();
        Self { below, report: SweepReport::default() }
    }

    pub(super) fn finish<W: Word>(
        mut self,
        space: &Space<W>,
        sweeper: &mut Sweeper<'_>,
    ) -> SweepReport {
        loop {
            // One step an operation, so that a stop waits for no more than that.
            match sweeper.enter() {
                Some(operation) if self.step(space, operation.cycle()) => {}
                _ => break,
            }
        }
        self.report
    }

    /// Deals with an unswept segment and, if it is wholly free, with those below that are wholly
    /// free too. Returns `false` if none was unswept. The caller is inside an operation or has
    /// stopped the world.
    pub(super) fn step<W: Word>(&mut self, space: &Space<W>, cycle: Cycle) -> bool {
        let (arena, unswept) = (&space.arena, &space.unswept);
        let Some(top) = unswept.highest(self.below) else { return false };
        let mut first = top;
        let sample = Sample::at(arena, top, cycle);
        if sample.is_wholly_unswept {
            if unswept.claim(top) {
                let is_free = |s| Sample::at(arena, s, cycle).is_wholly_unswept;
                let more = |s: u32| unswept.contains(s) && is_free(s) && unswept.claim(s);
                while first % RUN != 0 && more(first - 1) {
                    first -= 1;
                }
                self.decommit(space, first, top, cycle);
            }
        } else if sample.has_page && unswept.claim(top) {
            let mut scan = Scan::of(arena, top, cycle);
            let (purged, refused) = scan.purge_pages(arena);
            self.report.bytes_released += purged;
            self.report.bytes_refused += refused;
            sweep_segment(space, top, &scan, cycle);
        } else if sample.is_promising {
            unswept.mark_promising(top);
        }
        self.below = first;
        true
    }

    /// Decommits a run of wholly free segments. If the system refuses, their slots go to lists.
    fn decommit<W: Word>(&mut self, space: &Space<W>, first: u32, top: u32, cycle: Cycle) {
        let (arena, count) = (&space.arena, top - first + 1);
        // SAFETY: all their slots are unswept, and the caller has claimed them. It is inside an
        // operation or has stopped the world.
        if unsafe { arena.decommit(first, count) }.is_err() {
            self.report.bytes_refused += u64::from(count) * arena.segment_bytes() as u64;
            for segment in (first..=top).rev() {
                sweep_segment(space, segment, &Scan::of(arena, segment, cycle), cycle);
            }
            return;
        }
        let slots: u64 = (first..=top).map(|s| u64::from(arena.geometry().usable(s))).sum();
        space.unswept.subtract(slots);
        let (report, count) = (&mut self.report, u64::from(count));
        report.segments_released += count;
        report.bytes_released += count * arena.segment_bytes() as u64;
        // Saturating: a model may begin after the stop, without figures.
        report.segments_committed = report.segments_committed.saturating_sub(count);
        report.free = report.free.saturating_sub(slots);
    }
}

/// Puts the unswept slots of a segment on the free lists, a part on each.
fn sweep_segment<W: Word>(space: &Space<W>, segment: u32, scan: &Scan, cycle: Cycle) {
    let (arena, lists) = (&space.arena, space.lists.len() as u32);
    let part = (arena.geometry().slots_per_segment() / lists).max(space.magazine_size);
    let mut list = segment % lists;
    space.unswept.relink(arena, scan, cycle, part, |chain, last| {
        space.lists[list as usize].push(arena, chain, last, cycle);
        list = (list + 1) % lists;
    });
}
