//! Free slots that a sweep has taken out of all chains and private stores, and how they come back.
//!
//! A sweep stops the world only to forget every chain and to begin a *round*. Every segment that
//! was committed then is *pending*, and its *detached* slots are those whose words say that they
//! have been free since before the round: whatever is freed or linked later says so. Nobody has
//! their indices, and nobody touches them until somebody claims the segment, looks at all its
//! slots, and makes a chain of the detached ones. Whoever finds the stripes empty does that, from
//! below. The sweeper glances at the pending segments from above and releases those that are wholly
//! detached; the others it leaves alone, and most of the links are never written.

mod glance;

use core::ops::Range;

use crate::arena::Arena;
use crate::head::Head;
use crate::memory::{Memory, Slot};
use crate::segment::SEGMENT_BYTES;
use crate::sync::unmodelled;
use crate::sync::{AtomicU64, Ordering};
use crate::word::{self, Round, State, Word};
use crate::world::Stopped;

pub(crate) use glance::Glance;

/// What has not come back yet.
#[derive(Debug)]
pub(crate) struct Detached {
    /// A bit a segment: committed when the round began, and not claimed since.
    pending: Box<[AtomicU64]>,
    /// A bit a segment: a glance fell on a detached slot. Not modelled: a hint.
    promising: Box<[unmodelled::AtomicU64]>,
    /// No word of `promising` before this one is thought to have a bit set for a pending segment.
    hint: unmodelled::AtomicUsize,
    /// Detached slots in segments that are pending, or claimed and not finished.
    slots: AtomicU64,
}

impl Detached {
    pub(crate) fn new(segments: u32) -> Self {
        let words = 0..segments.div_ceil(64);
        Self {
            pending: words.clone().map(|_| AtomicU64::new(0)).collect(),
            promising: words.map(|_| unmodelled::AtomicU64::new(0)).collect(),
            hint: unmodelled::AtomicUsize::new(0),
            slots: AtomicU64::new(0),
        }
    }

    /// How many slots have not come back, now or a moment ago; exact with the world stopped.
    pub(crate) fn slots(&self) -> u64 {
        // Relaxed: a figure; with the world stopped, the operations that changed it have ended
        // and were acquired (Invariant 8).
        // site: detached.slots.load
        self.slots.load(Ordering::Relaxed)
    }

    /// Makes every committed segment pending. The caller has forgotten all chains and stores,
    /// which together with what was detached had `slots`, and begins a round before the world goes
    /// on.
    pub(crate) fn begin<W: Word>(&self, arena: &Arena<W>, slots: u64, stopped: &Stopped<'_>) {
        for (word, pending) in self.pending.iter().enumerate() {
            // Relaxed: the end of the stop publishes it.
            // site: detached.begin.store
            pending.store(arena.claims.committed_word(word, stopped), Ordering::Relaxed);
            // Relaxed: a hint.
            // site: detached.begin.store.2
            self.promising[word].store(0, Ordering::Relaxed);
        }
        // Relaxed: a hint.
        // site: detached.begin.store.3
        self.hint.store(0, Ordering::Relaxed);
        // Relaxed: as the bits above.
        // site: detached.begin.store.4
        self.slots.store(slots, Ordering::Relaxed);
    }

    /// Is the segment pending? Exact with the world stopped.
    pub(crate) fn is_pending(&self, segment: u32) -> bool {
        // Relaxed: a guess, which a claim settles.
        // site: detached.is_pending.load
        let pending = self.pending[(segment / 64) as usize].load(Ordering::Relaxed);
        pending & 1 << (segment % 64) != 0
    }

    /// Makes a pending segment's detached slots the caller's, unless somebody was quicker.
    pub(crate) fn claim(&self, segment: u32) -> bool {
        let bit = 1u64 << (segment % 64);
        // Relaxed: the bit alone says whose they are. What their words say was acquired with the
        // gate by the operation that this is part of, or with the stop.
        // site: detached.claim.fetch_and
        let before = self.pending[(segment / 64) as usize].fetch_and(!bit, Ordering::Relaxed);
        before & bit != 0
    }

    /// The highest pending segment below `end`, now or a moment ago.
    pub(crate) fn highest(&self, end: u32) -> Option<u32> {
        (0..end.div_ceil(64)).rev().find_map(|word| {
            let below = u64::MAX >> (64 - (end - word * 64).min(64));
            // Relaxed: a guess, which a claim settles.
            // site: detached.highest.load
            let pending = self.pending[word as usize].load(Ordering::Relaxed) & below;
            pending.checked_ilog2().map(|bit| word * 64 + bit)
        })
    }

