//! The sweep: every segment that is wholly free is released, and the free slots of the others come
//! back in ascending order.
//!
//! A free slot shows in its word, so a look at the slots of a segment finds them: no chain is
//! walked and nothing is sorted. The old chains are simply forgotten, which is all that the world
//! is stopped for; `detached.rs` says how the slots come back while it runs.

use std::time::Duration;

use crate::allocator::Allocator;
use crate::detached::{self, Glance, Seen};
use crate::stats::Stats;
use crate::word::{Round, Word};
use crate::world::{Stopped, Sweeper};

/// What a sweep found and did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SweepReport {
    /// Was there a sweep? If so, the figures that follow are exact: what there was at the moment
    /// when the world was stopped, less what this sweep has released. If not, too few slots were
    /// free, and the figures are what they were a moment ago.
    pub swept: bool,
    /// Segments whose memory went back to the system.
    pub segments_released: u64,
    /// Bytes that went back: those of these segments, and of pages of free slots in others.
    pub bytes_released: u64,
    /// Committed segments.
    pub segments_committed: u64,
    /// Slots that hold an entry.
    pub live: u64,
    /// Free slots in the committed segments.
    pub free: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// For how long operations were held up, at most: from the request to stop until they could
    /// go on.
    pub pause: Duration,
}

/// The least number of free slots for which a sweep is worth a stop: as many as the smallest
/// committed segment has.
fn segment_worth<W: Word>(allocator: &Allocator<W>) -> u64 {
    let geometry = allocator.arena.geometry();
    let last = geometry.segments() - 1;
    let mut worth = geometry.usable(0);
    if allocator.arena.claims.is_committed(last) {
        worth = worth.min(geometry.usable(last));
    }
    u64::from(worth)
}

/// How many segments are released by one system call, at most.
const RUN: u32 = 16;

/// When the world goes on.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Resume {
    /// Once all chains are forgotten.
    Soon,
    /// When all is done.
    Late,
}

/// Sweeps, unless fewer than `threshold` slots, or than a segment has, are free.
pub(crate) fn sweep<W: Word>(
    allocator: &Allocator<W>,
    threshold: u64,
    resume: Resume,
) -> SweepReport {
    let enough = threshold.max(segment_worth(allocator));
    let free = allocator.roughly_free(enough);
    if free < enough {
        return estimate(allocator, free, Duration::ZERO);
    }
    let mut sweeper = allocator.world.sweeper();
    match begin(allocator, enough, resume) {
        Ok(progress) => progress.finish(allocator, &mut sweeper),
        // Others took them meanwhile.
        Err(pause) => estimate(allocator, allocator.roughly_free(u64::MAX), pause),
    }
}

/// The part for which the world is stopped. The error is for how long it was so in vain: fewer
/// than `enough` slots were free.
fn begin<W: Word>(
    allocator: &Allocator<W>,
    enough: u64,
    resume: Resume,
) -> Result<Progress, Duration> {
    let mut progress = Progress::new(allocator);
    let mut stopped = allocator.world.stop();
    let since = stopped.since();
    let before = Stats::of(allocator, &stopped);
    let worth_it = before.free >= enough;
    if worth_it {
        detach(allocator, &mut stopped, before.free);
        progress.report.swept = true;
        progress.report.segments_committed = before.segments_committed;
        progress.report.live = before.live;
        progress.report.free = before.free;
        progress.report.uninitialized = before.uninitialized;
        if resume == Resume::Late {
            while progress.step(allocator, stopped.round()) {}
        }
    }
    drop(stopped);
    progress.report.pause = since.elapsed();
    if worth_it { Ok(progress) } else { Err(progress.report.pause) }
}

/// The part for which the world is stopped, by itself, so that a model can start from there.
#[cfg(all(loom, feature = "loom"))]
pub(crate) fn begin_only<W: Word>(allocator: &Allocator<W>) {
    begin(allocator, 1, Resume::Soon).expect("there is a free slot");
}

