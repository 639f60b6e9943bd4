//! Bias: which participant may change live words without a locked instruction.
//!
//! A free has to settle which of several racing frees wins. A compare-and-swap does that, and so
//! does a load, a comparison, and a plain store, if no other thread changes the word in between.
//! Each range of slots is biased toward one participant, which does the latter, inside a sequence
//! that the kernel restarts on demand. Any other participant first revokes the bias. Biased locking
//! does the same for locks: Kawachiya, Koseki, and Onodera ([*Lock Reservation*], OOPSLA 2002), and
//! with epochs and bulk revocation Russell and Detlefs ([*Eliminating Synchronization-Related
//! Atomic Operations with Biased Locking and Bulk Rebiasing*], OOPSLA 2006). There the revoker
//! waits for the owner. Here it does not, as in Harris and Fraser's [*Revocable Locks for
//! Non-Blocking Programming*] (PPoPP 2005).
//!
//! # The word of a range
//!
//! | word | what a participant does that changes a live word there |
//! |---|---|
//! | undecided: of an earlier epoch | decides by a compare-and-swap: biased toward it, or shared |
//! | biased toward it | a sequence: compares the range's word and the slot's, stores the new one |
//! | biased toward another | BR replaces it by *revoking*, BB restarts all sequences, BS *shared* |
//! | revoking | BB and BS too. It waits for no thread of the table |
//! | shared | a compare-and-swap on the slot's word |
//!
//! *Bad case*: a sequence of the participant with the bias, and a compare-and-swap of another one,
//! both change one word. The second saw *shared*, so BB lies between BR and its compare-and-swap. A
//! sequence that began before BB, and had not stored by then, is restarted: it begins anew, and
//! sees BR. One that had stored by then comes first, and the compare-and-swap sees its word. For
//! the same reason a thread must not take *revoking* for *shared*.
//!
//! # The phase of a table
//!
//! Traffic between threads must not cost a system call a range. The table's phase has the epoch,
//! and one more level of the same: *biased*, *revoking*, or *shared*. A sequence compares the
//! range's word with the sum of the phase and its participant's tag. The sum is no range's word
//! unless the phase is *biased*, by a bit that only phases have. After `REVOCATIONS_MAX`
//! revocations in one epoch, the next one revokes the bias of all ranges, by the same three steps
//! on the phase. So does the 100,000th change in shared ranges. Only a pause begins an epoch: no
//! operation is under way then, so none has seen an earlier *shared*. A table whose bias was
//! revoked stays shared for 1, 2, 4, and so on up to 64 sweeps.
//!
//! - `sequence`: the sequence, and how all are restarted
//! - `ranges`: the words of the ranges
//! - `bias`: the bias of a table: its phase, and its epochs
//! - `revoke`: how a range is decided, and the bias revoked
//! - `change`: the change of a word in use
//!
//! This part owns Invariant 14 (one kind of change). It deliberately knows no stop: its caller is
//! inside an operation, or has stopped the world.

mod sequence;
mod ranges;
#[allow(clippy::module_inception)]
mod bias;
mod revoke;
mod change;

pub(crate) use bias::Bias;
#[cfg(not(model))]
pub(crate) use ranges::bytes_for;
pub(crate) use ranges::{At, NUMBER_MAX, tag, whole};
