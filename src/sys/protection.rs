//! The protections of a table's memory from stray or hostile stores, and the right to store.
//!
//! Protected memory has two addresses: a read-only one for loads, and one for stores, which
//! [`Memory::slot`](crate::arena::Memory::slot) uses. With [`Protection::Keys`] only a thread with
//! *rights* can reach the second: a thread with a live [`Rights`]. Loads at the first need none:
//! neither in a thread older than the key, nor in a signal handler, nor in generated code.
//!
//! # Source of rights
//!
//! | accesses at the write address | source of their rights |
//! |---|---|
//! | an operation of a write scope, also on behalf of others: gathering stores, helping a sweep | the scope |
//! | a sweep, an audit, an iteration | opened for its length by `code/table.rs` |
//! | a participant that ends, also by the end of its thread | opened by `Allocator::unregister` |

use core::cell::Cell;
use core::marker::PhantomData;

/// The protection of a table's pages from stores outside of a write scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Protection {
    /// No protection: one mapping, which any store in the process can reach.
    None,
    /// Two mappings of one memory (`memfd_create`). The one for loads, whose address is in
    /// generated code, is read-only. Stores go to the other. A store at an address derived from the
    /// table's ends the program. A store that hits the second mapping does not.
    DualMapping,
    /// A dual mapping with a protection key (x86 PKU) on the second mapping: only a thread inside a
    /// write scope can load or store there.
    Keys,
}

impl Protection {
    /// All protections, the strongest first.
    pub const ALL: [Protection; 3] = [Protection::Keys, Protection::DualMapping, Protection::None];

    /// Returns the strongest protection that the system grants now. Remembers what cannot change:
    /// that it has granted a protection, and that it has none. After a refusal of another kind, as
    /// at a limit on memory, the next call asks again.
    #[must_use]
    pub fn strongest() -> Protection {
        Protection::ALL.into_iter().find(|p| p.is_available()).unwrap_or(Protection::None)
    }

    /// Returns `true` if this system has the protection and grants it now. Remembers answers as
    /// [`strongest`](Self::strongest) does.
    #[must_use]
    pub fn is_available(self) -> bool {
        matches!(self.ask(), Answer::Granted)
    }

    pub(crate) fn ask(self) -> Answer {
        if self == Protection::None { Answer::Granted } else { back_end::ask(self) }
    }

    /// Returns the protection for a table that asks for none: the strongest that the system has. If
    /// the system refuses a dual mapping for the moment, the error is that, with the system's code.
    /// If it has no protection key left, a dual mapping does.
    pub(crate) fn for_a_new_table() -> Result<Protection, (Protection, i32)> {
        if let Answer::Granted = Protection::Keys.ask() {
            return Ok(Protection::Keys);
        }
        match Protection::DualMapping.ask() {
            Answer::Granted => Ok(Protection::DualMapping),
            Answer::Lacking => Ok(Protection::None),
            Answer::Refused(code) => Err((Protection::DualMapping, code)),
        }
    }
}

/// The system's answer to the question whether it has a protection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Granted,
    /// It does not have it, and never will.
    #[cfg_attr(model, allow(dead_code))]
    Lacking,
    /// It refuses for the moment, with this code.
    #[cfg_attr(any(not(linux_mappings), model), allow(dead_code))]
    Refused(i32),
}

fmt!([] Display for Protection, |this, f| f.write_str(match this {
    Protection::None => "none",
    Protection::DualMapping => "dual mapping",
    Protection::Keys => "protection keys",
}));

crate::sync::thread_local! {
    /// The number of rights that the thread has open.
    // Not `const`: loom's thread-locals cannot be. Never dropped: lasts as long as the thread.
    #[allow(clippy::missing_const_for_thread_local)]
    static OPEN: Cell<u32> = Cell::new(0);
}

/// The calling thread's right to use the write address of protected memory, while this lives.
/// Rights nest, and stay on their thread.
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
            // Even if the thread has rights already: a signal handler starts without.
            if protection == Protection::Keys {
                back_end::open();
            }
        }
        Self { protection, stays_here: PhantomData }
    }

    /// Returns `true` if the calling thread may touch memory with this protection.
    pub(crate) fn are_open(protection: Protection) -> bool {
        // In a model a thread's locals may end before the thread gives its record back.
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

/// Changes the count, and returns the new one.
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
    use super::{Answer, Protection};

    #[cfg(linux_mappings)]
    pub(super) fn ask(protection: Protection) -> Answer {
        use super::super::{code, dual_mapping, pkeys};

        let granted = dual_mapping::probe().and_then(|()| match protection {
            Protection::Keys => pkeys::key().map(drop),
            _ => Ok(()),
        });
        match granted {
            Ok(()) => Answer::Granted,
            Err(code) if code::is_final(code) => Answer::Lacking,
            Err(code) => Answer::Refused(code),
        }
    }

    #[cfg(not(linux_mappings))]
    pub(super) fn ask(_: Protection) -> Answer {
        Answer::Lacking
    }

    pub(super) use super::super::pkeys::{close, open};
}

/// Stands in for the system in a model, where memory has one address: a model only tracks which
/// thread has rights.
#[cfg(model)]
mod back_end {
    pub(super) fn ask(_: super::Protection) -> super::Answer {
        super::Answer::Granted
    }
    pub(super) fn open() {}
    pub(super) fn close() {}
}

#[cfg(test)]
#[path = "../../tests/unit/protection.rs"]
mod tests;
