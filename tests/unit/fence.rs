//! Unit tests of `src/safepoint/fence.rs`.

use crossbeam_utils::CachePadded;

use super::{AsymmetricFence, LightSide};
use crate::sync::{AtomicU32, Ordering, compiler_fence};

/// Lets two threads store to one cell each and load the other's, `cycles` times at most. Returns
/// how many times neither saw the other's store. Stops after `enough`.
fn store_buffering(cycles: u32, enough: u32, light: impl Fn() + Sync, heavy: impl Fn()) -> u32 {
    let cells: [CachePadded<AtomicU32>; 4] = Default::default();
    let [mine, others, seen, turn] = &cells;
    let meet = |side: u32, cycle: u32| {
        // AcqRel, Acquire: each cycle sees the reset before it.
        turn.fetch_add(1, Ordering::AcqRel);
        let mut spins = 0;
        while turn.load(Ordering::Acquire) < 2 * cycle {
            core::hint::spin_loop();
            spins += 1;
            if spins % 10_000 == 0 {
                std::thread::yield_now();
            }
        }
        side
    };
    let mut both_missed = 0;
    let done = AtomicU32::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for cycle in 0..cycles {
                meet(0, 2 * cycle + 1);
                // Relaxed, here and below: the test is of the fences alone.
                mine.store(1, Ordering::Relaxed);
                light();
                let missed = others.load(Ordering::Relaxed) == 0;
                seen.store(u32::from(missed), Ordering::Relaxed);
                meet(0, 2 * cycle + 2);
                if done.load(Ordering::Relaxed) == 1 {
                    return;
                }
            }
        });
        for cycle in 0..cycles {
            meet(1, 2 * cycle + 1);
            others.store(1, Ordering::Relaxed);
            heavy();
            let missed = mine.load(Ordering::Relaxed) == 0;
            if both_missed >= enough {
                done.store(1, Ordering::Relaxed);
            }
            meet(1, 2 * cycle + 2);
            both_missed += u32::from(missed && seen.load(Ordering::Relaxed) == 1);
            mine.store(0, Ordering::Relaxed);
            others.store(0, Ordering::Relaxed);
            if done.load(Ordering::Relaxed) == 1 {
                return;
            }
        }
    });
    both_missed
}

#[test]
fn one_side_sees_the_other() {
    let fence = AsymmetricFence::new();
    if fence.is_asymmetric() {
        let (light, heavy) = (|| fence.light(&LightSide), || fence.heavy([&LightSide].into_iter()));
        assert_eq!(store_buffering(100_000, 1, light, heavy), 0);
    }
    let full = || fence.full(&LightSide);
    assert_eq!(store_buffering(100_000, 1, full, full), 0);
}

/// The substitutes for a barrier that the system granted and refuses later.
#[test]
#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
fn one_side_sees_the_other_by_a_substitute() {
    use crate::sys::{membarrier, tour};

    let light = || compiler_fence(Ordering::SeqCst);
    if tour::tour() == Some(true) {
        assert_eq!(store_buffering(3_000, 1, light, || assert_eq!(tour::tour(), Some(true))), 0);
    }
    if membarrier::global() {
        assert_eq!(store_buffering(50, 1, light, || assert!(membarrier::global())), 0);
    }
}

/// Shows that `one_side_sees_the_other` can fail: without the heavy fence it does.
#[test]
#[cfg(target_arch = "x86_64")]
fn without_the_heavy_fence_both_miss() {
    if std::thread::available_parallelism().map_or(1, core::num::NonZero::get) < 2 {
        println!("skipped: needs two processors");
        return;
    }
    let nothing = || crate::sync::compiler_fence(Ordering::SeqCst);
    let missed = store_buffering(20_000_000, 1, nothing, nothing);
    assert!(missed > 0, "store buffering was never seen: the litmus test shows nothing");
}
