//! An asymmetric fence: light for the side that runs often, heavy for the other.
//!
//! Each side stores to its own location and then loads the other's. A sequentially consistent fence
//! between the two, on both sides, guarantees that at least one side sees the other's store. If one
//! side runs a million times as often, its fence can be a compiler fence. The other side then makes
//! every running thread pass a full fence. Linux's [`membarrier(2)`] does that, with each thread at
//! a moment of its own during the call.
//!
//! [`membarrier(2)`]: https://man7.org/linux/man-pages/man2/membarrier.2.html

pub(crate) use imp::{AsymmetricFence, LightSide};

#[cfg(not(model))]
mod imp {
    use crate::sync::{Ordering, backoff, compiler_fence, fence};
    use crate::sys::membarrier;

    /// One participant of the side that runs often. Empty but in models.
    #[derive(Debug)]
    pub(crate) struct LightSide;

    impl LightSide {
        pub(crate) const fn new() -> Self {
            Self
        }
    }

    /// The two fences. Their kind is settled when the value is made.
    #[derive(Debug)]
    pub(crate) struct AsymmetricFence {
        /// The heavy side reaches into the other threads, so the light one need do nothing.
        reaches: bool,
    }

    impl AsymmetricFence {
        pub(crate) fn new() -> Self {
            Self { reaches: membarrier::probe() }
        }

        /// Returns `true` if `light` is enough. Else the side that runs often calls `full`.
        pub(crate) fn is_asymmetric(&self) -> bool {
            self.reaches
        }

        /// Orders the side that runs often, where the fence is asymmetric.
        #[inline(always)]
        pub(crate) fn light(&self, _: &LightSide) {
            // SeqCst: the compiler moves nothing across. The other side's system call holds the
            // processor to it. Partner: fence.heavy.fence.
            compiler_fence(Ordering::SeqCst);
        }

        /// Orders the side that runs often, where the fence is symmetric.
        pub(crate) fn full(&self, _: &LightSide) {
            // SeqCst: store before, load after. Partner: fence.heavy.fence.
            fence(Ordering::SeqCst);
        }

        /// Orders the side that runs seldom. `sides` are those whose stores or loads count.
        ///
        /// # Panics
        ///
        /// If the system refuses, for good, the barrier that it granted at the first call, and its
        /// substitutes.
        pub(crate) fn heavy<'a>(&self, _sides: impl Iterator<Item = &'a LightSide>) {
            if !self.reaches {
                // SeqCst: store before, load after. Partner: fence.full.fence.
                fence(Ordering::SeqCst);
                return;
            }
            for attempt in 0..1000 {
                if membarrier::barrier() {
                    return;
                }
                // The kernel may be short of memory for a moment.
                backoff(attempt);
            }
            panic!("slotarena: membarrier was granted at first and is refused now, as is all else");
        }
    }
}

#[cfg(model)]
mod imp {
    use crate::sync::{AtomicU32, Ordering};

    /// A location at which a light side and the heavy side meet.
    ///
    /// Loom's own sequentially consistent fence orders more than the real one and would hide races.
    /// Two read-modify-writes of one location do what is needed and no more: the second one sees
    /// what the first one's thread stored before. Each light side has a location of its own, since
    /// light fences order nothing among themselves.
    #[derive(Debug)]
    pub(crate) struct LightSide {
        meeting_point: AtomicU32,
    }

    impl LightSide {
        pub(crate) fn new() -> Self {
            Self { meeting_point: AtomicU32::new(0) }
        }
    }

    #[derive(Debug)]
    pub(crate) struct AsymmetricFence;

    impl AsymmetricFence {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn is_asymmetric(&self) -> bool {
            true
        }

        pub(crate) fn light(&self, side: &LightSide) {
            // AcqRel: the second to come sees what the first stored before. The heavy side is the
            // partner.
            side.meeting_point.fetch_add(0, Ordering::AcqRel);
        }

        pub(crate) fn full(&self, side: &LightSide) {
            self.light(side);
        }

        pub(crate) fn heavy<'a>(&self, sides: impl Iterator<Item = &'a LightSide>) {
            for side in sides {
                // AcqRel: the second to come sees what the first stored before. The light side is
                // the partner.
                side.meeting_point.fetch_add(0, Ordering::AcqRel);
            }
        }
    }
}

#[cfg(all(test, not(model)))]
#[path = "../../tests/unit/fence.rs"]
mod tests;
