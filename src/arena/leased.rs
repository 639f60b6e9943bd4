//! Arenas that lease segments of one reserved range. Each segment is one arena's at a time.

use super::arena::Arena;
use super::committed::segments_of;
use super::lease::{Common, Lease, Lessee};
use super::memory::Memory;
use super::slot::Slot;
use crate::bits::word::Word;
use crate::sync::unmodelled::Arc;

impl<W: Word> Memory<W> {
    /// The same memory, for an arena that leases segments of it. `None` if no other may.
    fn share(&self) -> Option<Self> {
        Some(Self { mapping: self.mapping.share()?, ..*self })
    }

    /// Lets arenas lease segments of it. `None` if there is no memory for that.
    fn shared(self) -> Option<Self> {
        Some(Self { mapping: self.mapping.shared()?, ..self })
    }
}

impl<W: Word> Arena<W> {
    /// Makes what the arenas share that lease segments of this one's range. `None` if there is no
    /// memory.
    pub(crate) fn common(&self) -> Option<Common> {
        Common::new(self.geometry)
    }

    /// Lets arenas lease segments of this one's range. This one never grows, but covers them all.
    /// `None` if there is no memory.
    pub(crate) fn leasable(self, common: &Arc<Common>) -> Option<Self> {
        let lease = Lease { common: common.clone(), lessee: Lessee::NONE };
        Self::over(self.memory.shared()?, self.geometry, self.below, Some(lease))
    }

    /// Makes an arena that leases segments of this one's range. `None` if there is no memory.
    pub(crate) fn lease(&self, common: &Arc<Common>, lessee: Lessee) -> Option<Self> {
        let lease = Lease { common: common.clone(), lessee };
        Self::over(self.memory.share()?, self.geometry, self.below, Some(lease))
    }

    /// Returns `true` if other arenas have segments in the same memory.
    pub(crate) fn shares_memory(&self) -> bool {
        self.lease.is_some()
    }

    /// Makes a segment, which is the caller's, one of this arena's.
    pub(crate) fn begin_lease(&self, segment: u32, lessee: Lessee) {
        if let Some(lease) = &self.lease {
            self.committed.begin_lease(lease, segment, lessee);
        }
    }

    /// Ends the lease of all segments, which stay taken, and notes them in `segments`: a bit each.
    /// The caller has stopped the world of this arena.
    pub(crate) fn end_leases(&self, segments: &mut [u64]) {
        for (word, bits) in segments.iter_mut().enumerate() {
            *bits = self.committed.word(word);
        }
        for segment in bits_in(segments) {
            self.committed.clear(segment..segment + 1);
        }
    }

    /// Gives back a taken segment, of this arena's or of none. The error is the system's code if it
    /// refused to take the memory: then the slots are wiped.
    ///
    /// # Safety
    ///
    /// The caller owns every slot in it, and is inside an operation, or none begins.
    pub(crate) unsafe fn abandon(&self, segment: u32) -> Result<(), i32> {
        self.committed.set(segment);
        // SAFETY: by the contract of this function.
        unsafe { self.decommit(segment, 1) }.inspect_err(|_| {
            for index in self.geometry.indices(segment) {
                self.slot(index).wipe();
            }
            self.committed.give_back(self.lease.as_deref(), segment..segment + 1);
        })
    }

    /// Returns the index of a slot of this arena.
    #[inline(always)]
    pub(crate) fn index_of(&self, slot: &Slot<W>) -> u32 {
        let distance = core::ptr::from_ref(slot).addr() - self.memory.write_base.addr().get();
        (distance / Memory::<W>::STRIDE) as u32
    }
}

/// Returns the numbers of the bits that are set, ascending.
pub(crate) fn bits_in(words: &[u64]) -> impl Iterator<Item = u32> {
    words.iter().enumerate().flat_map(|(word, &bits)| segments_of(word, bits))
}
