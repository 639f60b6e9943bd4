//! Unit tests of `src/slab/reclaim/era.rs`.

use super::*;

#[test]
fn a_guard_sees_what_its_reservation_covers() {
    let reservation = Reservation::none();
    let collect = || Guards::collect([&reservation].into_iter());
    assert!(collect().are_none() && !collect().may_see(Birth(1), Era(9)));
    reservation.start(Era(3), Birth(3));
    reservation.extend(Birth(5));
    for (birth, retired, seen) in
        [(1, 4, true), (1, 2, false), (6, 7, false), (5, 5, true), (1, 3, true)]
    {
        assert_eq!(collect().may_see(Birth(birth), Era(retired)), seen, "{birth} {retired}");
    }
    reservation.end();
    assert!(collect().are_none());
}

#[test]
fn more_guards_than_are_kept_apart_hide_nothing() {
    let reservations: Vec<_> = (0..RESERVATIONS + 3).map(|_| Reservation::none()).collect();
    for (era, reservation) in (10u32..).zip(&reservations) {
        reservation.start(Era(u64::from(era)), Birth(era));
    }
    let guards = Guards::collect(reservations.iter());
    for era in 10..10 + reservations.len() as u32 {
        assert!(guards.may_see(Birth(era), Era(u64::from(era))), "{era}");
    }
    assert!(!guards.may_see(Birth(1), Era(9)));
    assert!(!guards.may_see(Birth(99), Era(99)));
}

#[test]
fn births_stay_below_their_limit() {
    assert_eq!(Era(7).birth(), Birth(7));
    assert_eq!(Era(1 << 31).birth(), Birth((1 << 31) - 1));
    assert_eq!(Era(1 << 40).birth(), Birth::from_bits(u32::MAX));
    let clock = Clock::new();
    clock.tick(Era::FIRST);
    clock.tick(Era::FIRST);
    assert_eq!((clock.now(), clock.birth()), (Era(2), Birth(2)));
    clock.0.era.store(1 << 40, Ordering::Relaxed);
    clock.tick(Era(1 << 40));
    assert_eq!(clock.now(), Era((1 << 40) + 1));
    assert_eq!(clock.birth(), Birth::from_bits(u32::MAX));
    clock.tick(Era::FIRST);
    assert_eq!(clock.birth(), Birth::from_bits(u32::MAX), "births never fall");
}
