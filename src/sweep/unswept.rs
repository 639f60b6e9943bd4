//! Unswept segments: free slots that a sweep has taken off all lists, and their way back.
//!
//! A sweep stops the world only to forget every chain and to begin a *sweep cycle*. Each segment
//! that was committed then is *unswept*. Its unswept slots are those whose words say that they have
//! been free since before the cycle. A slot that is freed or linked later says so. No thread has
//! the index of an unswept slot, and no thread touches one until a thread claims the segment.
//!
//! - A thread that finds the free lists empty claims the lowest unswept segment, scans it, and
//!   makes a chain of its free slots: Go's `mgcsweep.go` calls that the object reclaimer.
//! - The sweeper samples the unswept segments from the top down, and decommits those that are
//!   wholly free: Go's span reclaimer. It sweeps segments with a wholly free page. It leaves the
//!   others alone, so most links are never written.

use super::scan::Scan;
use crate::arena::Arena;
use crate::bits::chain::Chain;
use crate::bits::word::{self, Cycle, State, Word};
use crate::sync::unmodelled;
use crate::sync::{AtomicU64, Ordering, try_slice};

/// The unswept segments.
#[derive(Debug)]
pub(crate) struct Unswept {
    /// A bit a segment: committed when the cycle began, and not claimed since.
    pub(super) segments: Box<[AtomicU64]>,
    /// A bit a segment: a sample fell on an unswept slot. Not modelled: a hint.
    promising: Box<[unmodelled::AtomicU64]>,
    /// The first word of `promising` that may have a bit set for an unswept segment. A hint.
    hint: unmodelled::AtomicUsize,
    /// The number of unswept slots, also of segments that are claimed and not finished.
    pub(super) slots: AtomicU64,
}

impl Unswept {
    /// `None` if there is no memory.
    pub(crate) fn new(segments: u32) -> Option<Self> {
        let words = segments.div_ceil(64) as usize;
        Some(Self {
            segments: try_slice(words, |_| AtomicU64::new(0))?,
            promising: try_slice(words, |_| unmodelled::AtomicU64::new(0))?,
            hint: unmodelled::AtomicUsize::new(0),
            slots: AtomicU64::new(0),
        })
    }

    /// Returns the approximate number of unswept slots. Exact with the world stopped.
    pub(crate) fn slots(&self) -> u64 {
        // Relaxed: a figure. With the world stopped, the operations that changed it have ended, and
        // record.is_busy.load has acquired that (Invariant 8).
        self.slots.load(Ordering::Relaxed)
    }

    /// Makes every committed segment unswept. The caller has stopped the world, and has forgotten
    /// all chains and stores, which together with earlier unswept segments had `slots`. It begins a
    /// sweep cycle before the world resumes.
    pub(crate) fn start_cycle<W: Word>(&self, arena: &Arena<W>, slots: u64) {
        for (word, segments) in self.segments.iter().enumerate() {
            // Relaxed: the end of the stop publishes it, stop.drop.store.
            segments.store(arena.committed.word(word), Ordering::Relaxed);
            // Relaxed: a hint.
            self.promising[word].store(0, Ordering::Relaxed);
        }
        // Relaxed: a hint.
        self.hint.store(0, Ordering::Relaxed);
        // Relaxed: the end of the stop publishes it, stop.drop.store.
        self.slots.store(slots, Ordering::Relaxed);
    }

    /// Returns `true` if the segment is unswept. Exact with the world stopped.
    pub(crate) fn contains(&self, segment: u32) -> bool {
        // Relaxed: a guess, which a claim settles.
        let segments = self.segments[(segment / 64) as usize].load(Ordering::Relaxed);
        segments & 1 << (segment % 64) != 0
    }

    /// Claims an unswept segment for the caller. Returns `false` if another thread was quicker.
    pub(crate) fn claim(&self, segment: u32) -> bool {
        let bit = 1u64 << (segment % 64);
        // Acquire: the words are as a collector left them. Partner: restore.restore.fetch_or. Those
        // of other slots were acquired with the gate, or with the stop.
        let before = self.segments[(segment / 64) as usize].fetch_and(!bit, Ordering::Acquire);
        before & bit != 0
    }

    /// Returns the highest unswept segment below `end`, approximately.
    pub(crate) fn highest(&self, end: u32) -> Option<u32> {
        (0..end.div_ceil(64)).rev().find_map(|word| {
            let below = u64::MAX >> (64 - (end - word * 64).min(64));
            // Relaxed: a guess, which a claim settles.
            let segments = self.segments[word as usize].load(Ordering::Relaxed) & below;
            segments.checked_ilog2().map(|bit| word * 64 + bit)
        })
    }