/// The other part.
#[cfg(all(loom, feature = "loom"))]
pub(crate) fn finish_only<W: Word>(allocator: &Allocator<W>) {
    Progress::new(allocator).finish(allocator, &mut allocator.world.sweeper());
}

/// The figures without a sweep.
fn estimate<W: Word>(allocator: &Allocator<W>, free: u64, pause: Duration) -> SweepReport {
    let (segments, slots) = allocator.arena.claims.committed_count();
    SweepReport {
        segments_committed: segments,
        live: slots.saturating_sub(free),
        free,
        pause,
        ..SweepReport::default()
    }
}

/// Forgets all chains and private stores, which have `slots`, and begins a round: they are found
/// again by their words. Takes a step a stripe, a participant, and 64 segments.
fn detach<W: Word>(allocator: &Allocator<W>, stopped: &mut Stopped<'_>, slots: u64) {
    for stripe in &allocator.stripes {
        stripe.take();
    }
    stopped.for_each_magazine(|magazine| magazine.clear());
    let round = stopped.round().next().unwrap_or_else(|| begin_again(allocator, stopped));
    stopped.begin_round(round);
    allocator.detached.begin(&allocator.arena, slots, stopped);
}

/// The numbers of rounds are used up, once in 2^30 sweeps: every free slot forgets its own.
#[cold]
fn begin_again<W: Word>(allocator: &Allocator<W>, stopped: &Stopped<'_>) -> Round {
    for segment in allocator.arena.claims.committed(stopped) {
        detached::wipe(&allocator.arena, segment, stopped);
    }
    Round::SECOND
}

/// How far the sweeper has come, from the top down: who needs slots takes them from below.
struct Progress {
    /// No segment from this one on is to be dealt with.
    below: u32,
    report: SweepReport,
}

impl Progress {
    fn new<W: Word>(allocator: &Allocator<W>) -> Self {
        let below = allocator.arena.geometry().segments();
        Self { below, report: SweepReport::default() }
    }

    /// Does all that is left to do.
    fn finish<W: Word>(
        mut self,
        allocator: &Allocator<W>,
        sweeper: &mut Sweeper<'_>,
    ) -> SweepReport {
        loop {
            // One step an operation: a stop waits for no more than that.
            let operation = sweeper.enter();
            if !self.step(allocator, operation.round()) {
                break;
            }
        }
        self.report
    }

    /// Deals with a pending segment, and if it is wholly free with those below that are so too.
    /// `false` if there was none. The caller is inside an operation or has stopped the world.
    fn step<W: Word>(&mut self, allocator: &Allocator<W>, round: Round) -> bool {
        let (arena, pending) = (&allocator.arena, &allocator.detached);
        let Some(top) = pending.highest(self.below) else { return false };
        let mut first = top;
        let glance = Glance::at(arena, top, round);
        if glance.is_wholly_detached {
            if pending.claim(top) {
                let is_free = |s| Glance::at(arena, s, round).is_wholly_detached;
                let more = |s: u32| pending.is_pending(s) && is_free(s) && pending.claim(s);
                while first > 0 && top - first + 1 < RUN && more(first - 1) {
                    first -= 1;
                }
                self.release(allocator, first, top, round);
            }
        } else if glance.has_page && pending.claim(top) {
            let mut seen = Seen::look(arena, top, round);
            self.report.bytes_released += seen.give_back_pages(arena);
            bring_back(allocator, top, &seen, round);
        } else if glance.is_promising {
            pending.promises(top);
        }
        self.below = first;
        true
    }

