//! Unit tests of `src/counted/trimming.rs`.

use super::*;

/// Fills up to `most` slots and empties them, a magazine at a time. Returns how often it was time.
fn peak(trimming: &mut Trimming, most: u64) -> usize {
    let up = (0..=most / 64).map(|n| n * 64);
    let down = (0..=most / 64).rev().map(|n| n * 64);
    up.chain(down).filter(|&in_use| trimming.is_time(64, in_use, most)).count()
}

#[test]
fn memory_goes_back_after_a_peak() {
    let mut trimming = Trimming::new();
    let times = peak(&mut trimming, 1 << 20);
    assert!((4..=10).contains(&times), "{times} times");
    assert!(trimming.most < LEAST);
}

#[test]
fn there_is_no_time_for_few_values_or_half_of_them() {
    let mut trimming = Trimming::new();
    assert_eq!(peak(&mut trimming, LEAST - 64), 0);
    for n in 0..1000 {
        let in_use = if n % 2 == 0 { 1 << 20 } else { 1 << 19 };
        assert!(!trimming.is_time(64, in_use, 1 << 20));
    }
}

#[test]
fn the_visits_are_paid_for() {
    let mut trimming = Trimming::new();
    let (committed, mut visits, mut spilled) = (1 << 20, 0, 0);
    for _ in 0..100_000 {
        for in_use in [4096, 0] {
            spilled += 64;
            if trimming.is_time(64, in_use, committed) {
                visits += committed;
            }
        }
    }
    assert!(visits <= VISITS * spilled, "{visits} visits for {spilled} slots");
}

#[test]
fn peaks_that_come_back_keep_what_they_need() {
    let mut trimming = Trimming::new();
    let times: usize = (0..1000).map(|_| peak(&mut trimming, 1 << 16)).sum();
    assert!((4..200).contains(&times), "{times} times in 1000 peaks");
}

#[test]
fn a_peak_that_passes_is_given_back_in_the_end() {
    let mut trimming = Trimming::new();
    let committed = 1 << 16;
    assert!(peak(&mut trimming, committed) > 0);
    assert_eq!(peak(&mut trimming, committed), 0);
    // Little is in use from now on.
    let spills = (0..).find(|_| trimming.is_time(64, 512, committed)).expect("a time");
    assert!(spills * 64 <= (PATIENCE + 1) * committed, "{spills} spills");
}
