//! Unit tests of `src/sweep/pace.rs`.

use super::*;

#[test]
fn a_sweep_in_vain_keeps_the_next_one_back() {
    let pace = Pace::new();
    let begun = pace.wait();
    pace.end(begun, true);
    let next = pace.wait();
    assert!(next >= begun + LEAST, "{begun:?} to {next:?}");
    // Another one need not wait for the same sweep.
    pace.end(next, true);
    let after = pace.wait();
    assert!(after >= next + LEAST, "{next:?} to {after:?}");
}

#[test]
fn a_sweep_that_released_something_keeps_none_back() {
    let pace = Pace::new();
    let begun = pace.wait();
    pace.end(begun, true);
    pace.end(begun, false);
    assert_eq!(pace.next.load(Ordering::Relaxed), 0, "the wait that was noted is gone");
}

#[test]
fn no_wait_is_longer_than_the_limit() {
    let pace = Pace::new();
    // As if the sweep had begun with the epoch, and had taken all this time.
    std::thread::sleep(2 * MOST);
    pace.end(Duration::ZERO, true);
    let noted = Duration::from_nanos(pace.next.load(Ordering::Relaxed));
    let until = pace.epoch.map_or(Duration::ZERO, Since::elapsed) + MOST;
    assert!(noted <= until, "{noted:?}, at most {until:?}");
    // A clock that has jumped back, as after a restored checkpoint, would make it wait for long.
    pace.next.store(u64::MAX, Ordering::Relaxed);
    assert!(pace.wait() < Duration::from_nanos(u64::MAX));
}
