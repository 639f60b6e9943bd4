//! Entries that are published late: trusted pointers.
//!
//! An entry is allocated before its object is whole, so that the object can hold its own handle. It
//! is found once it is published.

use core::ptr::NonNull;

use super::entry::{ExternalEntry, address};
use super::error::EntryError;
use super::space::Space;
use super::table::CollectedTable;
use super::tag::Tag;
use super::word::{OWNED, UNPUBLISHED, bits, tag};
use crate::bits::handle::Handle;
use crate::bits::word::LIVE_BIT;

impl Space<ExternalEntry> {
    /// Makes an entry that reads find nothing in until it is [published](CollectedTable::publish).
    /// It is collected like any other. Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Alloc`].
    pub fn allocate_unpublished(&self) -> Result<Handle, EntryError> {
        self.0.spaces.allocate(self.state(), LIVE_BIT | bits(UNPUBLISHED, 0))
    }
}

impl CollectedTable<ExternalEntry> {
    /// Publishes an entry: gives it its tag and its pointer. A reader that finds the pointer sees
    /// what the calling thread wrote before. Keeps the mark. Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::AlreadyPublished`]. [`EntryError::Handle`], [`EntryError::ReadOnly`],
    /// [`EntryError::Pointer`]. [`EntryError::Owned`] for the tag of objects that entries own.
    pub fn publish<T>(
        &self,
        handle: Handle,
        tag: Tag<T>,
        object: NonNull<T>,
    ) -> Result<(), EntryError> {
        let (raw, number, address) = (handle.to_raw(), tag.number(), address(object)?);
        if number >= OWNED {
            return Err(EntryError::Owned { raw });
        }
        let new = |word| (self::tag(word) == UNPUBLISHED).then(|| bits(number, address));
        match self.spaces.change(raw, new) {
            Ok(_) => Ok(()),
            Err(EntryError::Tag { .. }) => Err(EntryError::AlreadyPublished { raw }),
            Err(error) => Err(error),
        }
    }

    /// Withdraws a published entry with this tag: reads find nothing until it is published again.
    /// Keeps the mark. Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Tag`], [`EntryError::Handle`], [`EntryError::ReadOnly`].
    /// [`EntryError::Owned`] for the tag of objects that entries own.
    pub fn unpublish<T>(&self, handle: Handle, tag: Tag<T>) -> Result<(), EntryError> {
        let raw = handle.to_raw();
        if tag.number() >= OWNED {
            return Err(EntryError::Owned { raw });
        }
        self.withdraw(raw, tag.number())
    }

    fn withdraw(&self, raw: u32, number: u16) -> Result<(), EntryError> {
        let new = |word| (tag(word) == number).then(|| bits(UNPUBLISHED, 0));
        self.spaces.change(raw, new).map(drop)
    }

    /// Begins to publish a group of entries: all stay published, or none.
    #[must_use]
    pub fn publish_scope(&self) -> PublishScope<'_> {
        PublishScope { table: self, published: Vec::new() }
    }
}

/// A group of entries that are published together. A drop without [`keep`](Self::keep) withdraws
/// them all.
///
/// ```
/// use slotarena::collected::{ExternalPointerTable, Tag};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let table = ExternalPointerTable::builder().capacity(100).build()?;
/// let space = table.space()?;
/// let number = Tag::<u32>::new(40)?;
/// let mut value = 7;
/// let handle = space.allocate_unpublished()?;
/// let mut scope = table.publish_scope();
/// scope.publish(handle, number, (&mut value).into())?;
/// assert!(table.get(handle.to_raw(), number).is_some());
/// drop(scope);
/// assert!(table.get(handle.to_raw(), number).is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PublishScope<'t> {
    table: &'t CollectedTable<ExternalEntry>,
    /// Handle and tag of each entry that was published in this scope.
    published: Vec<(Handle, u16)>,
}

impl PublishScope<'_> {
    /// Publishes an entry. See [`CollectedTable::publish`].
    ///
    /// # Errors
    ///
    /// Same as [`CollectedTable::publish`], and [`EntryError::OutOfMemory`].
    pub fn publish<T>(
        &mut self,
        handle: Handle,
        tag: Tag<T>,
        object: NonNull<T>,
    ) -> Result<(), EntryError> {
        self.published.try_reserve(1).map_err(|_| EntryError::OutOfMemory)?;
        self.table.publish(handle, tag, object)?;
        self.published.push((handle, tag.number()));
        Ok(())
    }

    /// Keeps all entries published.
    pub fn keep(mut self) {
        self.published.clear();
    }
}

impl Drop for PublishScope<'_> {
    fn drop(&mut self) {
        for &(handle, tag) in &self.published {
            // An entry that was emptied or freed in the meantime has nothing to withdraw.
            let _ = self.table.withdraw(handle.to_raw(), tag);
        }
    }
}
