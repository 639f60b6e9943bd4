//! Which segments are committed.

use core::ops::Range;

use crate::segment::Geometry;
use crate::sync::unmodelled::AtomicUsize;
use crate::sync::{AtomicU64, Ordering};
use crate::world::Stopped;

/// A bit a segment.
///
/// | field | who writes | when |
/// |---|---|---|
/// | `bits` | a grower sets a bit, and clears its own when the system refuses; the sweeper clears | inside an operation; the sweeper also with the world stopped |
/// | `hint` | growers; the sweeper | any time: a wrong hint costs time only |
#[derive(Debug)]
pub(crate) struct Claims {
    geometry: Geometry,
    /// Set: committed, or being committed by whoever set it.
    bits: Box<[AtomicU64]>,
    /// No word of `bits` before this one is thought to have a clear bit.
    hint: AtomicUsize,
}

impl Claims {
    pub(super) fn new(geometry: Geometry) -> Self {
        let words = geometry.segments().div_ceil(64);
        let bits = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { geometry, bits, hint: AtomicUsize::new(0) }
    }

    /// Makes the lowest unclaimed segment the caller's.
    pub(super) fn claim(&self) -> Option<u32> {
        // Relaxed: a hint.
        // site: claims.claim.load
        let start = self.hint.load(Ordering::Relaxed);
        // What the hint left out comes last: it may be wrong.
        for word in (start..self.bits.len()).chain(0..start) {
            loop {
                // Relaxed: a guess at a clear bit; the read-modify-write below decides.
                // site: claims.claim.load.2
                let taken = self.bits[word].load(Ordering::Relaxed);
                let bit = (!taken).trailing_zeros();
                let segment = word as u32 * 64 + bit;
                if bit == 64 || segment >= self.geometry.segments() {
                    break;
                }
                if self.claim_this(segment) {
                    if word > start {
                        // Relaxed: a hint.
                        // site: claims.claim.store
                        self.hint.store(word, Ordering::Relaxed);
                    }
                    return Some(segment);
                }
            }
        }
        None
    }

    /// Makes a segment the caller's, if there is one with this number and nobody has claimed it.
    pub(super) fn claim_this(&self, segment: u32) -> bool {
        if segment >= self.geometry.segments() {
            return false;
        }
        let bit = 1u64 << (segment % 64);
        // Acquire: whatever was done to the segment's memory comes before what the caller does.
        // Partner: `give_up`.
        // site: claims.claim_this.fetch_or
        let before = self.bits[(segment / 64) as usize].fetch_or(bit, Ordering::Acquire);
        before & bit == 0
    }

    /// Gives claims up, in a row, for growing to make again: of segments whose memory went back, or
    /// never came.
    pub(super) fn give_up(&self, segments: Range<u32>) {
        for segment in segments.clone() {
            let bit = 1u64 << (segment % 64);
            // Release: hands the memory to who claims it next. Partner: `claim_this`.
            // site: claims.give_up.fetch_and
            self.bits[(segment / 64) as usize].fetch_and(!bit, Ordering::Release);
        }
        // Relaxed: a hint.
        // site: claims.give_up.fetch_min
        self.hint.fetch_min((segments.start / 64) as usize, Ordering::Relaxed);
    }

    /// Has the segments of the highest bits claimed first.
    #[cfg(test)]
    #[cfg_attr(any(loom, slotarena_heap), allow(dead_code))]
    pub(super) fn begin_at_the_top(&self) {
        // Relaxed: a hint.
        self.hint.store(self.bits.len() - 1, Ordering::Relaxed);
    }

    /// Is the segment committed, now or a moment ago? With the world stopped this is exact:
    /// nobody is in the middle of a claim.
    pub(crate) fn is_committed(&self, segment: u32) -> bool {
        // Relaxed: a figure; with the world stopped, every grower's operation has ended and was
        // acquired (Invariant 8).
        // site: claims.is_committed.load
        let word = self.bits[(segment / 64) as usize].load(Ordering::Relaxed);
        word & 1 << (segment % 64) != 0
    }

    /// The first segment from `segment` on that is committed, now or a moment ago.
    pub(crate) fn next_committed(&self, segment: u32) -> Option<u32> {
        (segment / 64..self.bits.len() as u32).find_map(|word| {
            // Relaxed: as in `is_committed`.
            // site: claims.next_committed.load
            let bits = self.bits[word as usize].load(Ordering::Relaxed);
            let below = if word == segment / 64 { (1 << (segment % 64)) - 1 } else { 0 };
            let bit = (bits & !below).trailing_zeros();
            (bit < 64).then(|| word * 64 + bit)
        })
    }

    /// Which of 64 segments are committed, a bit each, with the world stopped.
    pub(crate) fn committed_word(&self, word: usize, _: &Stopped<'_>) -> u64 {
        // Relaxed: as in `is_committed`.
        // site: claims.committed_word.load
        self.bits[word].load(Ordering::Relaxed)
    }

    /// The committed segments, ascending.
    pub(crate) fn committed<'a>(
        &'a self,
        _: &'a Stopped<'_>,
    ) -> impl Iterator<Item = u32> + use<'a> {
        self.bits.iter().enumerate().flat_map(|(word, bits)| {
            // Relaxed: as in `is_committed`.
            // site: claims.committed.load
            let mut bits = bits.load(Ordering::Relaxed);
            core::iter::from_fn(move || {
                let bit = bits.trailing_zeros();
                bits &= bits.wrapping_sub(1);
                (bit < 64).then(|| word as u32 * 64 + bit)
            })
        })
    }

    /// How many segments are committed, and how many usable slots they have, now or a moment
    /// ago; exact with the world stopped.
    pub(crate) fn committed_count(&self) -> (u64, u64) {
        let geometry = self.geometry;
        let last = geometry.segments() - 1;
        let short_segments = core::iter::once(0).chain((last > 0).then_some(last));
        let (mut segments, mut slots) = (0, 0);
        for (word, bits) in (0u32..).zip(&self.bits) {
            // Relaxed: as in `is_committed`. Read once: a bit may change meanwhile.
            // site: claims.committed_count.load
            let bits = bits.load(Ordering::Relaxed);
            let count = u64::from(bits.count_ones());
            segments += count;
            slots += count * u64::from(geometry.slots_per_segment());
            // The two segments that may have fewer usable slots.
            for segment in short_segments.clone() {
                let bit = 1u64 << (segment % 64);
                if segment / 64 == word && bits & bit != 0 {
                    slots -= u64::from(geometry.slots_per_segment() - geometry.usable(segment));
                }
            }
        }
        (segments, slots)
    }
}
