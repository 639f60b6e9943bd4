//! Values with counted references: the last reference drops a removed value, or clears it.
//!
//! A [`CountedSlab`] drops a removed value with the last reference to it, at that moment, on
//! whatever thread. A [`CountedPool`] clears it instead, and reuses its storage. Both are named by
//! [`Key`](crate::Key)s, as those of a [`Slab`](crate::Slab) are.
//!
//! An [`Entry`] is a reference that borrows the slab, and an [`OwnedEntry`] one that does not. A
//! [`VacantEntry`] is a slot for a value that needs its own key. [`RefMut`] and [`OwnedRefMut`] are
//! a pool's value in the making.
//!
//! # Guards or counted references
//!
//! | | [`Slab`](crate::Slab), [`Pool`](crate::Pool) | [`CountedSlab`], [`CountedPool`] |
//! |---|---|---|
//! | a read | stores to the thread's own memory | two locked instructions on the value's slot |
//! | threads that read one value | do not disturb each other | take turns at its cache line |
//! | a removed value is dropped | later, in batches | with its last reference, at that moment |
//! | a reference without a borrow | none | [`OwnedEntry`], [`OwnedRefMut`] |
//! | a reference that is kept | delays what was live with it | keeps its own value |

// - `word`: the bits of the word, and the value beside it
// - `trimming`: when one gives back memory by itself
// - `common`: what the threads share, and how long it lives
// - `held`: a reference, and what its end does
// - `removal`: removal, and what gives back a pool's memory
// - `entry`: references that borrow, and that do not
// - `making`: slots and values in the making
// - `operations`: the functions that the slab and the pool share, written once
// - `counted_slab`, `counted_pool`: the facades
//
// This part owns Invariant 15 (a referenced value stays, and the last reference ends a removed
// one), and for its values 11 and 12.

mod word;
mod trimming;
mod common;
mod held;
mod removal;
mod entry;
mod making;
mod operations;
mod counted_slab;
mod counted_pool;

pub use counted_pool::CountedPool;
pub use counted_slab::CountedSlab;
pub use entry::{Entry, OwnedEntry};
pub use making::{OwnedRefMut, RefMut, VacantEntry};
pub use operations::Iter;
