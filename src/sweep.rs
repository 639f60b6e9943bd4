//! The sweep: with the world stopped, every segment that is wholly free is released, and the
//! free slots of the others are linked anew, ascending.
//!
//! A free slot shows in its word, so one linear scan of the committed segments finds them all:
//! no chain is walked and nothing is sorted. The old chains are simply forgotten.

use std::time::Duration;

use crate::allocator::Allocator;
use crate::head::Head;
use crate::word::{State, Word};
use crate::world::Stopped;

/// What a sweep found and did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SweepReport {
    /// Was the world stopped and swept? If not, too few slots were free, nobody was held up,
    /// and the other figures are what they were a moment ago.
    pub swept: bool,
    /// Segments whose memory went back to the system.
    pub segments_released: u64,
    /// Their bytes.
    pub bytes_released: u64,
    /// Segments that are committed now.
    pub segments_committed: u64,
    /// Slots that hold an entry.
    pub live: u64,
    /// Free slots in the committed segments, after the release.
    pub free: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// For how long operations were held up, at most: from the request to stop until they could
    /// go on. (Not for how long this sweep waited for another one before that.)
    pub pause: Duration,
}

/// The least number of free slots for which a sweep is worth a stop: as many as the smallest
/// committed segment has.
fn segment_worth<W: Word>(allocator: &Allocator<W>) -> u64 {
    let geometry = allocator.arena.geometry();
    let last = geometry.segments() - 1;
    let mut worth = geometry.usable(0);
    if allocator.arena.is_committed(last) {
        worth = worth.min(geometry.usable(last));
    }
    u64::from(worth)
}

/// Sweeps, unless fewer than `threshold` slots, or than a segment has, are free.
pub(crate) fn sweep<W: Word>(allocator: &Allocator<W>, threshold: u64) -> SweepReport {
    let enough = threshold.max(segment_worth(allocator));
    let free = allocator.roughly_free(enough);
    if free < enough {
        return estimate(allocator, free);
    }
    let mut stopped = allocator.world.stop();
    let since = stopped.since();
    let (shared, private) = allocator.free_slots(&stopped);
    let mut report = if shared + private < enough {
        // Others took them meanwhile.
        SweepReport::default()
    } else {
        forget_chains(allocator, &mut stopped);
        relink(allocator, &stopped)
    };
    drop(stopped);
    let pause = since.elapsed();
    if !report.swept {
        report = estimate(allocator, allocator.roughly_free(u64::MAX));
    }
    report.pause = pause;
    report
}

/// The figures without a stop.
fn estimate<W: Word>(allocator: &Allocator<W>, free: u64) -> SweepReport {
    let (segments, slots) = allocator.arena.committed_count();
    SweepReport {
        segments_committed: segments,
        live: slots.saturating_sub(free),
        free,
        ..SweepReport::default()
    }
}

/// Empties stripes and private stores: their slots are found again by their words.
fn forget_chains<W: Word>(allocator: &Allocator<W>, stopped: &mut Stopped<'_>) {
    for stripe in &allocator.stripes {
        stripe.take();
    }
    stopped.for_each_magazine(|magazine| magazine.clear());
}

fn relink<W: Word>(allocator: &Allocator<W>, stopped: &Stopped<'_>) -> SweepReport {
    let mut report = SweepReport { swept: true, ..SweepReport::default() };
    let mut chain = Chain::default();
    // A run of wholly free segments, not released yet: the first, and how many.
    let mut empty: Option<(u32, u32)> = None;
    for segment in allocator.arena.committed(stopped) {
        if is_wholly_free(allocator, segment) {
            empty = match empty {
                Some((first, count)) if first + count == segment => Some((first, count + 1)),
                Some(run) => {
                    release(allocator, stopped, run, &mut chain, &mut report);
                    Some((segment, 1))
                }
                None => Some((segment, 1)),
            };
            continue;
        }
        // The chain ascends, so the run before this segment is settled first.
        if let Some(run) = empty.take() {
            release(allocator, stopped, run, &mut chain, &mut report);
        }
        chain_segment(allocator, segment, &mut chain, &mut report);
    }
    if let Some(run) = empty {
        release(allocator, stopped, run, &mut chain, &mut report);
    }
    report.free = u64::from(chain.length);
    chain.hand_out(allocator);
    report
}

