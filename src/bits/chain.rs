//! The packed word at the head of a chain, and the links inside it. Pure arithmetic.
//!
//! ```text
//!   63            32 31             0        a chain of 3:  head (4, 3)
//!  +----------------+----------------+         slot 4: link 0   -> next is 4 + 1 + 0 = 5
//!  |     length     |   first index  |         slot 5: link 2   -> next is 5 + 1 + 2 = 8
//!  +----------------+----------------+         slot 8: any link; the length ends the chain
//! ```
//!
//! A link is the *difference* to the following index, so memory full of zeros is an ascending chain.
//! Committing a segment writes no links.

/// A chain of free slots as one word: its first index and its length.
///
/// Length 0 is the empty chain, whatever the index. [`Chain::EMPTY`] is the form that is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub(crate) struct Chain(u64);

impl Chain {
    /// The chain without slots: the word 0.
    pub(crate) const EMPTY: Chain = Chain(0);

    /// Packs a chain. Length 0 gives [`Chain::EMPTY`].
    #[must_use]
    pub(crate) const fn new(first: u32, length: u32) -> Chain {
        if length == 0 {
            return Chain::EMPTY;
        }
        Chain((length as u64) << 32 | first as u64)
    }

    /// The index of the first slot. Meaningless if the chain is empty.
    #[must_use]
    pub(crate) const fn first(self) -> u32 {
        self.0 as u32
    }

    /// The number of slots.
    #[must_use]
    pub(crate) const fn length(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Returns `true` if the chain has no slot.
    #[must_use]
    pub(crate) const fn is_empty(self) -> bool {
        self.length() == 0
    }

    /// The word for an atomic.
    #[must_use]
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    /// The chain of a word.
    #[must_use]
    pub(crate) const fn from_bits(bits: u64) -> Chain {
        Chain(bits)
    }
}

/// The link with which `next` follows slot `index`.
#[must_use]
pub(crate) const fn link_to(index: u32, next: u32) -> u32 {
    next.wrapping_sub(index).wrapping_sub(1)
}

/// The index that follows slot `index` whose link is `link`. The inverse of [`link_to`].
#[must_use]
pub(crate) const fn follow(index: u32, link: u32) -> u32 {
    index.wrapping_add(1).wrapping_add(link)
}

#[cfg(test)]
mod tests {
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
}
