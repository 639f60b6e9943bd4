//! One long run: a village after another, of few or many threads, on a table of few or many slots.
//!
//! What a village is like follows from its seed, though not what its threads do to one another.
//! `SLOTARENA_STRESS_SEED` says the first village's seed, which is another one each time if it is
//! not set; the next one's is greater by one.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use crate::Deadline;
use crate::common::cases;
use crate::seconds;
use crate::village::{Plan, Village};

fn first_seed() -> u64 {
    match std::env::var("SLOTARENA_STRESS_SEED") {
        Ok(text) => text.parse().expect("SLOTARENA_STRESS_SEED is a whole number"),
        // What hash maps are seeded with: the standard library has no other chance to offer.
        Err(_) => RandomState::new().hash_one("a seed") % 1_000_000_000,
    }
}

#[test]
fn every_slot_has_one_owner_in_the_long_run() {
    /// This test's share.
    const PER_CENT: f64 = 60.0;
    let since = Instant::now();
    let all = Deadline::after(PER_CENT);
    // Some villages, in a short run too.
    let each = (seconds() * PER_CENT / 100.0 / 12.0).min(2.0);
    let (mut villages, mut lives, mut steps) = (0, 0, 0);
    let first = first_seed();
    while !all.has_come() {
        let plan = Plan::of(first.wrapping_add(villages), since);
        let end = all.or_after(each);
        let (died, done) = match plan.is_wide {
            true => Village::<[u64; 2]>::found(plan).live_until(&end),
            false => Village::<u64>::found(plan).live_until(&end),
        };
        villages += 1;
        lives += died;
        steps += done;
    }
    println!("seeds from {first}, {villages} villages");
    cases("threads that lived and died", lives);
    cases("operations of theirs", steps);
}