fn is_wholly_free<W: Word>(allocator: &Allocator<W>, segment: u32) -> bool {
    let geometry = allocator.arena.geometry();
    let first = geometry.first(segment);
    (0..geometry.usable(segment))
        .all(|i| allocator.arena.slot(first + i).state_stopped() == State::Free)
}

/// Appends the free slots of a segment to the chain and counts the others.
fn chain_segment<W: Word>(
    allocator: &Allocator<W>,
    segment: u32,
    chain: &mut Chain,
    report: &mut SweepReport,
) {
    let geometry = allocator.arena.geometry();
    let first = geometry.first(segment);
    for index in (0..geometry.usable(segment)).map(|i| first + i) {
        match allocator.arena.slot(index).state_stopped() {
            State::Free => chain.append(allocator, index),
            State::Live => report.live += 1,
            State::Uninitialized => report.uninitialized += 1,
        }
    }
    report.segments_committed += 1;
}

/// Releases a run of wholly free segments. Where the system refuses, they stay, and their slots
/// go into the chain.
fn release<W: Word>(
    allocator: &Allocator<W>,
    stopped: &Stopped<'_>,
    (first, count): (u32, u32),
    chain: &mut Chain,
    report: &mut SweepReport,
) {
    // SAFETY: the world is stopped, all slots of the run are free, and every chain and magazine
    // has been forgotten; the new chain ends before the run.
    match unsafe { allocator.arena.release(first, count, stopped) } {
        Ok(()) => {
            report.segments_released += u64::from(count);
            report.bytes_released += u64::from(count) * allocator.arena.segment_bytes() as u64;
        }
        Err(_) => (first..first + count).for_each(|s| chain_segment(allocator, s, chain, report)),
    }
}

/// How many places to cut the new chain at are kept in mind.
const MARKS: usize = 256;

/// An ascending chain in the making, with marks at even distances, so that it can be cut into
/// nearly equal pieces without being walked.
struct Chain {
    last: u32,
    length: u32,
    /// The index of the slot at position `i * stride`.
    marks: [u32; MARKS],
    /// How many slots lie between two marks: a power of two.
    stride: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Self { last: 0, length: 0, marks: [0; MARKS], stride: 1 }
    }
}

impl Chain {
    fn append<W: Word>(&mut self, allocator: &Allocator<W>, index: u32) {
        if self.length > 0 {
            allocator.arena.slot(self.last).set_next_if_needed(self.last, index);
        }
        if self.length % self.stride == 0 {
            let mut mark = (self.length / self.stride) as usize;
            if mark == MARKS {
                // Keep every second one.
                for i in 0..MARKS / 2 {
                    self.marks[i] = self.marks[2 * i];
                }
                mark /= 2;
                self.stride *= 2;
            }
            self.marks[mark] = index;
        }
        self.last = index;
        self.length += 1;
    }

    /// Gives each stripe a piece of consecutive slots, the lowest to the first; not less than a
    /// magazine's worth to any, so some may get none.
    fn hand_out<W: Word>(self, allocator: &Allocator<W>) {
        let stripes = allocator.stripes.len() as u32;
        let piece = self
            .length
            .div_ceil(stripes)
            .max(allocator.magazine_size)
            .next_multiple_of(self.stride);
        let mut start = 0;
        for stripe in &allocator.stripes {
            if start >= self.length {
                return;
            }
            let length = piece.min(self.length - start);
            let first = self.marks[(start / self.stride) as usize];
            stripe.put_back(&allocator.arena, Head::new(first, length));
            start += length;
        }
        debug_assert!(start >= self.length, "the pieces cover the chain");
    }
}
