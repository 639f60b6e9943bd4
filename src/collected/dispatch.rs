//! The table of functions.

use super::entry::{Dispatch, DispatchEntry};
use super::error::EntryError;
use super::space::Space;
use super::table::CollectedTable;
use super::word::{RESERVED, pointer, tag};
use crate::bits::handle::Handle;
use crate::bits::word::{self, LIVE_BIT, Word};

/// A table of functions: code, the object that the code belongs to, and the number of its
/// parameters, changed as one.
///
/// A caller names a function by handle. The number of parameters is in the table and not beside the
/// handle, so that a forged handle cannot make a call with too few. Entries are marked, swept, and
/// compacted as those of an [`ExternalPointerTable`](super::ExternalPointerTable) are.
///
/// ```
/// use slotarena::collected::{DispatchEntry, DispatchTable};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let table = DispatchTable::builder().capacity(100).build()?;
/// let space = table.space()?;
/// let lazy = DispatchEntry { code: 0x1000, object: 0x5000, parameters: 2 };
/// let handle = space.allocate(lazy)?;
/// let marking = table.begin(&[&space])?;
/// marking.mark(handle.to_raw());
/// // Tier up: other code for the same parameters. The mark stays.
/// table.set(handle.to_raw(), DispatchEntry { code: 0x2000, ..lazy })?;
/// marking.sweep()?.finish()?;
/// assert_eq!(table.get(handle.to_raw()).map(|entry| entry.code), Some(0x2000));
/// # Ok(())
/// # }
/// ```
pub type DispatchTable = CollectedTable<Dispatch>;

impl Space<Dispatch> {
    /// Makes an entry. Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Alloc`], [`EntryError::Pointer`], [`EntryError::Parameters`].
    pub fn allocate(&self, entry: DispatchEntry) -> Result<Handle, EntryError> {
        let Dispatch(word) = entry.word()?;
        self.0.spaces.allocate(self.state(), word | u128::from(LIVE_BIT))
    }
}

impl CollectedTable<Dispatch> {
    /// Returns the entry that any number names: code, object, and count of one moment. Total,
    /// wait-free where the processor loads two words at once.
    #[must_use]
    pub fn get(&self, raw: u32) -> Option<DispatchEntry> {
        let word = self.spaces.load(raw);
        (word::is_live(word) && tag(word) < RESERVED).then(|| DispatchEntry {
            code: (word.widen() >> 64) as usize,
            object: pointer(word) as usize,
            parameters: tag(word),
        })
    }

    /// Replaces the code and the object of an entry with as many parameters, and returns the old
    /// entry. Readers find the old one or the new one. Keeps the mark. Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Tag`] if the entry has another count of parameters. [`EntryError::Handle`],
    /// [`EntryError::ReadOnly`], [`EntryError::Pointer`], [`EntryError::Parameters`].
    pub fn set(&self, raw: u32, entry: DispatchEntry) -> Result<DispatchEntry, EntryError> {
        let Dispatch(word) = entry.word()?;
        let new = |old| (tag(old) == entry.parameters).then_some(word);
        let (old, _) = self.spaces.change(raw, new)?;
        let (code, object) = ((old.widen() >> 64) as usize, pointer(old) as usize);
        Ok(DispatchEntry { code, object, parameters: tag(old) })
    }

    /// Frees an entry now, and not when it dies. The handle may name another entry afterwards.
    ///
    /// # Errors
    ///
    /// [`EntryError::Handle`], [`EntryError::ReadOnly`].
    pub fn free(&self, raw: u32) -> Result<(), EntryError> {
        self.spaces.free(raw, |word| tag(word) < RESERVED).map(drop)
    }
}
