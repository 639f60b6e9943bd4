//! The errors of all parts. Each names the value at fault and the limit it met.

use core::error::Error;

use crate::bits::handle::{HandleError, OperationError};
use crate::sys::Protection;
use crate::sys::code::describe;
use crate::sys::limits::describe_limits;

/// The reason why no slot was allocated. The table is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AllocError {
    /// All slots of the table are in use. That was true at one moment during the call: with the
    /// world stopped, no participant's local store held a free slot either.
    CapacityExhausted {
        /// The number of slots of the table.
        capacity: u32,
    },
    /// The system refused memory for another segment, and no committed slot was free.
    OutOfMemory {
        /// The system's code: `errno`, or `GetLastError` on Windows.
        code: i32,
        /// The bytes asked for.
        bytes: usize,
    },
    /// The entry sets bit 63 of its (low) word, which the table reserves for itself.
    ReservedBit {
        /// The word that the entry became.
        word: u128,
    },
    /// No operation could begin.
    Operation(OperationError),
}

fmt!([] Display for AllocError, |this, f| match *this {
    Self::CapacityExhausted { capacity } => {
        write!(f, "all {capacity} slots of the table are in use")
    }
    Self::OutOfMemory { code, bytes } => {
        write!(f, "the system refused {bytes} bytes for a segment: ")?;
        describe(f, code)?;
        describe_limits(f, code)
    }
    Self::ReservedBit { word } => {
        write!(f, "the entry {word:#x} sets bit 63 of its low word, which the table reserves")
    }
    Self::Operation(error) => write!(f, "nothing was allocated: {error}"),
});

operation_error!(AllocError);

/// The reason why `set` did not store. The slot is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SetError {
    /// The handle was refused: it names no slot in use, or no operation could begin.
    InvalidHandle(HandleError),
    /// The entry sets bit 63 of its (low) word, which the table reserves for itself.
    ReservedBit {
        /// The word that the entry became.
        word: u128,
    },
}

fmt!([] Display for SetError, |this, f| match *this {
    Self::InvalidHandle(error) => {
        write!(f, "handle {} was refused, and no entry was stored", error.raw())
    }
    Self::ReservedBit { word } => AllocError::ReservedBit { word }.fmt(f),
});

impl Error for SetError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SetError::InvalidHandle(error) => Some(error),
            SetError::ReservedBit { .. } => None,
        }
    }
}

impl From<HandleError> for SetError {
    fn from(error: HandleError) -> Self {
        SetError::InvalidHandle(error)
    }
}

/// The error of `free_many`: some handles named no slot in use. All others were freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FreeManyError {
    /// The first handle that was refused.
    pub first: HandleError,
    /// The number of refused handles.
    pub refused: usize,
    /// The number of freed handles.
    pub freed: usize,
}

fmt!([] Display for FreeManyError, |Self { first, refused, freed }, f| {
    write!(f, "{refused} of {} handles refused, the first is {}", refused + freed, first.raw())
});

impl Error for FreeManyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.first)
    }
}

/// The reason why a table or a slab could not be built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BuildError {
    /// A capacity of 0 was asked for.
    ZeroCapacity,
    /// The number of stripes is not a power of two, or too large.
    Stripes {
        /// The value asked for.
        asked: usize,
        /// The limit.
        limit: usize,
    },
    /// The magazine size is 0 or too large.
    MagazineSize {
        /// The value asked for.
        asked: usize,
        /// The limit.
        limit: usize,
    },
    /// The overflow is too large.
    Overflow {
        /// The value asked for.
        asked: usize,
        /// The limit.
        limit: usize,
    },
    /// A code pointer table was asked for whose handles have no bits, or more than 32. Or slots
    /// were asked for that are not one less than a power of two.
    IndexBits {
        /// The bits asked for.
        asked: u32,
        /// The slots asked for.
        slots: u32,
    },
    /// There was no memory for the read-only segments, or there are not that many slots.
    ReadOnly {
        /// The segments asked for.
        asked: u32,
        /// The reason.
        error: AllocError,
    },
    /// This system lacks the protection asked for.
    Protection {
        /// The value asked for.
        asked: Protection,
    },
    /// The system has the protection asked for, or may have it, and refuses it at the moment. Also
    /// for the strongest protection, where none was asked for.
    ProtectionRefused {
        /// The protection.
        asked: Protection,
        /// The system's code: `errno`.
        code: i32,
    },
    /// The system refused to reserve addresses: the amount asked for or, where `capacity_at_most`
    /// allows less, even the least.
    Reserve {
        /// The bytes asked for first.
        asked: usize,
        /// The bytes asked for last.
        refused: usize,
        /// The system's code: `errno`, or `GetLastError` on Windows.
        code: i32,
    },
    /// There was no memory for what the table keeps of its slots.
    OutOfMemory,
    /// The calling thread is making the process-wide table already: a signal handler or an
    /// allocator's hook asks for it.
    Reentered,
}

fmt!([] Display for BuildError, |this, f| match *this {
    Self::ZeroCapacity => write!(f, "a table needs at least 1 slot, 0 asked for"),
    Self::Stripes { asked, limit } => {
        write!(f, "{asked} stripes asked for: a power of two up to {limit} is needed")
    }
    Self::MagazineSize { asked, limit } => {
        write!(f, "a magazine size of {asked} asked for: 1 to {limit} is possible")
    }
    Self::Overflow { asked, limit } => {
        write!(f, "an overflow of {asked} slots asked for: up to {limit} is possible")
    }
    Self::IndexBits { asked, slots } if slots & slots.wrapping_add(1) == 0 => {
        write!(f, "handles of {asked} bits asked for: 1 to 32 are possible")
    }
    Self::IndexBits { slots, .. } => {
        write!(f, "{slots} slots asked for: 2^n - 1 are possible, n from 1 to 32")
    }
    Self::ReadOnly { asked, .. } => {
        write!(f, "{asked} read-only segments asked for, which cannot be had")
    }
    Self::Protection { asked } => {
        let strongest = Protection::strongest();
        write!(f, "protection {asked} asked for, the strongest here is {strongest}")
    }
    Self::ProtectionRefused { asked, code } => {
        write!(f, "the system refuses protection {asked} at the moment: ")?;
        describe(f, code)?;
        describe_limits(f, code)
    }
    Self::Reserve { asked, refused, code } => {
        write!(f, "asked for {asked} bytes of addresses; {refused} were refused: ")?;
        describe(f, code)?;
        describe_limits(f, code)
    }
    Self::OutOfMemory => write!(f, "no memory for what the table keeps of its slots"),
    Self::Reentered => write!(f, "the thread is making the process-wide table already"),
});

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            BuildError::ReadOnly { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// The error of a table that was closed while slots were in use. The table is gone all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LeakError {
    /// Slots that held an entry.
    pub live: u64,
    /// Slots that were handed out and never got an entry.
    pub uninitialized: u64,
}

fmt!([] Display for LeakError, |Self { live, uninitialized }, f| {
    write!(f, "table closed with {live} live and {uninitialized} uninitialized slots")
});
impl Error for LeakError {}
