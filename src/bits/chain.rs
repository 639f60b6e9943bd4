//! The packed word at the head of a chain, and the links inside it. Pure arithmetic.
//!
//! ```text
//!   63            32 31             0        a chain of 3:  head (4, 3)
//!  +----------------+----------------+         slot 4: link 0   -> next is 4 + 1 + 0 = 5
//!  |     length     |   first index  |         slot 5: link 2   -> next is 5 + 1 + 2 = 8
//!  +----------------+----------------+         slot 8: any link; the length ends the chain
//! ```
//!
//! A link is the *difference* to the following index, so memory full of zeros is an ascending
//! chain. Committing a segment writes no links.

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

    /// Returns the index of the first slot. Meaningless if the chain is empty.
    #[must_use]
    pub(crate) const fn first(self) -> u32 {
        self.0 as u32
    }

    #[must_use]
    pub(crate) const fn length(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[must_use]
    pub(crate) const fn is_empty(self) -> bool {
        self.length() == 0
    }

    #[must_use]
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    #[must_use]
    pub(crate) const fn from_bits(bits: u64) -> Chain {
        Chain(bits)
    }
}

/// Returns the link with which `next` follows slot `index`.
#[must_use]
pub(crate) const fn link_to(index: u32, next: u32) -> u32 {
    next.wrapping_sub(index).wrapping_sub(1)
}

/// Returns the index that follows slot `index` whose link is `link`. The inverse of [`link_to`].
#[must_use]
pub(crate) const fn follow(index: u32, link: u32) -> u32 {
    index.wrapping_add(1).wrapping_add(link)
}

#[cfg(test)]
#[path = "../../tests/unit/chain.rs"]
mod tests;
