//! Unit tests of `src/bits/chain.rs`.

use super::*;

const EDGES: [u32; 8] = [0, 1, 2, 8191, 8192, i32::MAX as u32, u32::MAX - 1, u32::MAX];

#[test]
fn packing_is_undone_by_unpacking() {
    for first in EDGES {
        for length in EDGES {
            let chain = Chain::new(first, length);
            assert_eq!(chain.length(), length);
            assert_eq!(chain.is_empty(), length == 0);
            if length != 0 {
                assert_eq!(chain.first(), first);
            }
            assert_eq!(Chain::from_bits(chain.to_bits()), chain);
        }
    }
    assert_eq!(Chain::new(7, 0), Chain::EMPTY);
}

#[test]
fn following_a_link_leads_where_it_was_set() {
    for index in EDGES {
        for next in EDGES {
            assert_eq!(follow(index, link_to(index, next)), next);
        }
    }
}

#[test]
fn zeroed_memory_is_an_ascending_chain() {
    assert_eq!(follow(41, 0), 42);
    assert_eq!(link_to(41, 42), 0);
}

quickcheck::quickcheck! {
    fn packing_round_trips(first: u32, length: u32) -> bool {
        let chain = Chain::new(first, length);
        chain.length() == length && (length == 0 || chain.first() == first)
    }

    fn links_round_trip(index: u32, next: u32) -> bool {
        follow(index, link_to(index, next)) == next
    }
}
