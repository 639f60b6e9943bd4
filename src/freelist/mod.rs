//! Part 2: free slots. Shared heads that are changed by 64-bit compare-and-swaps, and each thread's
//! own stock in front of them.
//!
//! - `free_list`: a shared head `(first, length)`: push a chain, take all of it
//! - `overflow`: what a local store keeps beyond two magazines
//! - `store`: a participant's local store of free slots, and the token to use it
//!
//! This part owns Invariants 1 (one owner for each free slot) and 2 (a chain is what its head
//! says). It deliberately knows no stop: a caller that uses a store shows a token.

mod free_list;
mod overflow;
mod store;

pub(crate) use free_list::FreeList;
pub(crate) use overflow::OVERFLOW_MAX;
pub(crate) use store::{LocalStore, MAGAZINE_SIZE_MAX, StoreMut};
