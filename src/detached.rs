//! Free slots that a sweep has taken out of all chains and private stores, and how they come back.
//!
//! A sweep stops the world only to forget every chain and to begin a *round*. Every segment that
//! was committed then is *pending*, and its *detached* slots are those whose words say that they
//! have been free since before the round: whatever is freed or linked later says so. Nobody has
//! their indices, and nobody touches them until somebody claims the segment, looks at all its
//! slots, and makes a chain of the detached ones. The sweeper does that from above, and from below
//! whoever finds the stripes empty meanwhile: nobody waits for the sweep, nor has to grow because
//! of it.

use crate::arena::Arena;
use crate::head::Head;
use crate::segment::SEGMENT_BYTES;
use crate::sync::unmodelled;
use crate::sync::{AtomicU64, Ordering};
use crate::word::{self, Round, State, Word};
use crate::world::Stopped;

/// What has not come back yet.
#[derive(Debug)]
pub(crate) struct Detached {
    /// A bit a segment: committed when the round began, and not claimed since.
    pending: Box<[AtomicU64]>,
    /// No word of `pending` before this one is thought to have a bit set.
    hint: unmodelled::AtomicUsize,
    /// Detached slots in segments that are pending, or claimed and not finished.
    slots: unmodelled::AtomicU64,
}

