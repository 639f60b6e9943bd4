//! The errors of collected tables.

use core::error::Error;

use super::word::{OWNED, POINTER_BITS, RESERVED};
use crate::bits::handle::{HandleError, OperationError};
use crate::error::AllocError;
use crate::sys::code::describe;

/// The reason why a tag or a range of tags was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TagError {
    /// The number is not one of the tags that a program may use so.
    Number {
        /// The number.
        number: u16,
        /// The first number that is allowed.
        first: u16,
        /// The last number that is allowed.
        last: u16,
    },
    /// The number is bound to another type in this process.
    Bound {
        /// The number.
        number: u16,
        /// The name of the type that it is bound to.
        name: &'static str,
    },
    /// The binding was not noted.
    Operation(OperationError),
}

impl TagError {
    pub(super) const fn number(number: u16, is_owned: bool) -> Self {
        let (first, last) = if is_owned { (OWNED, RESERVED - 1) } else { (0, OWNED - 1) };
        Self::Number { number, first, last }
    }
}

fmt!([] Display for TagError, |this, f| match *this {
    Self::Number { number, first, last } => {
        write!(f, "tag {number} is not in {first} to {last}")
    }
    Self::Bound { number, name } => write!(f, "tag {number} is bound to the type {name}"),
    Self::Operation(error) => write!(f, "the tag was not bound: {error}"),
});

operation_error!(TagError);

/// The reason why an entry was not made, changed, or freed. The table is unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EntryError {
    /// No slot was allocated.
    Alloc(AllocError),
    /// The handle names no entry: no live one, or one that is dead and not swept yet.
    Handle(HandleError),
    /// The entry has another tag, or was emptied, or was not published.
    Tag {
        /// The handle's number.
        raw: u32,
        /// The tag of the entry.
        found: u16,
    },
    /// The address has more than 48 bits.
    Pointer {
        /// The address.
        address: usize,
    },
    /// The count of parameters is greater than 16,367.
    Parameters {
        /// The count.
        count: u16,
    },
    /// The entry was published already.
    AlreadyPublished {
        /// The handle's number.
        raw: u32,
    },
    /// The entry owns its object, so it has no second name and no other pointer.
    Owned {
        /// The handle's number.
        raw: u32,
    },
    /// The entry lies in the read-only space.
    ReadOnly {
        /// The handle's number.
        raw: u32,
    },
    /// The system refused to change the rights to the read-only segments. If it refused to seal
    /// them, no later scope unseals them.
    Seal {
        /// The system's code: `errno`, or `GetLastError` on Windows.
        code: i32,
    },
    /// There was no memory for an object or a list.
    OutOfMemory,
}

fmt!([] Display for EntryError, |this, f| match *this {
    Self::Alloc(_) => write!(f, "the table allocated no slot"),
    Self::Handle(error) => write!(f, "handle {} was refused", error.raw()),
    Self::Tag { raw, found } => write!(f, "the entry of handle {raw} has tag {found}"),
    Self::Pointer { address } => {
        write!(f, "the address {address:#x} has more than {POINTER_BITS} bits")
    }
    Self::Parameters { count } => write!(f, "the count of parameters {count} exceeds 16,367"),
    Self::AlreadyPublished { raw } => write!(f, "the entry of handle {raw} is published"),
    Self::Owned { raw } => write!(f, "the entry of handle {raw} owns its object"),
    Self::ReadOnly { raw } => write!(f, "handle {raw} is read-only"),
    Self::Seal { code } => {
        write!(f, "the system refused to change the rights to read-only segments: ")?;
        describe(f, code)
    }
    Self::OutOfMemory => write!(f, "no memory for an object or a list"),
});

impl Error for EntryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Alloc(error) => Some(error),
            Self::Handle(error) => Some(error),
            _ => None,
        }
    }
}

impl From<AllocError> for EntryError {
    fn from(error: AllocError) -> Self {
        Self::Alloc(error)
    }
}

/// The reason why a space was not made, or a collection or compaction not begun. Nothing is
/// changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum CollectError {
    /// A collection or a compaction of the table is under way.
    UnderWay,
    /// The table has as many spaces as it can have.
    Spaces {
        /// The limit.
        limit: u32,
    },
    /// The space belongs to another table, or is given twice, or is closed.
    Space,
    /// There was no memory.
    OutOfMemory,
    /// The world could not be stopped.
    Operation(OperationError),
}

fmt!([] Display for CollectError, |this, f| match *this {
    Self::UnderWay => write!(f, "a collection of the table is under way"),
    Self::Spaces { limit } => write!(f, "the table has {limit} spaces, which is the limit"),
    Self::Space => write!(f, "a space is of another table, or is given twice"),
    Self::OutOfMemory => write!(f, "no memory for a space or a collection"),
    Self::Operation(error) => write!(f, "the world was not stopped: {error}"),
});

operation_error!(CollectError);
