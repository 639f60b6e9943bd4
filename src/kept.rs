//! What released segments have to tell: a number for each, outside of their memory.

use crate::sync::Ordering;
use crate::sync::unmodelled::AtomicU32;

/// A number for each segment, 0 at first.
#[derive(Debug)]
pub(crate) struct Kept(Box<[AtomicU32]>);

impl Kept {
    pub(crate) fn new(segments: u32) -> Self {
        // From zeroed memory, no page of which is there before it is written to.
        let zeros = vec![0u32; segments as usize].into_boxed_slice();
        let numbers = Box::into_raw(zeros) as *mut [AtomicU32];
        // SAFETY: just made; an atomic has the size and the alignment of what it holds.
        Self(unsafe { Box::from_raw(numbers) })
    }

    pub(crate) fn of(&self, segment: u32) -> u32 {
        // Relaxed: read by who has claimed the segment, written by who had it before: the bit of
        // the claim orders them (Invariant 5).
        self.0[segment as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, segment: u32, kept: u32) {
        // Relaxed: as in `of`.
        self.0[segment as usize].store(kept, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_apart() {
        let kept = Kept::new(3);
        kept.set(1, 7);
        assert_eq!([0, 1, 2].map(|segment| kept.of(segment)), [0, 7, 0]);
    }
}
