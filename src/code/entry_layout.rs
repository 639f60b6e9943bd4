//! The layout of a table, for generated code.

/// The layout of a table for generated code: see [the sandbox](crate::docs::sandbox).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryLayout {
    /// The address at which the entry of handle 0 is read.
    pub base: usize,
    /// The mask for handles. All ones for a table of full size, which needs no mask.
    pub mask: u32,
}

impl EntryLayout {
    /// The binary logarithm of the bytes of an entry.
    pub const ENTRY_SHIFT: u32 = 3;

    /// Returns the distance of the entry of any number from [`base`](Self::base).
    #[must_use]
    #[inline]
    pub const fn offset(self, raw: u32) -> usize {
        ((raw & self.mask) as usize) << Self::ENTRY_SHIFT
    }
}
