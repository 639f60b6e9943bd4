//! The time since a moment.

use core::time::Duration;
#[cfg(not(clockless))]
use std::time::Instant;

/// A moment. Where the system has no clock, no time passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Since {
    #[cfg(not(clockless))]
    moment: Instant,
}

impl Since {
    pub(crate) fn now() -> Self {
        Self {
            #[cfg(not(clockless))]
            moment: Instant::now(),
        }
    }

    pub(crate) fn elapsed(self) -> Duration {
        #[cfg(not(clockless))]
        return self.moment.elapsed();
        #[cfg(clockless)]
        Duration::ZERO
    }
}