    /// Notes that a sample fell on an unswept slot in a segment.
    pub(crate) fn mark_promising(&self, segment: u32) {
        let bit = 1 << (segment % 64);
        // Relaxed: a hint.
        self.promising[(segment / 64) as usize].fetch_or(bit, Ordering::Relaxed);
        // Relaxed: a hint. Lower segments are noted later.
        self.hint.store((segment / 64) as usize, Ordering::Relaxed);
    }

    /// Claims the lowest promising unswept segment, or else the lowest. `None` if none is unswept.
    fn claim_lowest(&self) -> Option<u32> {
        // Relaxed: a hint.
        let start = self.hint.load(Ordering::Relaxed);
        // Wraps around, since the start and the promising bits are only hints.
        let words = (start..self.segments.len()).chain(0..start);
        let of_all = |only_promising| words.clone().map(move |word| (word, only_promising));
        for (word, only_promising) in of_all(true).chain(of_all(false)) {
            loop {
                // Relaxed: a hint.
                let promising = self.promising[word].load(Ordering::Relaxed);
                let wanted = if only_promising && BY_HINTS { promising } else { u64::MAX };
                // Relaxed: a guess, which the claim settles.
                let bit = (self.segments[word].load(Ordering::Relaxed) & wanted).trailing_zeros();
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

    /// Sweeps the lowest unswept segment, if any, and returns a chain of its free slots. The caller
    /// owns the chain, which may be empty.
    pub(crate) fn sweep_lowest<W: Word>(&self, arena: &Arena<W>, cycle: Cycle) -> Option<Chain> {
        // Without unswept slots a search is in vain.
        if BY_HINTS && self.slots() == 0 {
            return None;
        }
        let segment = self.claim_lowest()?;
        let mut whole = Chain::EMPTY;
        let scan = Scan::of(arena, segment, cycle);
        self.relink(arena, &scan, cycle, u32::MAX, |chain, _| whole = chain);
        Some(whole)
    }

    /// Links the unswept slots of a segment, which the caller has claimed and scanned. Passes
    /// `take` ascending chains of about `most` slots, and the last slot of each.
    pub(crate) fn relink<W: Word>(
        &self,
        arena: &Arena<W>,
        scan: &Scan,
        cycle: Cycle,
        most: u32,
        mut take: impl FnMut(Chain, u32),
    ) {
        let (mut first, mut last, mut length) = (0, 0, 0);
        // The page of `last` has been purged, and stays so: its neighbor, which is unswept too,
        // follows it already.
        let mut is_purged = false;
        for (group, &bits) in (0u32..).zip(&scan.bits).filter(|(_, bits)| **bits != 0) {
            if length >= most && !is_purged {
                take(Chain::new(first, length), last);
                length = 0;
            }
            let index = |bit: u32| scan.start + group * 64 + bit;
            let next = index(bits.trailing_zeros());
            if length == 0 {
                first = next;
            } else if !is_purged {
                arena.slot(last).set_next_if_needed(last, next, cycle);
            }
            last = next;
            if !scan.is_linked(group) {
                let mut left = bits & (bits - 1);
                while left != 0 {
                    let next = index(left.trailing_zeros());
                    arena.slot(last).set_next(last, next, cycle);
                    last = next;
                    left &= left - 1;
                }
            }
            last = index(63 - bits.leading_zeros());
            length += bits.count_ones();
            is_purged = scan.is_purged(group);
        }
        if length > 0 {
            take(Chain::new(first, length), last);
        }
        // Relaxed: a figure, exact with the world stopped like unswept.slots.load.
        self.slots.fetch_sub(u64::from(scan.unswept), Ordering::Relaxed);
    }

    /// Subtracts the slots of wholly free segments, which the caller has claimed and decommitted.
    pub(crate) fn subtract(&self, slots: u64) {
        // Relaxed: a figure, exact with the world stopped like unswept.slots.load.
        self.slots.fetch_sub(slots, Ordering::Relaxed);
    }
}

/// Resets every free slot of a segment to fresh memory's word. The caller has stopped the world,
/// and has forgotten all chains and local stores.
pub(crate) fn wipe<W: Word>(arena: &Arena<W>, segment: u32) {
    for index in arena.geometry().indices(segment) {
        let slot = arena.slot(index);
        if word::state(slot.peek()) == State::Free {
            slot.wipe();
        }
    }
}

/// `false` in models: hints decide nothing there, since no checker sees them. Nor does the number
/// of unswept slots spare a search, which would multiply the executions.
const BY_HINTS: bool = !cfg!(model);