impl Detached {
    pub(crate) fn new(segments: u32) -> Self {
        Self {
            pending: (0..segments.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
            hint: unmodelled::AtomicUsize::new(0),
            slots: unmodelled::AtomicU64::new(0),
        }
    }

    /// How many slots have not come back, now or a moment ago; exact with the world stopped.
    pub(crate) fn slots(&self) -> u64 {
        // Relaxed: a figure; with the world stopped, the operations that changed it have ended
        // and were acquired (Invariant 8).
        self.slots.load(Ordering::Relaxed)
    }

    /// Makes every committed segment pending. The caller has forgotten all chains and stores,
    /// which had `slots`, and begins a round before the world goes on.
    pub(crate) fn begin<W: Word>(&self, arena: &Arena<W>, slots: u64, stopped: &Stopped<'_>) {
        debug_assert_eq!(self.slots(), 0, "the last round is over");
        for (word, pending) in self.pending.iter().enumerate() {
            // Relaxed: the end of the stop publishes it.
            pending.store(arena.committed_word(word, stopped), Ordering::Relaxed);
        }
        // Relaxed: a hint.
        self.hint.store(0, Ordering::Relaxed);
        // Relaxed: as the bits above.
        self.slots.store(slots, Ordering::Relaxed);
    }

    /// Is the segment pending? Exact with the world stopped.
    pub(crate) fn is_pending(&self, segment: u32) -> bool {
        // Relaxed: a guess, which a claim settles.
        let pending = self.pending[(segment / 64) as usize].load(Ordering::Relaxed);
        pending & 1 << (segment % 64) != 0
    }

    /// Makes a pending segment's detached slots the caller's, unless somebody was quicker.
    pub(crate) fn claim(&self, segment: u32) -> bool {
        let bit = 1u64 << (segment % 64);
        // Relaxed: the bit alone says whose they are. What their words say was acquired with the
        // gate by the operation that this is part of, or with the stop.
        let before = self.pending[(segment / 64) as usize].fetch_and(!bit, Ordering::Relaxed);
        before & bit != 0
    }

    /// Claims the highest pending segment below `end`.
    pub(crate) fn claim_highest(&self, end: u32) -> Option<u32> {
        for word in (0..end.div_ceil(64)).rev() {
            let below = u64::MAX >> (64 - (end - word * 64).min(64));
            loop {
                // Relaxed: a guess, which the claim settles.
                let pending = self.pending[word as usize].load(Ordering::Relaxed) & below;
                if pending == 0 {
                    break;
                }
                let segment = word * 64 + (63 - pending.leading_zeros());
                if self.claim(segment) {
                    return Some(segment);
                }
            }
        }
        None
    }

    fn claim_lowest(&self) -> Option<u32> {
        // Relaxed: a hint.
        let start = self.hint.load(Ordering::Relaxed);
        // What the hint left out comes last: it may be wrong.
        for word in (start..self.pending.len()).chain(0..start) {
            loop {
                // Relaxed: a guess, which the claim settles.
                let bit = self.pending[word].load(Ordering::Relaxed).trailing_zeros();
                if bit == 64 {
                    break;
                }
                let segment = word as u32 * 64 + bit;
                if self.claim(segment) {
                    if word > start {
                        // Relaxed: a hint.
                        self.hint.store(word, Ordering::Relaxed);
                    }
                    return Some(segment);
                }
            }
        }
        None
    }

    /// Makes a chain, of the caller's, of the detached slots of the lowest pending segment, and
    /// says nothing if there is none. The chain may be empty.
    pub(crate) fn bring_back_lowest<W: Word>(
        &self,
        arena: &Arena<W>,
        round: Round,
    ) -> Option<Head> {
        // No search while no sweep is under way.
        if self.slots() == 0 {
            return None;
        }
        let segment = self.claim_lowest()?;
        let mut whole = Head::EMPTY;
        let seen = Seen::look(arena, segment, round);
        self.bring_back(arena, &seen, round, u32::MAX, |chain, _| whole = chain);
        Some(whole)
    }

    /// Gives `take` chains of up to `most` of the detached slots that were seen in a segment, which
    /// the caller has claimed, ascending, and the last slot of each.
    pub(crate) fn bring_back<W: Word>(
        &self,
        arena: &Arena<W>,
        seen: &Seen,
        round: Round,
        most: u32,
        mut take: impl FnMut(Head, u32),
    ) {
        let (mut first, mut last, mut length) = (0, 0, 0);
        seen.for_each_detached(|index| {
            if length == most {
                take(Head::new(first, length), last);
                length = 0;
            }
            if length == 0 {
                first = index;
            } else {
                arena.slot(last).set_next_if_needed(last, index, round);
            }
            last = index;
            length += 1;
        });
        if length > 0 {
            take(Head::new(first, length), last);
        }
        // Relaxed: a figure, exact with the world stopped (see `slots`).
        self.slots.fetch_sub(u64::from(seen.detached), Ordering::Relaxed);
    }

    /// Says that wholly free segments, which the caller had claimed, have been released: so many
    /// slots less.
    pub(crate) fn released(&self, slots: u64) {
        // Relaxed: as in `bring_back`.
        self.slots.fetch_sub(slots, Ordering::Relaxed);
    }
}

/// Makes every free slot of a segment as if it had never been written to. All chains and private
/// stores have been forgotten.
pub(crate) fn wipe<W: Word>(arena: &Arena<W>, segment: u32, _: &Stopped<'_>) {
    let geometry = arena.geometry();
    let first = geometry.first(segment);
    for index in (0..geometry.usable(segment)).map(|i| first + i) {
        let slot = arena.slot(index);
        if word::state(slot.look()) == State::Free {
            slot.wipe();
        }
    }
}

/// How many words of 64 bits have a bit for each slot of a segment.
const WORDS: usize = SEGMENT_BYTES / size_of::<u64>() / 64;

/// What somebody saw in a segment, each slot being looked at once.
pub(crate) struct Seen {
    first: u32,
    usable: u32,
    detached: u32,
    /// A bit a slot: it is detached.
    bits: [u64; WORDS],
}

impl Seen {
    /// Looks at a segment, 64 slots at a time, and without a branch for each: their states may be
    /// random.
    pub(crate) fn look<W: Word>(arena: &Arena<W>, segment: u32, round: Round) -> Self {
        let geometry = arena.geometry();
        let (first, usable) = (geometry.first(segment), geometry.usable(segment));
        let mut seen = Self { first, usable, detached: 0, bits: [0; WORDS] };
        for start in (0..usable).step_by(64) {
            let mut bits = 0u64;
            // By offsets: beyond the topmost segment there is no index.
            for offset in (start..(start + 64).min(usable)).rev() {
                let word = arena.slot(first + offset).look();
                bits = bits << 1 | u64::from(word::is_detached(word, round));
            }
            seen.detached += bits.count_ones();
            seen.bits[start as usize / 64] = bits;
        }
        seen
    }

    /// Is every usable slot detached? So it stays until somebody claims the segment.
    pub(crate) fn is_wholly_detached(&self) -> bool {
        self.detached == self.usable
    }

    /// Calls `f` with the indices of the detached slots, ascending.
    fn for_each_detached(&self, mut f: impl FnMut(u32)) {
        for (start, &bits) in (0..self.usable).step_by(64).zip(&self.bits) {
            let mut left = bits;
            while left != 0 {
                f(self.first + start + left.trailing_zeros());
                left &= left - 1;
            }
        }
    }
}
