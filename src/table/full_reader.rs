//! Reads from a table that has a slot for every handle.

use super::entry::Packed;
use super::ops;
use super::table::Table;
use crate::arena::{Memory, View};
use crate::bits::handle::Handle;

/// Reads entries of a [`Table`] that has a slot for every handle, without a check of the range.
///
/// [`Table::full_reader`] makes one. It is a copy of the table's address, so that a loop keeps that
/// in a register. What is left of a read is an address computation, a load, and a test of the live
/// bit, as in generated code.
///
/// ```
/// use slotarena::Table;
///
/// let table = Table::<u64>::builder().capacity_at_most(u32::MAX).build()?;
/// let handle = table.allocate(7)?;
/// if let Some(reader) = table.full_reader() {
///     assert_eq!(reader.get(handle), Some(7));
///     assert_eq!(reader.get_raw(u32::MAX), None);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FullReader<'t, E: Packed> {
    view: View<E::Word>,
    table: &'t Table<E>,
}

copy!([E: Packed] FullReader<'_, E>);

impl<E: Packed> Table<E> {
    /// Returns a reader that checks no range, if every 32-bit number names a slot that can be
    /// loaded: the table's capacity is `u32::MAX`, entries have one word, and the system is a Unix.
    /// Wait-free.
    #[must_use]
    pub fn full_reader(&self) -> Option<FullReader<'_, E>> {
        let is_full = Memory::<E::Word>::LOADS_RESERVED && self.capacity() == u32::MAX;
        is_full.then_some(FullReader { view: self.view, table: self })
    }
}

impl<'t, E: Packed> FullReader<'t, E> {
    /// Returns the entry that a handle names, if its slot is live. Wait-free: one load. See
    /// [`Table::get`].
    #[must_use]
    #[inline(always)]
    pub fn get(&self, handle: Handle) -> Option<E> {
        self.get_raw(handle.to_raw())
    }

    /// Returns the entry that any 32-bit number names, like [`get`](Self::get). `None` for 0.
    #[must_use]
    #[inline(always)]
    pub fn get_raw(&self, raw: u32) -> Option<E> {
        // SAFETY: the table lives. Its greatest index is the greatest number, and reserved slots
        // can be loaded (Invariant 6).
        ops::entry_in(unsafe { self.view.slot_unchecked(raw) }.load())
    }

    /// Returns the table.
    #[must_use]
    pub fn table(&self) -> &'t Table<E> {
        self.table
    }
}

fmt!([E: Packed] Debug for FullReader<'_, E>, |_, f| f.write_str("FullReader"));
