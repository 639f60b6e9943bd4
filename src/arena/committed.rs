//! The committed segments, as a bitmap.

use core::ops::Range;

use crate::bits::geometry::Geometry;
use crate::sync::unmodelled::AtomicUsize;
use crate::sync::{AtomicU64, Ordering, try_slice};

/// A bit a segment: committed, or being committed by the thread that set it.
///
/// Reads are approximate while operations run. With the world stopped they are exact, since no
/// thread is in the middle of committing a segment.
///
/// | field | writer | when |
/// |---|---|---|
/// | `bits` | a grower sets a bit, and clears its own when the system refuses; the sweeper clears | inside an operation; the sweeper also with the world stopped |
/// | `hint` | growers; the sweeper | any time: a wrong hint costs time only |
#[derive(Debug)]
pub(crate) struct Committed {
    geometry: Geometry,
    bits: Box<[AtomicU64]>,
    /// The first word of `bits` that may have a clear bit. A hint.
    hint: AtomicUsize,
}

impl Committed {
    /// `None` if there is no memory.
    pub(crate) fn new(geometry: Geometry) -> Option<Self> {
        let words = geometry.segments().div_ceil(64) as usize;
        let bits = try_slice(words, |_| AtomicU64::new(0))?;
        Some(Self { geometry, bits, hint: AtomicUsize::new(0) })
    }

    /// Sets the lowest clear bit, and returns its segment, which is then the caller's to commit.
    pub(crate) fn set_lowest(&self) -> Option<u32> {
        // Relaxed: a hint.
        let start = self.hint.load(Ordering::Relaxed);
        // The words below the hint come last, since the hint may be wrong.
        for word in (start..self.bits.len()).chain(0..start) {
            loop {
                // Relaxed: a guess at a clear bit; the read-modify-write in `set` decides.
                let taken = self.bits[word].load(Ordering::Relaxed);
                let bit = (!taken).trailing_zeros();
                let segment = word as u32 * 64 + bit;
                if bit == 64 || segment >= self.geometry.segments() {
                    break;
                }
                if self.set(segment) {
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

    /// Sets a segment's bit. Returns `false` if it was set, or if there is no such segment.
    pub(crate) fn set(&self, segment: u32) -> bool {
        if segment >= self.geometry.segments() {
            return false;
        }
        let bit = 1u64 << (segment % 64);
        // Acquire: what the last owner did to the segment's memory happens before what the caller
        // does. Partner: committed.clear.fetch_and.
        let before = self.bits[(segment / 64) as usize].fetch_or(bit, Ordering::Acquire);
        before & bit == 0
    }

    /// Clears the bits where memory went back or never came. Other growers may then set them.
    pub(crate) fn clear(&self, segments: Range<u32>) {
        for segment in segments.clone() {
            let bit = 1u64 << (segment % 64);
            // Release: hands the memory to the thread that sets the bit next. Partner:
            // committed.set.fetch_or.
            self.bits[(segment / 64) as usize].fetch_and(!bit, Ordering::Release);
        }
        // Relaxed: a hint.
        self.hint.fetch_min((segments.start / 64) as usize, Ordering::Relaxed);
    }

    /// Makes growers begin at the highest segments.
    #[cfg(test)]
    #[cfg_attr(any(loom, slotarena_heap), allow(dead_code))]
    pub(crate) fn begin_at_the_top(&self) {
        // Relaxed: a hint.
        self.hint.store(self.bits.len() - 1, Ordering::Relaxed);
    }

    /// The bits of 64 segments. The segments have numbers from `64 * word` on.
    pub(crate) fn word(&self, word: usize) -> u64 {
        // Relaxed: a figure. With the world stopped it is exact: every grower's operation has
        // ended, and record.is_busy.load acquired that (Invariant 8).
        self.bits[word].load(Ordering::Relaxed)
    }

    pub(crate) fn contains(&self, segment: u32) -> bool {
        self.word((segment / 64) as usize) & 1 << (segment % 64) != 0
    }

    /// The first committed segment from `segment` on.
    pub(crate) fn next(&self, segment: u32) -> Option<u32> {
        (segment / 64..self.bits.len() as u32).find_map(|word| {
            let below = if word == segment / 64 { (1 << (segment % 64)) - 1 } else { 0 };
            let bit = (self.word(word as usize) & !below).trailing_zeros();
            (bit < 64).then(|| word * 64 + bit)
        })
    }

    /// The committed segments, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        (0..self.bits.len()).flat_map(|word| segments_of(word, self.word(word)))
    }

    /// The number of committed segments, and of their usable slots.
    pub(crate) fn count(&self) -> (u64, u64) {
        let geometry = self.geometry;
        let last = geometry.segments() - 1;
        let short_segments = core::iter::once(0).chain((last > 0).then_some(last));
        let (mut segments, mut slots) = (0, 0);
        for word in 0..self.bits.len() {
            // Read once: a bit may change in the meantime.
            let bits = self.word(word);
            let count = u64::from(bits.count_ones());
            segments += count;
            slots += count * u64::from(geometry.slots_per_segment());
            // The two segments that may have fewer usable slots.
            for segment in short_segments.clone() {
                let bit = 1u64 << (segment % 64);
                if (segment / 64) as usize == word && bits & bit != 0 {
                    slots -= u64::from(geometry.slots_per_segment() - geometry.usable(segment));
                }
            }
        }
        (segments, slots)
    }
}

/// The segments whose bits are set in this word of a bitmap, ascending.
pub(super) fn segments_of(word: usize, mut bits: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.wrapping_sub(1);
        (bit < 64).then(|| word as u32 * 64 + bit)
    })
}
