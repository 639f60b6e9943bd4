//! One long run of successive villages, of few or many threads, on tables of few or many slots.
//!
//! A village's options follow from its seed. The interleaving of its threads does not.
//! `SLOTARENA_STRESS_SEED` sets the first village's seed, which is random by default. Each later
//! seed is greater by one.

use std::time::Instant;

use crate::Deadline;
use crate::common::cases;
use crate::seconds;
use crate::village::{Config, Village};

fn first_seed() -> u64 {
    match std::env::var("SLOTARENA_STRESS_SEED") {
        Ok(text) => text.parse().expect("SLOTARENA_STRESS_SEED is a whole number"),
        Err(_) => fastrand::u64(..1_000_000_000),
    }
}

#[test]
fn every_slot_has_one_owner_in_the_long_run() {
    /// This test's share of the time.
    const PER_CENT: f64 = 60.0;
    let since = Instant::now();
    let all = Deadline::after(PER_CENT);
    // Several villages, even in a short run.
    let each = (seconds() * PER_CENT / 100.0 / 12.0).min(2.0);
    let (mut villages, mut lives, mut steps) = (0, 0, 0);
    let first = first_seed();
    while !all.has_come() {
        let config = Config::of(first.wrapping_add(villages), since);
        let end = all.or_after(each);
        let (died, done) = match config.is_wide {
            true => Village::<[u64; 2]>::found(config).live_until(&end),
            false => Village::<u64>::found(config).live_until(&end),
        };
        villages += 1;
        lives += died;
        steps += done;
    }
    println!("seeds from {first}, {villages} villages");
    cases("threads that lived and died", lives);
    cases("operations of theirs", steps);
}
