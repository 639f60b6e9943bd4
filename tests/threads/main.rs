//! Real threads, checked while they run and afterwards.
//!
//! Each slot has a stamp beside the table that says who has it: whoever allocates it must find
//! the stamp clear, whoever frees it must find its own. Entries say who stored them and carry a
//! checksum. When all threads have ended, the table is audited, what they held is freed, and a
//! sweep must leave nothing.
//!
//! `SLOTARENA_STRESS_SECONDS` says for how long all of this together may run: 2 if it is not set.
//! More than half of it is one long run (`long_run.rs`); the rest are races that it leaves out.
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

/// How many seconds there are for all tests of this file.
fn seconds() -> f64 {
    let asked = std::env::var("SLOTARENA_STRESS_SECONDS").ok();
    asked.map_or(2.0, |text| text.parse().expect("SLOTARENA_STRESS_SECONDS is a number"))
}

/// The end of a test's share, in per cent of all seconds.
struct Deadline(Instant);

impl Deadline {
    fn after(per_cent: f64) -> Self {
        Self(Instant::now() + Duration::from_secs_f64(seconds() * per_cent / 100.0))
    }

    /// The end of a part of this share: so many seconds from now, or the share's own.
    fn or_after(&self, seconds: f64) -> Self {
        Self(self.0.min(Instant::now() + Duration::from_secs_f64(seconds)))
    }

    fn has_come(&self) -> bool {
        Instant::now() >= self.0
    }
}
