//! Values: what bits mean. No memory and no threads.
//!
//! - `chain`: a chain of free slots as one word `(first, length)`, and the links inside it
//! - `geometry`: which slot lies in which segment
//! - `word`: what the bits of a slot's word say, and the sweep cycle
//! - `handle`: the number that names a slot of a table
//! - `key`: the number that names a value of a slab
//!
//! z3 proves the arithmetic of the first three for all words (`proofs/smt/`). This part
//! deliberately knows no slot: it only computes. Without the feature `std`, `handle`
//! and `key` are all there is.

#[cfg(feature = "std")]
pub(crate) mod chain;
#[cfg(feature = "std")]
pub(crate) mod geometry;
#[cfg(feature = "std")]
pub(crate) mod word;
pub(crate) mod handle;
pub(crate) mod key;
