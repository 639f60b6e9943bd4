//! A litmus test of `src/sys/rseq.rs`, with a sequence that is made long on purpose.

use core::arch::asm;
use std::time::{Duration, Instant};

use super::{Area, Condition, probe};
use crate::sync::{AtomicU64, Ordering};
use crate::sys::membarrier;

/// The live word, and the free word of the thread with the bias.
const LIVE: u64 = 1 << 63 | 1;
const FREED: u64 = 2;
/// The word that the other thread puts in the place of a live one.
const SWAPPED: u64 = 3;

/// The phase and the tag, and the words of a range: biased toward the tag's owner, and revoked.
const PHASE: u64 = 1 << 32;
const TAG: u64 = 4;
const BIASED: u64 = PHASE + TAG;
const REVOKED: u64 = BIASED + 1;

/// Like `replace_live`, but waits between the last comparison and the store.
///
/// # Safety
///
/// As there.
unsafe fn replace_slowly(
    area: Area,
    condition: Condition<'_>,
    word: *const AtomicU64,
    new: u64,
) -> u64 {
    sequence!(area, condition, word, new,
        ["test {seen}, {seen}", "jns 5f", "mov {count:e}, 20000", "7:", "dec {count:e}", "jnz 7b"]
        count = out(reg) _,)
}

/// Waits until a counter has come to `turn`.
fn wait(counter: &AtomicU64, turn: u64) {
    let mut spins = 0;
    // Acquire: what the other thread did before comes before.
    while counter.load(Ordering::Acquire) < turn {
        core::hint::spin_loop();
        spins += 1;
        if spins % 10_000 == 0 {
            std::thread::yield_now();
        }
    }
}

/// One thread replaces a live word in a sequence, while another revokes the bias, passes `barrier`,
/// and replaces the word by a compare-and-swap. Returns how often both did, and stops after
/// `enough`. `None` where there are no sequences.
fn both_win(rounds: u64, enough: u32, barrier: fn() -> bool) -> Option<u32> {
    let area = probe().filter(|_| membarrier::probe_restart() && membarrier::probe())?;
    let (phase, range, word) = (AtomicU64::new(PHASE), AtomicU64::new(0), AtomicU64::new(0));
    let [begun, ended, won] = [const { AtomicU64::new(0) }; 3];
    let mut both = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=rounds {
                wait(&begun, 2 * round - 1);
                let condition =
                    Condition { phase: &phase, tag: TAG, ranges: &raw const range, nth: 0 };
                // Relaxed: how far this thread is.
                begun.store(2 * round, Ordering::Relaxed);
                // SAFETY: all are there.
                let seen = unsafe { replace_slowly(area, condition, &raw const word, FREED) };
                won.store(u64::from(seen == LIVE), Ordering::Relaxed);
                // Release: the other thread reads what came before.
                ended.store(round, Ordering::Release);
            }
        });
        for round in 1..=rounds {
            // Relaxed: the turns order these.
            word.store(LIVE, Ordering::Relaxed);
            range.store(BIASED, Ordering::Relaxed);
            if both >= enough {
                // The rest quickly.
                range.store(REVOKED, Ordering::Relaxed);
            }
            begun.store(2 * round - 1, Ordering::Release);
            wait(&begun, 2 * round);
            if both < enough {
                let now = Instant::now();
                while now.elapsed() < Duration::from_nanos(round % 64 * 100) {}
                range.store(REVOKED, Ordering::SeqCst);
                assert!(barrier());
                let swapped = word
                    .compare_exchange(LIVE, SWAPPED, Ordering::SeqCst, Ordering::Relaxed)
                    .is_ok();
                wait(&ended, round);
                both += u32::from(swapped && won.load(Ordering::Relaxed) == 1);
            }
            wait(&ended, round);
        }
    });
    Some(both)
}

#[test]
fn of_a_sequence_and_a_swap_behind_the_barrier_one_wins() {
    if let Some(both) = both_win(3_000, 1, membarrier::restart) {
        assert_eq!(both, 0);
    }
}

#[test]
fn behind_a_tour_too() {
    if let Some(both) = both_win(300, 1, || crate::sys::tour::tour() == Some(true)) {
        assert_eq!(both, 0);
    }
}

/// So the test above can fail, and the barrier has to be the one that restarts sequences.
#[test]
fn behind_a_barrier_that_restarts_none_both_win() {
    let processors = std::thread::available_parallelism().map_or(1, |processors| processors.get());
    if processors < 2 {
        // Any switch of threads restarts a sequence.
        return;
    }
    if let Some(both) = both_win(1_000_000, 1, membarrier::barrier) {
        assert!(both > 0, "no sequence was under way behind the barrier");
    }
}

#[test]
fn a_sequence_stores_if_its_condition_is_met() {
    let Some(area) = probe() else { return };
    let (phase, range) = (AtomicU64::new(PHASE), AtomicU64::new(BIASED));
    for (tag, before, left) in [(TAG, LIVE, FREED), (TAG + 4, LIVE, LIVE), (TAG, 5, 5)] {
        let word = AtomicU64::new(before);
        let condition = Condition { phase: &phase, tag, ranges: &raw const range, nth: 0 };
        // SAFETY: all are there.
        let seen = unsafe { super::replace_live(area, condition, &raw const word, FREED) };
        assert_eq!(seen, if left == FREED { before } else { 0 });
        // Relaxed: this thread's own.
        assert_eq!(word.load(Ordering::Relaxed), left);
        let word = AtomicU64::new(before);
        // SAFETY: all are there.
        let seen = unsafe { super::replace_equal(area, condition, &raw const word, FREED, LIVE) };
        assert_eq!(seen, if left == FREED { before } else { 0 });
    }
}
