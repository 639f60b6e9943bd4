//! Tags, ranges of tags, and the types that tags are bound to.

#[cfg(not(model))]
use core::any::{TypeId, type_name};
use core::marker::PhantomData;

use super::error::TagError;
use super::word::{OWNED, RESERVED, TAG_SHIFT};
#[cfg(not(model))]
use crate::bits::handle::OperationError;
use crate::bits::word::LIVE_BIT;
#[cfg(not(model))]
use crate::sync::{Lock, make_room};

/// A tag that this process has bound to the type `T` of the objects.
///
/// Numbers below 8,192 are tags of entries whose objects belong to the program. Those from 8,192 to
/// 16,367 are tags of entries that own their objects.
pub struct Tag<T> {
    number: u16,
    marker: PhantomData<fn() -> T>,
}

copy!([T] Tag<T>);
eq!([T] Tag<T>, number);
fmt!([T] Debug for Tag<T>, |this, f| f.debug_tuple("Tag").field(&this.number).finish());

/// The binding of a number: the type, and its name.
#[cfg(not(model))]
type Binding = (u16, TypeId, &'static str);

/// All bindings of the process, by number. A model has none.
#[cfg(not(model))]
static BINDINGS: Lock<Vec<Binding>> = Lock::new(Vec::new());

impl<T: 'static> Tag<T> {
    /// The number of tags for objects that belong to the program: 0 to 8,191.
    pub const LIMIT: u16 = OWNED;

    /// Binds tag `number` to the type `T`, or finds it bound to it. For objects that belong to the
    /// program. Takes a lock of the process.
    ///
    /// # Errors
    ///
    /// [`TagError::Number`] from [`LIMIT`](Self::LIMIT) on. [`TagError::Bound`] if the number is
    /// bound to another type. [`TagError::Operation`] if there is no memory, or in a
    /// signal handler that interrupts this call.
    pub fn new(number: u16) -> Result<Self, TagError> {
        if number >= OWNED { Err(TagError::number(number, false)) } else { Self::bind(number) }
    }

    /// Binds tag 8,192 + `number` to the type `T`, or finds it bound to it. For objects that the
    /// entries own. Takes a lock of the process.
    ///
    /// # Errors
    ///
    /// [`TagError::Number`] from 8,176 on. Else same as [`new`](Self::new).
    pub fn owned(number: u16) -> Result<Self, TagError> {
        match number.checked_add(OWNED) {
            Some(tag) if tag < RESERVED => Self::bind(tag),
            tag => Err(TagError::number(tag.unwrap_or(u16::MAX), true)),
        }
    }

    #[cfg(not(model))]
    fn bind(number: u16) -> Result<Self, TagError> {
        // Memory is allocated and freed without the lock.
        let mut larger = Vec::new();
        loop {
            let mut bindings = BINDINGS.lock().map_err(OperationError::from)?;
            match bindings.binary_search_by_key(&number, |&(number, ..)| number) {
                Ok(at) if bindings[at].1 == TypeId::of::<T>() => break,
                Ok(at) => return Err(TagError::Bound { number, name: bindings[at].2 }),
                Err(at) => {
                    let Err(wanted) = make_room(&mut bindings, &mut larger) else {
                        bindings.insert(at, (number, TypeId::of::<T>(), type_name::<T>()));
                        break;
                    };
                    drop(bindings);
                    larger.try_reserve_exact(wanted).map_err(|_| OperationError::OutOfMemory)?;
                }
            }
        }
        Ok(Self { number, marker: PhantomData })
    }

    #[cfg(model)]
    fn bind(number: u16) -> Result<Self, TagError> {
        Ok(Self { number, marker: PhantomData })
    }
}

impl<T> Tag<T> {
    /// Returns the tag's number in an entry.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.number
    }

    /// Returns the range of this tag alone.
    #[must_use]
    pub const fn range(self) -> TagRange {
        TagRange { first: self.number, last: self.number }
    }

    /// Returns the range from this tag to another one: of a type and its subtypes, whose numbers
    /// follow it.
    ///
    /// `None` if `last` has the lower number.
    #[must_use]
    pub const fn to<U>(self, last: Tag<U>) -> Option<TagRange> {
        TagRange::new(self.number, last.number)
    }
}

/// Tags from a first to a last one: a type and its subtypes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TagRange {
    first: u16,
    last: u16,
}

impl TagRange {
    /// All tags that a program can use.
    pub const ALL: TagRange = TagRange { first: 0, last: RESERVED - 1 };

    /// Makes the range of the tags with these numbers, both included. `None` if `last` is less than
    /// `first`, or no tag.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Option<TagRange> {
        if first <= last && last < RESERVED { Some(TagRange { first, last }) } else { None }
    }

    /// Returns the first tag's number.
    #[must_use]
    pub const fn first(self) -> u16 {
        self.first
    }

    /// Returns the last tag's number.
    #[must_use]
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Returns `true` if the tag with this number is in the range.
    #[must_use]
    #[inline(always)]
    pub const fn contains(self, number: u16) -> bool {
        number.wrapping_sub(self.first) <= self.last - self.first
    }

    /// Returns `true` if the word is live and its tag is in the range: one comparison.
    #[inline(always)]
    pub(super) const fn admits(self, word: u64) -> bool {
        const LIVE: u64 = LIVE_BIT >> TAG_SHIFT;
        let distance = (word >> TAG_SHIFT).wrapping_sub(LIVE + self.first as u64);
        distance <= (self.last - self.first) as u64
    }
}

impl<T> From<Tag<T>> for TagRange {
    fn from(tag: Tag<T>) -> TagRange {
        tag.range()
    }
}