    /// Says that there are detached slots in a segment.
    pub(crate) fn promises(&self, segment: u32) {
        let bit = 1 << (segment % 64);
        // Relaxed: a hint.
        // site: detached.promises.fetch_or
        self.promising[(segment / 64) as usize].fetch_or(bit, Ordering::Relaxed);
        // Relaxed: a hint. Lower ones are said later.
        // site: detached.promises.store
        self.hint.store((segment / 64) as usize, Ordering::Relaxed);
    }

    /// Claims a pending segment, if there is one: the lowest of those that are promising, or else
    /// of all.
    fn claim_lowest(&self) -> Option<u32> {
        // Relaxed: a hint.
        // site: detached.claim_lowest.load
        let start = self.hint.load(Ordering::Relaxed);
        // What the hint left out comes last: it may be wrong. As may be what promises nothing.
        let words = (start..self.pending.len()).chain(0..start);
        let of_all = |only_promising| words.clone().map(move |word| (word, only_promising));
        for (word, only_promising) in of_all(true).chain(of_all(false)) {
            loop {
                // Relaxed: a hint.
                // site: detached.claim_lowest.load.2
                let promising = self.promising[word].load(Ordering::Relaxed);
                let wanted = if only_promising && BY_HINTS { promising } else { u64::MAX };
                // Relaxed: a guess, which the claim settles.
                // site: detached.claim_lowest.load.3
                let bit = (self.pending[word].load(Ordering::Relaxed) & wanted).trailing_zeros();
                if bit == 64 {
                    break;
                }
                let segment = word as u32 * 64 + bit;
                if self.claim(segment) {
                    if word > start {
                        // Relaxed: a hint.
                        // site: detached.claim_lowest.store
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
        // No search where there is nothing to be found.
        if BY_HINTS && self.slots() == 0 {
            return None;
        }
        let segment = self.claim_lowest()?;
        let mut whole = Head::EMPTY;
        let seen = Seen::look(arena, segment, round);
        self.bring_back(arena, &seen, round, u32::MAX, |chain, _| whole = chain);
        Some(whole)
    }

    /// Gives `take` chains of about `most` of the detached slots that were seen in a segment, which
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
        // The page of `last` was given back, and stays so: its neighbour, which is detached too,
        // follows it already.
        let mut at_rest = false;
        for (group, &bits) in (0u32..).zip(&seen.bits).filter(|(_, bits)| **bits != 0) {
            if length >= most && !at_rest {
                take(Head::new(first, length), last);
                length = 0;
            }
            let index = |bit: u32| seen.start + group * 64 + bit;
            let next = index(bits.trailing_zeros());
            if length == 0 {
                first = next;
            } else if !at_rest {
                arena.slot(last).set_next_if_needed(last, next, round);
            }
            last = next;
            if !seen.is_in_order(group) {
                let mut left = bits & (bits - 1);
                while left != 0 {
                    let next = index(left.trailing_zeros());
                    arena.slot(last).set_next(last, next, round);
                    last = next;
                    left &= left - 1;
                }
            }
            last = index(63 - bits.leading_zeros());
            length += bits.count_ones();
            at_rest = seen.is_given_back(group);
        }
        if length > 0 {
            take(Head::new(first, length), last);
        }
        // Relaxed: a figure, exact with the world stopped (see `slots`).
        // site: detached.bring_back.fetch_sub
        self.slots.fetch_sub(u64::from(seen.detached), Ordering::Relaxed);
    }

    /// Says that wholly free segments, which the caller had claimed, have been released: so many
    /// slots less.
    pub(crate) fn released(&self, slots: u64) {
        // Relaxed: as in `bring_back`.
        // site: detached.released.fetch_sub
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

/// In models hints decide nothing, since no checker sees them. Nor does the number of detached
/// slots, which they see, spare anybody a search: there would be several times the executions.
const BY_HINTS: bool = !cfg!(all(loom, feature = "loom"));

/// How many words of 64 bits have a bit for each slot of a segment.
const WORDS: usize = SEGMENT_BYTES / size_of::<u64>() / 64;

/// What somebody saw in a segment, each slot being looked at once. Slots go by their offsets from
/// the segment's first.
pub(crate) struct Seen {
    /// The segment's first slot, usable or not.
    start: u32,
    usable: Range<u32>,
    detached: u32,
    /// A bit a slot: it is detached.
    bits: [u64; WORDS],
    /// For 64 slots each: what is set in the words of any. 0 where nobody has written to them since
    /// their memory came.
    words: [u64; WORDS],
    /// The pages that were given back since, a bit each.
    pages: u64,
    /// A page has 2^this slots.
    page_shift: u32,
}

impl Seen {
    /// Looks at a segment, 64 slots at a time, and without a branch for each: their states may be
    /// random.
    pub(crate) fn look<W: Word>(arena: &Arena<W>, segment: u32, round: Round) -> Self {
        let geometry = arena.geometry();
        let start = segment * geometry.slots_per_segment();
        let first = geometry.first(segment) - start;
        let mut seen = Self {
            start,
            usable: first..first + geometry.usable(segment),
            detached: 0,
            bits: [0; WORDS],
            words: [0; WORDS],
            pages: 0,
            page_shift: arena.page_shift().unwrap_or(0),
        };
        for group in 0..seen.usable.end.div_ceil(64) {
            let (mut bits, mut words) = (0u64, 0);
            let offsets = group * 64..seen.usable.end.min(group * 64 + 64);
            // Slot 0 is looked at like the others, and nobody writes to it.
            let mut look = |slot: &Slot<W>| {
                let word = slot.look();
                words |= word.low();
                // In the wrong order, which is quicker put right once than avoided 64 times.
                bits = bits << 1 | u64::from(word::is_detached(word, round));
            };
            let eights = offsets.end & !7;
            for eight in (offsets.start..eights).step_by(8) {
                arena.eight_slots(start + eight).into_iter().for_each(&mut look);
            }
            (eights..offsets.end).for_each(|offset| look(arena.slot(start + offset)));
            bits = bits.reverse_bits() >> (64 - (offsets.end - offsets.start));
            if offsets.start < first {
                bits &= !1;
            }
            seen.detached += bits.count_ones();
            seen.bits[group as usize] = bits;
            seen.words[group as usize] = words;
        }
        seen
    }

    /// Are these all detached, or slot 0?
    fn are_detached(&self, offsets: Range<u32>) -> bool {
        let mut groups = offsets.start / 64..offsets.end.div_ceil(64);
        offsets.end <= self.usable.end
            && groups.all(|group| {
                let from = offsets
                    .start
                    .saturating_sub(group * 64)
                    .max(u32::from(group == 0 && self.usable.start > 0));
                let to = (offsets.end - group * 64).min(64);
                let wanted = u64::MAX >> (64 - (to - from)) << from;
                self.bits[group as usize] & wanted == wanted
            })
    }

    /// Gives pages of free slots back to the system, in a segment that the caller has claimed and
    /// does not release. Their links are 0 then, and must stay so, or the page would come back with
    /// the first that is written; so the slot behind a page has to be detached as well. Returns how
    /// many bytes went back.
    pub(crate) fn give_back_pages<W: Word>(&mut self, arena: &Arena<W>) -> u64 {
        let Some(shift) = arena.page_shift() else { return 0 };
        for page in 0..arena.geometry().slots_per_segment() >> shift {
            let (first, behind) = (page << shift, (page + 1) << shift);
            let groups = first as usize / 64..(behind as usize).div_ceil(64);
            if self.are_detached(first..behind + 1)
                && self.words[groups].iter().any(|&words| words != 0)
            {
                // SAFETY: the caller owns the slots, and has claimed the segment.
                let result = unsafe { arena.give_back(self.start + first, 1 << shift) };
                self.pages |= u64::from(result.is_ok()) << page;
            }
        }
        u64::from(self.pages.count_ones()) * (Memory::<W>::SLOT_BYTES << shift) as u64
    }

    /// Has the page of these 64 slots been given back?
    fn is_given_back(&self, group: u32) -> bool {
        // Where no pages are given back, there is no such shift.
        self.pages != 0 && self.pages >> ((group * 64) >> self.page_shift) & 1 != 0
    }

    /// Does each of these 64 slots that is detached lead to the next one that is, as it would if
    /// nobody had ever written to them?
    fn is_in_order(&self, group: u32) -> bool {
        let bits = self.bits[group as usize];
        let neighbours = bits >> bits.trailing_zeros();
        let are_neighbours = neighbours & neighbours.wrapping_add(1) == 0;
        are_neighbours && (self.words[group as usize] as u32 == 0 || self.is_given_back(group))
    }
}
