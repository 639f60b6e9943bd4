//! What can go wrong. Every error names the value at fault and the limit it met.

use core::fmt;

use crate::handle::InvalidHandle;
use crate::protection::Protection;

/// The system's code for *no memory*, where a refusal comes without one.
pub(crate) const NO_MEMORY: i32 = if cfg!(windows) { 8 } else { 12 };

/// Why a slot could not be had, or an entry not be put into one. The table is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AllocError {
    /// All slots of the table are handed out. Said only when it was true at one moment during
    /// the call: with the world stopped, no thread's private store held a free slot.
    CapacityExhausted {
        /// How many slots the table has.
        capacity: u32,
    },
    /// The system refused memory for another segment, and no committed slot was free.
    OutOfMemory {
        /// The system's code: `errno`, or `GetLastError` on Windows.
        code: i32,
        /// How many bytes were asked for.
        bytes: usize,
    },
    /// The entry needs bit 63 of its (low) word, which is the table's own.
    EntryTooWide {
        /// The word that the entry became.
        word: u128,
    },
}

impl fmt::Display for AllocError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            AllocError::CapacityExhausted { capacity } => {
                write!(f, "all {capacity} slots of the table are in use")
            }
            AllocError::OutOfMemory { code, bytes } => {
                write!(f, "the system refused {bytes} bytes for a segment: ")?;
                system(f, code)
            }
            AllocError::EntryTooWide { word } => {
                write!(f, "the entry {word:#x} needs bit 63 of its first word, the table's own")
            }
        }
    }
}

impl core::error::Error for AllocError {}

/// Why `set` did not store. The slot is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetError {
    /// The handle does not name a slot that is in use.
    InvalidHandle(InvalidHandle),
    /// The entry needs bit 63 of its (low) word, which is the table's own.
    EntryTooWide {
        /// The word that the entry became.
        word: u128,
    },
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SetError::InvalidHandle(error) => error.fmt(f),
            SetError::EntryTooWide { word } => AllocError::EntryTooWide { word }.fmt(f),
        }
    }
}

impl core::error::Error for SetError {}

impl From<InvalidHandle> for SetError {
    fn from(error: InvalidHandle) -> Self {
        SetError::InvalidHandle(error)
    }
}

/// Some of the handles given to `free_many` did not name a slot in use; all others were freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FreeManyError {
    /// The first handle that was refused.
    pub first: InvalidHandle,
    /// How many were refused.
    pub refused: usize,
    /// How many were freed.
    pub freed: usize,
}

impl fmt::Display for FreeManyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, refused, freed } = self;
        write!(f, "{refused} of {} handles refused, the first: {first}", refused + freed)
    }
}

impl core::error::Error for FreeManyError {}

/// Why a table could not be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A table of no slots was asked for.
    ZeroCapacity,
    /// The number of stripes is not a power of two, or too large.
    Stripes {
        /// What was asked for.
        asked: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The magazine size is 0 or too large.
    MagazineSize {
        /// What was asked for.
        asked: usize,
        /// The most there can be.
        limit: usize,
    },
    /// The stash is too large.
    Stash {
        /// What was asked for.
        asked: usize,
        /// The most there can be.
        limit: usize,
    },
    /// A table of code pointers was asked for whose handles have no bits, or more than 32.
    IndexBits {
        /// What was asked for.
        asked: u32,
    },
    /// There was no memory for the read-only segments, or not so many slots.
    ReadOnly {
        /// How many segments were asked for.
        asked: u32,
        /// Why they could not be had.
        error: AllocError,
    },
    /// A protection was asked for that this system does not have.
    Protection {
        /// What was asked for.
        asked: Protection,
    },
    /// The system refused to reserve addresses: the amount asked for, or, where stepping down
    /// was allowed, even the least.
    Reserve {
        /// Bytes that were asked for first.
        asked: usize,
        /// Bytes that were asked for, and refused, last.
        refused: usize,
        /// The system's code: `errno`, or `GetLastError` on Windows.
        code: i32,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            BuildError::ZeroCapacity => write!(f, "a table needs at least 1 slot, 0 asked for"),
            BuildError::Stripes { asked, limit } => {
                write!(f, "{asked} stripes asked for: a power of two up to {limit} is needed")
            }
            BuildError::MagazineSize { asked, limit } => {
                write!(f, "a magazine size of {asked} asked for: 1 to {limit} is possible")
            }
            BuildError::Stash { asked, limit } => {
                write!(f, "a stash of {asked} slots asked for: up to {limit} is possible")
            }
            BuildError::IndexBits { asked } => {
                write!(f, "handles of {asked} bits asked for: 1 to 32 are possible")
            }
            BuildError::ReadOnly { asked, error } => {
                write!(f, "{asked} read-only segments asked for: {error}")
            }
            BuildError::Protection { asked } => {
                write!(
                    f,
                    "{asked:?} asked for, the strongest here is {:?}",
                    Protection::strongest()
                )
            }
            BuildError::Reserve { asked, refused, code } => {
                write!(f, "asked for {asked} bytes of addresses; {refused} were refused: ")?;
                system(f, code)
            }
        }
    }
}

impl core::error::Error for BuildError {}

fn system(f: &mut fmt::Formatter<'_>, code: i32) -> fmt::Result {
    write!(f, "{}", std::io::Error::from_raw_os_error(code))
}

/// A table was closed while slots were still handed out. It is gone all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Leak {
    /// Slots that held an entry.
    pub live: u64,
    /// Slots that were handed out but never got an entry.
    pub uninitialized: u64,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { live, uninitialized } = self;
        write!(f, "table closed with {live} live and {uninitialized} uninitialized slots")
    }
}

impl core::error::Error for Leak {}
