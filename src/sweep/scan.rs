//! A scan of a segment, which finds its unswept slots.

use core::ops::Range;

use crate::arena::{Arena, Memory, Slot};
use crate::bits::geometry::SEGMENT_BYTES;
use crate::bits::word::{self, Cycle, Word};

/// The number of 64-bit words with a bit for each slot of a segment.
const WORDS: usize = SEGMENT_BYTES / size_of::<u64>() / 64;

/// The result of one load of each slot of a segment. Offsets are from the segment's first slot.
pub(crate) struct Scan {
    /// The segment's first slot, usable or not.
    pub(super) start: u32,
    usable: Range<u32>,
    pub(super) unswept: u32,
    /// A bit a slot, set if it is unswept.
    pub(super) bits: [u64; WORDS],
    /// For 64 slots each: the bits that are set in any of their words. 0 for fresh memory.
    words: [u64; WORDS],
    /// The pages that were purged since, a bit each.
    pages: u64,
    /// A page has 2^`page_shift` slots.
    page_shift: u32,
}

impl Scan {
    /// Scans a segment, 64 slots at a time without branches: slots' states may be random.
    pub(crate) fn of<W: Word>(arena: &Arena<W>, segment: u32, cycle: Cycle) -> Self {
        let geometry = arena.geometry();
        let start = segment * geometry.slots_per_segment();
        let first = geometry.first(segment) - start;
        let mut scan = Self {
            start,
            usable: first..first + geometry.usable(segment),
            unswept: 0,
            bits: [0; WORDS],
            words: [0; WORDS],
            pages: 0,
            page_shift: arena.page_shift().unwrap_or(0),
        };
        for group in 0..scan.usable.end.div_ceil(64) {
            let (mut bits, mut words) = (0u64, 0);
            let offsets = group * 64..scan.usable.end.min(group * 64 + 64);
            // Slot 0 is scanned like the others. No thread writes to it.
            let mut scan_slot = |slot: &Slot<W>| {
                let word = slot.peek();
                words |= word.low();
                // In reverse order: one reversal is quicker than 64 variable shifts.
                bits = bits << 1 | u64::from(word::is_unswept(word, cycle));
            };
            let eights = offsets.end & !7;
            for eight in (offsets.start..eights).step_by(8) {
                arena.eight_slots(start + eight).into_iter().for_each(&mut scan_slot);
            }
            (eights..offsets.end).for_each(|offset| scan_slot(arena.slot(start + offset)));
            bits = bits.reverse_bits() >> (64 - (offsets.end - offsets.start));
            if offsets.start < first {
                bits &= !1;
            }
            scan.unswept += bits.count_ones();
            scan.bits[group as usize] = bits;
            scan.words[group as usize] = words;
        }
        scan
    }

    /// Returns `true` if all these slots are unswept, slot 0 apart.
    fn are_unswept(&self, offsets: Range<u32>) -> bool {
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

    /// Purges pages of free slots, in a segment that the caller has claimed and keeps committed.
    /// Returns the purged bytes, and those that the system refused to take.
    ///
    /// The links in a purged page are 0 and must stay so, or the first store would bring the page
    /// back. So the slot after a page has to be unswept as well.
    pub(crate) fn purge_pages<W: Word>(&mut self, arena: &Arena<W>) -> (u64, u64) {
        let Some(shift) = arena.page_shift() else { return (0, 0) };
        let mut refused = 0;
        for page in 0..arena.geometry().slots_per_segment() >> shift {
            let (first, behind) = (page << shift, (page + 1) << shift);
            let groups = first as usize / 64..(behind as usize).div_ceil(64);
            if self.are_unswept(first..behind + 1)
                && self.words[groups].iter().any(|&words| words != 0)
            {
                // SAFETY: the caller has claimed the segment, and so owns its unswept slots.
                let result = unsafe { arena.purge(self.start + first, 1 << shift) };
                self.pages |= u64::from(result.is_ok()) << page;
                refused += u64::from(result.is_err());
            }
        }
        let bytes = (Memory::<W>::SLOT_BYTES << shift) as u64;
        (u64::from(self.pages.count_ones()) * bytes, refused * bytes)
    }

    /// Returns `true` if the page of these 64 slots has been purged.
    pub(super) fn is_purged(&self, group: u32) -> bool {
        // Without purged pages the shift has no meaning.
        self.pages != 0 && self.pages >> ((group * 64) >> self.page_shift) & 1 != 0
    }

    /// Returns `true` if each unswept slot of these 64 links to the next one, like fresh memory.
    pub(super) fn is_linked(&self, group: u32) -> bool {
        let bits = self.bits[group as usize];
        let neighbours = bits >> bits.trailing_zeros();
        let are_neighbours = neighbours & neighbours.wrapping_add(1) == 0;
        are_neighbours && (self.words[group as usize] as u32 == 0 || self.is_purged(group))
    }
}
