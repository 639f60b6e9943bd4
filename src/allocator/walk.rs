//! A walk over all slots, for what lives in them.

use super::allocator::Allocator;
use crate::bits::word::Word;

impl<W: Word> Allocator<W> {
    /// Moves a cursor to the next slot of a committed segment, and returns that slot's index. The
    /// cursor begins at 1, and is 0 at the end.
    pub(crate) fn next_slot(&self, cursor: &mut u32) -> Option<u32> {
        let geometry = self.space.arena.geometry();
        let from = core::mem::take(cursor);
        if from == 0 || from > geometry.capacity() {
            return None;
        }
        let segment = geometry.segment_of(from);
        let next = self.space.arena.committed.next(segment)?;
        let index = if next == segment { from } else { geometry.first(next) };
        *cursor = index.wrapping_add(1);
        Some(index)
    }
}
