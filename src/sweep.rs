//! The sweep: with the world stopped, every segment that is wholly free is released, and the
//! free slots of the others are linked anew, ascending.
//!
//! A free slot shows in its word, so one linear scan of the committed segments finds them all:
//! no chain is walked and nothing is sorted. The old chains are simply forgotten.

use std::time::Duration;

use crate::allocator::Allocator;
use crate::head::Head;
use crate::word::{self, State, Word};
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

/// Up to 64 slots, a bit each.
#[derive(Clone, Copy)]
struct Block {
    first: u32,
    count: u32,
    live: u64,
    uninitialized: u64,
}

impl Block {
    /// Looks at `count` slots from `first`. Without a branch for each: their states may be
    /// random.
    fn look<W: Word>(allocator: &Allocator<W>, first: u32, count: u32) -> Block {
        let (mut live, mut uninitialized) = (0u64, 0u64);
        for offset in (0..count).rev() {
            let state = allocator.arena.slot(first + offset).state_stopped();
            live = live << 1 | u64::from(state == State::Live);
            uninitialized = uninitialized << 1 | u64::from(state == State::Uninitialized);
        }
        Block { first, count, live, uninitialized }
    }

    /// The indices of the free slots, ascending.
    fn free(self) -> impl Iterator<Item = u32> {
        let mut free = !(self.live | self.uninitialized) & (u64::MAX >> (64 - self.count));
        core::iter::from_fn(move || {
            let bit = free.trailing_zeros();
            free &= free.wrapping_sub(1);
            (bit < 64).then(|| self.first + bit)
        })
    }
}

/// The usable slots of a segment, 64 at a time.
fn blocks<W: Word>(allocator: &Allocator<W>, segment: u32) -> impl Iterator<Item = Block> {
    let geometry = allocator.arena.geometry();
    let (first, usable) = (geometry.first(segment), geometry.usable(segment));
    (0..usable)
        .step_by(64)
        .map(move |offset| Block::look(allocator, first + offset, (usable - offset).min(64)))
}

/// 64 slots at a time, without a branch for each.
fn is_wholly_free<W: Word>(allocator: &Allocator<W>, segment: u32) -> bool {
    let geometry = allocator.arena.geometry();
    let (first, usable) = (geometry.first(segment), geometry.usable(segment));
    // By offsets: beyond the topmost segment there is no index.
    (0..usable).step_by(64).all(|start| {
        let offsets = start..(start + 64).min(usable);
        let words = offsets.map(|i| allocator.arena.slot(first + i).load_stopped().low());
        word::is_free(words.fold(0u64, |all, low| all | low))
    })
}

/// Appends the free slots of a segment to the chain and counts the others.
fn chain_segment<W: Word>(
    allocator: &Allocator<W>,
    segment: u32,
    chain: &mut Chain,
    report: &mut SweepReport,
) {
    for block in blocks(allocator, segment) {
        block.free().for_each(|index| chain.append(allocator, index));
        report.live += u64::from(block.live.count_ones());
        report.uninitialized += u64::from(block.uninitialized.count_ones());
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
    /// The index of the slot at position `i << stride_shift`.
    marks: [u32; MARKS],
    /// The binary logarithm of how many slots lie between two marks.
    stride_shift: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Self { last: 0, length: 0, marks: [0; MARKS], stride_shift: 0 }
    }
}

impl Chain {
    fn append<W: Word>(&mut self, allocator: &Allocator<W>, index: u32) {
        if self.length > 0 {
            allocator.arena.slot(self.last).set_next_if_needed(self.last, index);
        }
        if self.length & ((1 << self.stride_shift) - 1) == 0 {
            self.mark(index);
        }
        self.last = index;
        self.length += 1;
    }

    #[cold]
    fn mark(&mut self, index: u32) {
        if (self.length >> self.stride_shift) as usize == MARKS {
            // Keep every second one.
            for i in 0..MARKS / 2 {
                self.marks[i] = self.marks[2 * i];
            }
            self.stride_shift += 1;
        }
        self.marks[(self.length >> self.stride_shift) as usize] = index;
    }

    /// Gives each stripe a piece of consecutive slots, the lowest to the first; not less than a
    /// magazine's worth to any, so some may get none.
    fn hand_out<W: Word>(self, allocator: &Allocator<W>) {
        let length = u64::from(self.length);
        let piece = length
            .div_ceil(allocator.stripes.len() as u64)
            .max(u64::from(allocator.magazine_size))
            .next_multiple_of(1 << self.stride_shift);
        let mut start = 0;
        for stripe in &allocator.stripes {
            if start >= length {
                return;
            }
            let piece = piece.min(length - start);
            let first = self.marks[(start >> self.stride_shift) as usize];
            stripe.put_back(&allocator.arena, Head::new(first, piece as u32));
            start += piece;
        }
        debug_assert!(start >= length, "the pieces cover the chain");
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
