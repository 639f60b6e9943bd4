//! What can go wrong with an entry of a code pointer table.

use core::fmt;

use crate::code_word::{EntryPoint, Signature};
use crate::error::AllocError;
use crate::handle::InvalidHandle;

/// Why an entry was not stored, changed or freed. The table is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CodePointerError {
    /// There was no slot.
    Alloc(AllocError),
    /// The handle names no slot in use.
    InvalidHandle(InvalidHandle),
    /// The address has more than [`EntryPoint::ADDRESS_BITS`] bits, or is no multiple of
    /// [`EntryPoint::ALIGNMENT`] although it is to have a signature.
    EntryPoint {
        /// The address.
        address: usize,
    },
    /// The entry has another signature, which no `set` changes.
    SignatureChanged {
        /// The signature of the entry; `None` for a native function's.
        stored: Option<Signature>,
        /// The one that was given.
        given: Signature,
    },
    /// The slot has an entry already.
    AlreadyPublished {
        /// The handle's number.
        raw: u32,
    },
    /// The slot was handed out, and has no entry.
    NotPublished {
        /// The handle's number.
        raw: u32,
    },
    /// The entry is a native function's, which lives as long as the table.
    Native {
        /// The handle's number.
        raw: u32,
    },
    /// The slot lies in a read-only segment.
    ReadOnly {
        /// The handle's number.
        raw: u32,
        /// The first number that does not.
        end: u32,
    },
    /// All slots of the read-only segments have entries.
    ReadOnlyFull {
        /// How many there are.
        slots: u32,
    },
    /// The system refused to change the rights to the read-only segments.
    Seal {
        /// Its code: `errno`, or `GetLastError` on Windows.
        code: i32,
    },
}

impl fmt::Display for CodePointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Alloc(error) => error.fmt(f),
            Self::InvalidHandle(error) => error.fmt(f),
            Self::EntryPoint { address } => write!(
                f,
                "the entry point {address:#x} has more than {} bits, or is no multiple of {}",
                EntryPoint::ADDRESS_BITS,
                EntryPoint::ALIGNMENT
            ),
            Self::SignatureChanged { stored: Some(stored), given } => write!(
                f,
                "the entry has signature {}, and {} was given",
                stored.number(),
                given.number()
            ),
            Self::SignatureChanged { stored: None, given } => {
                write!(f, "the entry is a native function's, signature {} given", given.number())
            }
            Self::AlreadyPublished { raw } => write!(f, "handle {raw} has an entry already"),
            Self::NotPublished { raw } => write!(f, "handle {raw} has no entry yet"),
            Self::Native { raw } => write!(f, "handle {raw} is a native function's"),
            Self::ReadOnly { raw, end } => {
                write!(f, "handle {raw} is read-only, as all below {end} are")
            }
            Self::ReadOnlyFull { slots } => write!(f, "all {slots} read-only slots have entries"),
            Self::Seal { code } => {
                write!(f, "read-only segments: {}", std::io::Error::from_raw_os_error(code))
            }
        }
    }
}

impl std::error::Error for CodePointerError {}

impl From<AllocError> for CodePointerError {
    fn from(error: AllocError) -> Self {
        Self::Alloc(error)
    }
}

impl From<InvalidHandle> for CodePointerError {
    fn from(error: InvalidHandle) -> Self {
        Self::InvalidHandle(error)
    }
}
