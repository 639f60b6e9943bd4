//! What models and tests do to an arena.

use super::arena::Arena;
use crate::bits::word::Word;

impl<W: Word> Arena<W> {
    #[cfg(model)]
    pub(crate) fn refuse(&self, count: usize) {
        self.memory.refuse(count);
    }

    /// Makes a sweep purge pages of 2^`page_shift` slots.
    #[cfg(model)]
    pub(crate) fn with_page_shift(mut self, page_shift: Option<u32>) -> Self {
        self.page_shift = page_shift;
        self
    }

    /// Makes the next segments come from the top of the range.
    #[cfg(test)]
    #[cfg_attr(any(loom, slotarena_heap), allow(dead_code))]
    pub(crate) fn grow_from_the_top(&self) {
        self.committed.begin_at_the_top();
    }
}
