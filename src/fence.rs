//! A pair of fences, one light and one heavy, for races that are lopsided.
//!
//! Where each side stores to its own location and then loads the other's, a sequentially
//! consistent fence between the two on both sides guarantees that at least one sees the other's
//! store. When one side runs a million times as often, its fence can be a compiler fence, if the
//! other side makes every running thread pass a full fence: Linux's `membarrier` does that.

pub(crate) use imp::AsymmetricFence;

#[cfg(not(all(loom, feature = "loom")))]
mod imp {
    use crate::sync::{Ordering, compiler_fence, fence, wait_a_moment};
    use crate::sys::membarrier;

    /// The two fences. Which kind they are is settled when the value is made.
    #[derive(Debug)]
    pub(crate) struct AsymmetricFence {
        /// The heavy side reaches into the other threads; the light one need do nothing.
        reaches: bool,
    }

    impl AsymmetricFence {
        pub(crate) fn new() -> Self {
            Self { reaches: membarrier::probe() }
        }

        /// Is `light` enough? Else the side that runs often calls `full`.
        pub(crate) fn is_asymmetric(&self) -> bool {
            self.reaches
        }

        /// The side that runs often, where the fence is asymmetric.
        #[inline(always)]
        pub(crate) fn light(&self) {
            // SeqCst: the compiler moves nothing across; the processor is held to it by the
            // other side's system call. Partner: `heavy`.
            compiler_fence(Ordering::SeqCst);
        }

        /// The side that runs often, where it is not.
        pub(crate) fn full(&self) {
            // SeqCst: store before, load after. Partner: `heavy`.
            fence(Ordering::SeqCst);
        }

        /// The side that runs seldom.
        ///
        /// # Panics
        ///
        /// If the system takes back, for good, the barrier that it granted at the first call.
        pub(crate) fn heavy(&self) {
            if !self.reaches {
                // SeqCst: store before, load after. Partner: `full`.
                fence(Ordering::SeqCst);
                return;
            }
            for attempt in 0..1000 {
                if membarrier::barrier() {
                    return;
                }
                // The kernel may be short of memory for a moment.
                wait_a_moment(attempt);
            }
            panic!("slotarena: membarrier was granted at first and is refused now");
        }
    }
}

#[cfg(all(loom, feature = "loom"))]
mod imp {
    use crate::sync::{AtomicU32, Ordering};

    /// Loom's own sequentially consistent fence orders more than the real one and would hide
    /// races. Two read-modify-writes of one location do what is needed and no more: whichever
    /// comes second sees what the first one's thread stored before.
    #[derive(Debug)]
    pub(crate) struct AsymmetricFence {
        meeting_point: AtomicU32,
    }

    impl AsymmetricFence {
        pub(crate) fn new() -> Self {
            Self { meeting_point: AtomicU32::new(0) }
        }

        pub(crate) fn is_asymmetric(&self) -> bool {
            true
        }

        pub(crate) fn light(&self) {
            // AcqRel: partner is `heavy`.
            self.meeting_point.fetch_add(0, Ordering::AcqRel);
        }

        pub(crate) fn full(&self) {
            self.light();
        }

        pub(crate) fn heavy(&self) {
            // AcqRel: partner is `light`.
            self.meeting_point.fetch_add(0, Ordering::AcqRel);
        }
    }
}
