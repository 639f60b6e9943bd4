//! Unit tests of `src/bits/word.rs`.

use super::*;

#[test]
fn the_three_states_are_told_apart() {
    assert_eq!(state(try_live(0u64).unwrap()), State::Live);
    assert_eq!(state(try_live(!LIVE_BIT).unwrap()), State::Live);
    assert_eq!(state(uninitialized::<u64>()), State::Uninitialized);
    assert_eq!(state(free_with::<u64>(Cycle::LAST, u32::MAX)), State::Free);
    assert_eq!(state(free_with::<u128>(Cycle::FIRST, 0)), State::Free);
    assert_eq!(state(zero::<u64>()), State::Free);
    assert_eq!(try_live(LIVE_BIT), None);
    assert_eq!(try_live(u128::from(LIVE_BIT)), None);
    assert!(try_live(u128::MAX ^ u128::from(LIVE_BIT)).is_some());
}

#[test]
fn a_slot_freed_in_this_cycle_is_not_unswept() {
    let (cycle, later) = (Cycle::SECOND, Cycle::from_bits(2 << 32));
    assert!(!is_unswept(free_with::<u64>(cycle, 7), cycle));
    assert!(!is_unswept(free_with::<u64>(later, 0), later));
    assert!(!is_unswept(free_with::<u64>(Cycle::LAST, u32::MAX), Cycle::LAST));
    assert!(is_unswept(free_with::<u64>(cycle, 7), later));
    assert!(is_unswept(zero::<u64>(), cycle) && !is_unswept(zero::<u64>(), Cycle::FIRST));
}

#[test]
fn a_slot_in_use_is_not_unswept_whatever_its_other_bits() {
    for cycle in [Cycle::FIRST, Cycle::SECOND, Cycle::from_bits(u64::MAX)] {
        for state in [UNINITIALIZED_BIT, LIVE_BIT, UNINITIALIZED_BIT | LIVE_BIT] {
            for other in [Cycle::FIRST, Cycle::SECOND, Cycle::from_bits(u64::MAX)] {
                assert!(!is_unswept(state | other.to_bits() | 7, cycle));
            }
        }
    }
}

#[test]
fn cycles_end_below_the_bits_of_the_state() {
    assert_eq!(Cycle::from_bits(u64::MAX).to_bits(), (UNINITIALIZED_BIT - 1) & !0xffff_ffff);
    assert_eq!(Cycle::FIRST.next(), Some(Cycle::SECOND));
    assert_eq!(Cycle::SECOND.to_bits(), 1 << 32);
    assert_eq!(Cycle::LAST.next(), None);
    assert_eq!(state(free_with::<u64>(Cycle::from_bits(u64::MAX), 7)), State::Free);
}

quickcheck::quickcheck! {
    fn an_entrys_bits_survive(low: u64, high: u64) -> bool {
        let low = low & !LIVE_BIT;
        let wide = u128::from(high) << 64 | u128::from(low);
        try_live(low).map(bits) == Some(low) && try_live(wide).map(bits) == Some(wide)
    }

    fn a_free_word_keeps_its_link(cycle: u32, x: u32) -> bool {
        let cycle = Cycle::from_bits(u64::from(cycle) << 32);
        link(free_with::<u64>(cycle, x)) == x && link(free_with::<u128>(cycle, x)) == x
    }

    fn only_a_free_word_of_an_earlier_cycle_is_unswept(low: u64, cycle: u32) -> bool {
        let cycle = Cycle::from_bits(u64::from(cycle) << 32);
        let is_earlier = Cycle::from_bits(low).to_bits() < cycle.to_bits();
        is_unswept(low, cycle) == (state(low) == State::Free && is_earlier)
    }
}
