//! The errors of a code pointer table.

use core::error::Error;

use super::word::{EntryPoint, Signature};
use crate::bits::handle::{HandleError, OperationError};
use crate::error::AllocError;
use crate::sys::code::describe;

/// The reason why an entry was not stored, changed, or freed. The table is unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CodePointerError {
    /// No slot was allocated.
    Alloc(AllocError),
    /// The handle names no slot in use.
    InvalidHandle(HandleError),
    /// The address has more than [`EntryPoint::ADDRESS_BITS`] bits, or is no multiple of
    /// [`EntryPoint::ALIGNMENT`] although it is to have a signature.
    EntryPoint {
        /// The address.
        address: usize,
    },
    /// The entry has another signature, and `set` does not change signatures.
    SignatureChanged {
        /// The signature of the entry. `None` for a native function's.
        stored: Option<Signature>,
        /// The signature that was given.
        given: Signature,
    },
    /// The slot has an entry already.
    AlreadyPublished {
        /// The handle's number.
        raw: u32,
    },
    /// The slot was handed out and has no entry.
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
        /// The first number that is not read-only.
        end: u32,
    },
    /// All slots of the read-only segments have entries.
    ReadOnlyFull {
        /// The number of slots.
        slots: u32,
    },
    /// The calling thread has unsealed the read-only segments already, by a
    /// [`ReadOnlyScope`](super::ReadOnlyScope) that it has not ended.
    AlreadyUnsealed,
    /// The calling process is a child (`fork`) of the one that made the table. A protected table is
    /// not inherited: the child finds nothing in it, and cannot write to it.
    Forked,
    /// The system refused to change the rights to the read-only segments. If it refused to seal
    /// them, no later scope unseals them.
    Seal {
        /// The system's code: `errno`, or `GetLastError` on Windows.
        code: i32,
    },
    /// No operation could begin.
    Operation(OperationError),
}

fmt!([] Display for CodePointerError, |this, f| match *this {
    Self::Alloc(_) => write!(f, "the table allocated no slot"),
    Self::InvalidHandle(error) => {
        write!(f, "handle {} was refused, and nothing was changed", error.raw())
    }
    Self::EntryPoint { address } => {
        let (bits, unit) = (EntryPoint::ADDRESS_BITS, EntryPoint::ALIGNMENT);
        write!(f, "the entry point {address:#x} has more than {bits} bits, ")?;
        write!(f, "or is no multiple of {unit}")
    }
    Self::SignatureChanged { stored: Some(stored), given } => {
        let (stored, given) = (stored.number(), given.number());
        write!(f, "the entry has signature {stored}, and {given} was given")
    }
    Self::SignatureChanged { stored: None, given } => {
        write!(f, "the entry is a native function's, signature {} given", given.number())
    }
    Self::AlreadyPublished { raw } => write!(f, "handle {raw} has an entry already"),
    Self::NotPublished { raw } => write!(f, "handle {raw} has no entry yet"),
    Self::Native { raw } => write!(f, "handle {raw} is a native function's"),
    Self::ReadOnly { raw, end } => write!(f, "handle {raw} is read-only, as all below {end} are"),
    Self::ReadOnlyFull { slots } => write!(f, "all {slots} read-only slots have entries"),
    Self::AlreadyUnsealed => {
        write!(f, "the calling thread has unsealed the read-only segments already")
    }
    Self::Forked => write!(f, "the table is protected, and belongs to the parent process"),
    Self::Seal { code } => {
        write!(f, "the system refused to change the rights to read-only segments: ")?;
        describe(f, code)
    }
    Self::Operation(error) => write!(f, "nothing was changed: {error}"),
});

impl Error for CodePointerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Alloc(error) => Some(error),
            Self::InvalidHandle(error) => Some(error),
            Self::Operation(error) => Some(error),
            _ => None,
        }
    }
}

impl From<OperationError> for CodePointerError {
    fn from(error: OperationError) -> Self {
        match error {
            OperationError::Forked => Self::Forked,
            _ => Self::Operation(error),
        }
    }
}

impl From<AllocError> for CodePointerError {
    fn from(error: AllocError) -> Self {
        match error {
            AllocError::Operation(OperationError::Forked) => Self::Forked,
            _ => Self::Alloc(error),
        }
    }
}

impl From<HandleError> for CodePointerError {
    fn from(error: HandleError) -> Self {
        Self::InvalidHandle(error)
    }
}
