//! When a slab or pool gives back memory by itself.
//!
//! What one keeps after a peak is of use if the next peak comes soon. So it looks at what is in use
//! whenever a thread spills free slots to a shared list: a thread whose own store suffices never
//! does. When no more than a quarter of the greatest number since the last time is in use, it gives
//! back what is free: cleared values are dropped, and whole segments go back to the system. Then
//! that number begins anew. Values that are cleared later are dropped too, until one is wanted.
//!
//! The work is linear in the number of committed slots. Each spilled slot adds to a *credit* that
//! the work takes from. So the work for each value that is freed is constant, amortized.
//!
//! A peak that comes back was given up too early. After that, 1, 2, 4, and so on up to [`REST_MAX`]
//! peaks pass without anything being given back. A peak ends to pass once several times as many
//! slots as there are have been spilled since.

/// With fewer values at the most, there is nothing to be gained.
const LEAST: u64 = 1024;

/// Nor is there with fewer after a peak.
const FEW: u64 = 64;

/// How many visits of slots a spilled slot pays for.
const VISITS: u64 = 16;

/// The most peaks that pass in a row.
const REST_MAX: u32 = 64;

/// A peak passes until this many times the committed slots have been spilled.
const PATIENCE: u64 = 4;

/// What is known of the use of a slab or pool.
#[derive(Debug)]
pub(super) struct Trimming {
    /// The most slots in use since the last time.
    most: u64,
    /// The slots that may be visited.
    credit: u64,
    /// The most that were in use, once it was time, until half as many are in use again. Else 0.
    peak: u64,
    /// The slots that were spilled while this peak passes, or `None` if it does not pass.
    passing: Option<u64>,
    /// The peaks that still pass.
    rest: u32,
    /// The peaks that passed after the last one that came back, or 0.
    last_rest: u32,
    /// `true` if no cleared value is kept, since memory was given back and none was wanted since.
    pub(super) keeps_none: bool,
}

impl Trimming {
    pub(super) const fn new() -> Self {
        let keeps_none = false;
        Self { most: 0, credit: 0, peak: 0, passing: None, rest: 0, last_rest: 0, keeps_none }
    }

    /// Notes that slots were spilled. Returns `true` if it is time to give back what is free: then
    /// as many slots are visited as are committed.
    pub(super) fn is_time(&mut self, spilled: u64, in_use: u64, committed: u64) -> bool {
        self.credit = (self.credit + VISITS * spilled).min(VISITS * committed);
        self.passing = self.passing.map(|passed| passed + spilled);
        if in_use > self.most {
            self.most = in_use;
            if self.peak > 0 && in_use >= self.peak / 2 {
                self.begin_peak();
            }
            return false;
        }
        let least = if self.peak >= LEAST { FEW } else { LEAST };
        let is_over = self.most >= least && in_use <= self.most / 4;
        let has_waited = self.passing.is_some_and(|passed| passed > PATIENCE * committed);
        if !(is_over || has_waited) || self.credit < committed {
            return false;
        }
        let most = core::mem::replace(&mut self.most, in_use);
        if self.peak == 0 && self.rest > 0 {
            self.rest -= 1;
            self.passing = Some(0);
        }
        self.peak = self.peak.max(most);
        if has_waited {
            self.passing = None;
        }
        let is_time = self.passing.is_none();
        self.credit -= if is_time { committed } else { 0 };
        is_time
    }

    /// Notes that the last peak has come back.
    fn begin_peak(&mut self) {
        self.peak = 0;
        if self.passing.take().is_none() {
            self.last_rest = (2 * self.last_rest).clamp(1, REST_MAX);
            self.rest = self.last_rest;
        }
    }
}

#[cfg(all(test, not(model)))]
#[path = "../../tests/unit/trimming.rs"]
mod tests;
