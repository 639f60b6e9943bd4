//! Stress tests on real threads, checked while they run and afterward.
//!
//! Each slot has a stamp outside the table that names its owner. A thread that allocates the slot
//! must find the stamp clear, and a thread that frees it must find its own. Entries name the thread
//! that stored them and carry a checksum. After all threads have ended, the table is audited, the
//! rest is freed, and a sweep must release all memory.
//!
//! `SLOTARENA_STRESS_SECONDS` limits the time of all tests together. The default is 2. More than
//! half of it is one long run (`long_run.rs`). The rest are races that the long run leaves out.
#![cfg(not(all(loom, feature = "loom")))]

#[path = "../common/mod.rs"]
mod common;
mod long_run;
mod owners;
mod publication;
mod quotas;
mod racing;
mod reading;
mod stamp;
mod village;
mod worker;

use std::time::{Duration, Instant};

/// Returns the seconds for all tests of this program.
fn seconds() -> f64 {
    let asked = std::env::var("SLOTARENA_STRESS_SECONDS").ok();
    asked.map_or(2.0, |text| text.parse().expect("SLOTARENA_STRESS_SECONDS is a number"))
}

/// The end of a test's share of all seconds, in percent.
struct Deadline(Instant);

impl Deadline {
    fn after(percent: f64) -> Self {
        Self(Instant::now() + Duration::from_secs_f64(seconds() * percent / 100.0))
    }

    /// Returns the end of a part of this share: so many seconds from now, or this deadline.
    fn or_after(&self, seconds: f64) -> Self {
        Self(self.0.min(Instant::now() + Duration::from_secs_f64(seconds)))
    }

    fn has_come(&self) -> bool {
        Instant::now() >= self.0
    }
}
