//! The facade that both tables share.

use super::compaction::Compaction;
use super::entry::ExternalEntry;
use super::error::CollectError;
use super::marking::Marking;
use super::space::Space;
use super::spaces::Spaces;
use super::word::{Collected, TAG_SHIFT};
use crate::allocator::Builder;
use crate::arena::View;
use crate::code::EntryLayout;
use crate::error::BuildError;
use crate::sync::unmodelled::{Arc, try_arc};
use crate::sys::Protection;

/// A table whose entries a garbage collector frees:
/// [`ExternalPointerTable`](super::ExternalPointerTable) or
/// [`DispatchTable`](super::DispatchTable).
///
/// Any number of clones name one table. It lives until they and all its spaces are dropped.
///
/// # Progress
///
/// Reads are wait-free, also while a collection runs. Changes and allocations are lock-free while
/// no stop is under way. A collection stops each of its spaces three times. Two of these stops
/// only change a word. One empties the space's free lists and local stores. In a minor collection
/// that one also visits each segment of the young space, and the old space is stopped once.
///
/// # Panics
///
/// As for [`Table`](crate::Table#panics): a call that stops the world, where the system refuses the
/// barrier that it has granted.
// Aligned, so that no line of it is shared with data that another thread writes to.
#[repr(align(128))]
pub struct CollectedTable<E: Collected = ExternalEntry> {
    /// A copy, so that a read finds it in this cache line.
    pub(super) view: View<E::Word>,
    pub(super) spaces: Arc<Spaces<E>>,
}

impl<E: Collected> CollectedTable<E> {
    /// Returns a builder of tables. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// Makes a table of the [default size](Builder::capacity_at_most), or smaller where the system
    /// grants fewer addresses.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Makes a space. Takes a lock, and memory in proportion to the table's capacity: three bits
    /// for each 8,192 slots.
    ///
    /// # Errors
    ///
    /// [`CollectError::Spaces`] if there are 255 already. [`CollectError::OutOfMemory`].
    pub fn space(&self) -> Result<Space<E>, CollectError> {
        Space::open(&self.spaces)
    }

    /// Begins a collection of these spaces: new entries in them are marked from now on. Stops each
    /// for a moment, whatever its size.
    ///
    /// # Errors
    ///
    /// [`CollectError::UnderWay`] if another collection or a compaction of the table is under way.
    /// [`CollectError::Space`] if a space belongs to another table, or is given twice.
    /// [`CollectError::OutOfMemory`]. [`CollectError::Operation`] if the calling thread is inside a
    /// call on one of the spaces. Nothing is changed then.
    pub fn begin(&self, spaces: &[&Space<E>]) -> Result<Marking<E>, CollectError> {
        Marking::begin(&self.spaces, spaces)
    }

    /// Begins a compaction of a space. `None` if it does not [pay](Space::compaction_plan).
    ///
    /// # Errors
    ///
    /// Same as [`begin`](Self::begin).
    pub fn compact(&self, space: &Space<E>) -> Result<Option<Compaction<E>>, CollectError> {
        Compaction::begin(&self.spaces, space)
    }

    /// Returns the number of slots, which is also the greatest handle. Wait-free.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.view.last()
    }

    /// Returns the protection of this table.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.spaces.root.protection()
    }

    /// The bit at which the tag, or the count of parameters, begins in the word of an entry.
    pub const TAG_SHIFT: u32 = TAG_SHIFT;

    /// Returns the layout for generated code, of tables of one-word entries. Every handle up to
    /// [`capacity`](Self::capacity) can be loaded. A table of 2^n - 1 slots can use the mask.
    ///
    /// The word of an entry that is live has bit 63 set, and above [`TAG_SHIFT`](Self::TAG_SHIFT)
    /// its tag. See [the sandbox](crate::docs::sandbox).
    #[must_use]
    pub fn entry_layout(&self) -> EntryLayout {
        let base = self.view.base().as_ptr().expose_provenance();
        EntryLayout { base, mask: self.capacity() }
    }

    /// A cell that holds a handle, of the kind that a model's [`Compaction`] changes.
    #[cfg(model)]
    #[doc(hidden)]
    #[must_use]
    pub fn cell(raw: u32) -> crate::sync::AtomicU32 {
        crate::sync::AtomicU32::new(raw)
    }

    #[cfg(model)]
    #[doc(hidden)]
    pub fn refuse_segments(&self, count: usize) {
        self.spaces.root.refuse(count);
    }
}

impl<E: Collected> Clone for CollectedTable<E> {
    fn clone(&self) -> Self {
        Self { view: self.view, spaces: self.spaces.clone() }
    }
}

fmt!(
    /// Writes the capacity. Does not stop the world.
    [E: Collected] Debug for CollectedTable<E>, |this, f| {
        f.debug_struct("CollectedTable").field("capacity", &this.capacity()).finish_non_exhaustive()
    }
);

impl<E: Collected> Builder<CollectedTable<E>> {
    /// Asks for this protection. Default: none. A thread that writes to the table has the right to,
    /// by itself, for as long as the call takes.
    pub const fn protection(mut self, protection: Protection) -> Self {
        self.config.protection = Some(protection);
        self
    }

    /// Makes the lowest segments read-only. Their entries live as long as the table, and their
    /// handles depend on nothing but their order. Default: none.
    pub const fn read_only_segments(mut self, segments: u32) -> Self {
        self.config.read_only_segments = segments;
        self
    }

    /// Builds the table: reserves the addresses, and commits nothing but read-only segments yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<CollectedTable<E>, BuildError> {
        let protection = self.config.protection.unwrap_or(Protection::None);
        let mut spaces = Spaces::new(self.config, protection)?;
        let asked = self.config.read_only_segments;
        if asked > 0 {
            spaces.set_aside(asked).map_err(|error| BuildError::ReadOnly { asked, error })?;
        }
        let view = spaces.view;
        let spaces = try_arc(spaces).ok_or(BuildError::OutOfMemory)?;
        Ok(CollectedTable { view, spaces })
    }
}