    /// Releases a run of wholly free segments. Where the system refuses, they stay.
    fn release<W: Word>(&mut self, allocator: &Allocator<W>, first: u32, top: u32, round: Round) {
        let (arena, count) = (&allocator.arena, top - first + 1);
        // SAFETY: all their slots are detached, the caller has claimed them, and is inside an
        // operation or has stopped the world.
        if unsafe { arena.release(first, count) }.is_err() {
            for segment in (first..=top).rev() {
                bring_back(allocator, segment, &Seen::look(arena, segment, round), round);
            }
            return;
        }
        let slots: u64 = (first..=top).map(|s| u64::from(arena.geometry().usable(s))).sum();
        allocator.detached.released(slots);
        let (report, count) = (&mut self.report, u64::from(count));
        report.segments_released += count;
        report.bytes_released += count * arena.segment_bytes() as u64;
        // Saturating: a model may begin after the stop, with no figures.
        report.segments_committed = report.segments_committed.saturating_sub(count);
        report.free = report.free.saturating_sub(slots);
    }
}

/// Gives the detached slots of a segment to the stripes, to each its part.
fn bring_back<W: Word>(allocator: &Allocator<W>, segment: u32, seen: &Seen, round: Round) {
    let (arena, stripes) = (&allocator.arena, allocator.stripes.len() as u32);
    let part = (arena.geometry().slots_per_segment() / stripes).max(allocator.magazine_size);
    let mut stripe = segment % stripes;
    allocator.detached.bring_back(arena, seen, round, part, |chain, last| {
        allocator.stripes[stripe as usize].push(arena, chain, last, round);
        stripe = (stripe + 1) % stripes;
    });
}

#[cfg(all(test, not(loom)))]
mod round_tests {
    use crate::handle::Handle;
    use crate::table::Table;

    #[test]
    fn rounds_begin_again() {
        let table = Table::<u64>::builder().capacity(20_000).build().expect("a table");
        let mut handles = Vec::new();
        table.allocate_many(&[7; 20_000], &mut handles).expect("slots");
        let (live, freed): (Vec<Handle>, _) =
            handles.into_iter().partition(|handle| handle.to_raw() % 3 == 0);
        let (before, after) = freed.split_at(freed.len() / 2);
        assert_eq!(table.free_many(before), Ok(()));
        table.begin_last_round();
        assert_eq!(table.free_many(after), Ok(()));
        for _ in 0..3 {
            assert!(table.sweep(0).swept);
            assert_eq!(table.audit().expect("in order").free, freed.len() as u64);
            let mut again = Vec::new();
            table.allocate_many(&vec![8; freed.len()], &mut again).expect("what was freed");
            assert!(live.iter().all(|&handle| table.get(handle) == Some(7)));
            assert_eq!(table.free_many(&again), Ok(()));
        }
        assert_eq!(table.free_many(&live), Ok(()));
        assert_eq!(table.sweep(0).segments_committed, 0);
    }
}

#[cfg(all(test, not(any(loom, miri, slotarena_heap)), unix, target_pointer_width = "64"))]
mod tests {
    use crate::handle::Handle;
    use crate::table::Table;

    #[test]
    fn the_topmost_segment_keeps_what_is_live() {
        let table = Table::<u64>::builder().capacity(u32::MAX).build().expect("32 GiB");
        table.grow_from_the_top();
        // The last 64 segments, and of each its last slot stays.
        let mut entries = Vec::new();
        table.allocate_many(&vec![7; 64 * 8192], &mut entries).expect("slots");
        let (live, freed): (Vec<Handle>, _) =
            entries.into_iter().partition(|handle| handle.to_raw() % 8192 == 8191);
        assert_eq!(table.free_many(&freed), Ok(()));
        let top = live.iter().max().expect("some are live");
        assert_eq!(top.to_raw(), u32::MAX);
        let report = table.sweep(0);
        assert!(report.swept);
        assert_eq!((report.live, live.len()), (64, 64));
        assert!(live.iter().all(|&handle| table.get(handle).is_some()));
        table.audit().expect("in order");
        assert_eq!(table.free_many(&live), Ok(()));
        assert_eq!(table.sweep(0).segments_committed, 0);
    }
}
