//! How soon a sweep may follow one that found nothing.
//!
//! A sweep that releases nothing still costs the other threads: a stop, and their local stores. A
//! thread that sweeps without a pause would take most of their speed. So a sweep that follows one
//! in vain waits first, ten times as long as that one took.

use core::time::Duration;

use crate::sync::unmodelled::AtomicU64;
use crate::sync::{Ordering, Since};

/// The wait after a sweep in vain, in durations of that sweep, and its limits.
const FACTOR: u32 = 10;
const LEAST: Duration = Duration::from_micros(10);
const MOST: Duration = Duration::from_millis(1);

/// When the next sweep of a table may begin.
#[derive(Debug)]
pub(crate) struct Pace {
    epoch: Option<Since>,
    /// The moment, in nanoseconds from the epoch on. 0 for any time.
    next: AtomicU64,
}

impl Pace {
    pub(crate) fn new() -> Self {
        // A model does not wait, and some systems have no clock.
        Self { epoch: cfg!(not(any(model, clockless))).then(Since::now), next: AtomicU64::new(0) }
    }

    /// Waits until a sweep may begin, for a millisecond at most. Returns the moment.
    pub(crate) fn wait(&self) -> Duration {
        let Some(epoch) = self.epoch else { return Duration::ZERO };
        loop {
            // Relaxed: a hint.
            let next = Duration::from_nanos(self.next.load(Ordering::Relaxed));
            let now = epoch.elapsed();
            if now >= next || next - now > MOST {
                return now;
            }
            if next - now > LEAST {
                std::thread::sleep(next - now);
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Notes that a sweep which began at `begun` is over.
    pub(crate) fn end(&self, begun: Duration, is_in_vain: bool) {
        let Some(epoch) = self.epoch else { return };
        let mut next = Duration::ZERO;
        if is_in_vain {
            let now = epoch.elapsed();
            next = now + (now.saturating_sub(begun) * FACTOR).clamp(LEAST, MOST);
        }
        // Relaxed: a hint.
        self.next.store(next.as_nanos() as u64, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(any(model, clockless))))]
#[path = "../../tests/unit/pace.rs"]
mod tests;
