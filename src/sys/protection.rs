//! How the memory of a table is kept from being written to by accident or by an attacker, and the
//! right to write all the same.
//!
//! Protected memory has two addresses: one to read at, which cannot be written to, and one to write
//! at ([`Memory::slot`](crate::arena::Memory::slot) goes by that). With [`Protection::Keys`] the
//! latter can be reached only by a thread that has *rights*, which it has for as long as a
//! [`Rights`] is there. Who reads at the first address needs none: not a thread that was there
//! before the key was made, nor a signal handler, nor generated code.
//!
//! # Who opens rights
//!
//! | who touches slots at the write address | where its rights come from |
//! |---|---|
//! | an operation of a write scope, and what it does for others: gathering stores, helping a sweep | the scope |
//! | a sweep, an audit, an iteration | opened for its length by `code_table.rs` |
//! | a participant that ends, also by the end of its thread | opened by `Allocator::unregister` |

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;

/// What keeps the pages of a table from being written to outside of a write scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Protection {
    /// Nothing: one mapping, which any store in the process can reach.
    None,
    /// Two mappings of one memory (`memfd_create`): the one that is read, and whose address is in
    /// generated code, is read-only; writes go to the other one. A store at an address that was
    /// made from the table's own ends the program; one that hits the second mapping does not.
    DualMapping,
    /// As that, and the second mapping has a protection key (x86 PKU): only a thread that is inside
    /// a write scope can store there, or load.
    Keys,
}

impl Protection {
    /// All there are, the strongest first.
    pub const ALL: [Protection; 3] = [Protection::Keys, Protection::DualMapping, Protection::None];

    /// The strongest that this system has. Asks the system once in the life of the process.
    #[must_use]
    pub fn strongest() -> Protection {
        Protection::ALL.into_iter().find(|p| p.is_available()).unwrap_or(Protection::None)
    }

    /// Returns `true` if this system has the protection.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Protection::None => true,
            other => back_end::is_available(other),
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protection::None => "none",
            Protection::DualMapping => "dual mapping",
            Protection::Keys => "protection keys",
        })
    }
}

crate::sync::thread_local! {
    /// How many rights the thread has open.
    // Not `const`: loom's thread-locals cannot be. It is never dropped, so it is there to the end
    // of the thread.
    #[allow(clippy::missing_const_for_thread_local)]
    static OPEN: Cell<u32> = Cell::new(0);
}

/// The calling thread's right to touch slots of protected memory at their write address, for as
/// long as it lives. It nests, and stays on its thread.
#[derive(Debug)]
pub(crate) struct Rights {
    protection: Protection,
    stays_here: PhantomData<*mut ()>,
}

impl Rights {
    #[inline]
    pub(crate) fn open(protection: Protection) -> Self {
        if protection != Protection::None {
            count(|open| open + 1);
            // Also if the thread has some open: a signal handler starts without.
            if protection == Protection::Keys {
                back_end::open();
            }
        }
        Self { protection, stays_here: PhantomData }
    }

    /// Has the calling thread a right to touch memory with this protection?
    pub(crate) fn are_open(protection: Protection) -> bool {
        // In a model a thread's locals may have ended before its record is given back.
        protection == Protection::None || OPEN.try_with(|open| open.get() > 0).unwrap_or(true)
    }
}

impl Drop for Rights {
    #[inline]
    fn drop(&mut self) {
        if self.protection != Protection::None {
            let left = count(|open| open - 1);
            if left == 0 && self.protection == Protection::Keys {
                back_end::close();
            }
        }
    }
}

/// Changes the count, and says what it is now.
fn count(change: impl FnOnce(u32) -> u32) -> u32 {
    let changed = OPEN.try_with(|open| {
        open.set(change(open.get()));
        open.get()
    });
    // Only in a model: see `are_open`.
    changed.unwrap_or(0)
}

#[cfg(not(model))]
mod back_end {
    use super::Protection;

    #[cfg(linux_mappings)]
    pub(super) fn is_available(protection: Protection) -> bool {
        use super::super::{dual_mapping, pkeys};

        match protection {
            Protection::None => true,
            Protection::DualMapping => dual_mapping::probe(),
            Protection::Keys => dual_mapping::probe() && pkeys::key().is_some(),
        }
    }

    #[cfg(not(linux_mappings))]
    pub(super) fn is_available(protection: Protection) -> bool {
        protection == Protection::None
    }

    pub(super) use super::super::pkeys::{close, open};
}

/// Stands in for the system in a model, where memory has one address: what is modelled is which
/// thread has rights.
#[cfg(model)]
mod back_end {
    pub(super) fn is_available(_: super::Protection) -> bool {
        true
    }
    pub(super) fn open() {}
    pub(super) fn close() {}
}

#[cfg(test)]
#[path = "../../tests/unit/protection.rs"]
mod tests;
