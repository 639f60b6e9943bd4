//! A collection, first part: collectors mark what is reachable.

use core::mem;
use core::time::Duration;

use super::entry::ExternalEntry;
use super::error::CollectError;
use super::space::Space;
use super::spaces::{SPACES_MAX, Spaces, Turn};
use super::state::{check, flip, resume, stop};
use super::sweeping::{Part, Sweeping};
use super::word::{COLOUR, Collected, colour, is_evacuated, painted};
use crate::arena::{Slot, Window};
use crate::bits::word;
use crate::sweep::begin_first;
use crate::sync::try_slice;
use crate::sync::unmodelled::Arc;
use crate::table::Packed;

/// A collection that marks. Any number of collector threads may share it, while other threads use
/// the table.
///
/// New entries in its spaces are marked from the start. [`sweep`](Self::sweep) ends the marking. It
/// takes this by value, so no mark can come late. This keeps its spaces and its table. A drop
/// without a sweep frees nothing. It marks all entries that there are, so it takes time in
/// proportion to the spaces.
#[derive(Debug)]
pub struct Marking<E: Collected = ExternalEntry> {
    /// Before what it looks at.
    window: Window<E::Word>,
    spaces: Arc<Spaces<E>>,
    parts: Vec<Part<E>>,
    /// By the number of a space: black, in a segment that is not flipped. `None` for a space that
    /// is not collected.
    black: Box<[Option<u64>]>,
    pause: Duration,
    turn: Option<Turn<E>>,
}

/// A slot, its word, and black there.
type Seen<'a, E> = (&'a Slot<<E as Packed>::Word>, <E as Packed>::Word, u64);

impl<E: Collected> Marking<E> {
    pub(super) fn begin(spaces: &Arc<Spaces<E>>, of: &[&Space<E>]) -> Result<Self, CollectError> {
        let black = try_slice(SPACES_MAX as usize + 1, |_| None);
        let mut marking = Self {
            // SAFETY: `spaces` keeps both.
            window: unsafe { spaces.root.window(&spaces.common) },
            spaces: spaces.clone(),
            parts: Vec::new(),
            black: black.ok_or(CollectError::OutOfMemory)?,
            pause: Duration::ZERO,
            turn: None,
        };
        let mut parts = Vec::new();
        parts.try_reserve_exact(of.len()).map_err(|_| CollectError::OutOfMemory)?;
        marking.parts.try_reserve_exact(of.len()).map_err(|_| CollectError::OutOfMemory)?;
        // Before a phase is looked at, which the last collection has changed.
        marking.turn = Some(Spaces::begin_turn(spaces)?);
        for space in of {
            let black = &mut marking.black[space.state().lessee.number() as usize];
            if !core::ptr::eq(&raw const *space.0.spaces, &raw const **spaces) || black.is_some() {
                return Err(CollectError::Space);
            }
            *black = Some(space.state().phase().white() ^ COLOUR);
            parts.push(Part::new(space)?);
        }
        for part in &parts {
            check(part.state())?;
        }
        for part in parts {
            let state = part.state();
            let stopped = stop(state)?;
            state.set_phase(state.phase().marking());
            marking.pause = marking.pause.max(resume(stopped));
            marking.parts.push(part);
        }
        Ok(marking)
    }

    /// Marks the entry that any number names. Returns `true` if this call was the first to mark it.
    ///
    /// `false` for an entry that is marked, for one that was made since the marking began, for one
    /// of a space that is not collected or that is read-only, and for a number that names no entry.
    /// Lock-free. One load, and one compare-and-swap if the entry is not marked. The program may
    /// change, empty, or free the entry meanwhile: its mark is never lost.
    #[inline]
    pub fn mark(&self, raw: u32) -> bool {
        let _rights = self.spaces.root.rights();
        match self.find(raw) {
            Some((slot, word, black)) => Self::blacken(slot, word, black),
            None => false,
        }
    }

    /// Marks the entries that these numbers name. Returns how many this call was the first to mark.
    ///
    /// The same as [`mark`](Self::mark) for each, and faster where the entries are not in a cache:
    /// on x86-64, 16 of them are fetched at once. See [`mark_each`](Self::mark_each).
    pub fn mark_all(&self, numbers: &[u32]) -> usize {
        let mut first = 0;
        self.mark_each(numbers, |_| first += 1);
        first
    }

    /// Marks the entries that these numbers name, and shows each number that this call was the
    /// first to mark.
    pub fn mark_each(&self, numbers: &[u32], mut first: impl FnMut(u32)) {
        const TOGETHER: usize = 16;
        let _rights = self.spaces.root.rights();
        for numbers in numbers.chunks(TOGETHER) {
            // These do not wait for one another. A compare-and-swap would.
            numbers.iter().for_each(|&raw| self.window.prefetch(raw));
            for &raw in numbers {
                let found = self.find(raw);
                if found.is_some_and(|(slot, word, black)| Self::blacken(slot, word, black)) {
                    first(raw);
                }
            }
        }
    }

    /// The slot of any number, its word, and black there. `None` if its space is not collected.
    #[inline(always)]
    fn find(&self, raw: u32) -> Option<Seen<'_, E>> {
        let (slot, word, lessee) = self.window.find(raw)?;
        let black = (*self.black.get(lessee.number() as usize)?)?;
        Some((slot, word, flip(black, lessee)))
    }

    #[inline(always)]
    fn blacken(slot: &Slot<E::Word>, mut word: E::Word, black: u64) -> bool {
        // Tries again only when another thread changed the entry.
        while word::is_live(word) && colour(word) != black && !is_evacuated(word) {
            match slot.replace(word, painted(word, black)) {
                Ok(()) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Returns `true` if the entry that any number names is marked, or was made since the marking
    /// began. Wait-free.
    #[must_use]
    pub fn is_marked(&self, raw: u32) -> bool {
        let Some((_, lessee, _)) = self.spaces.find(raw) else { return false };
        let Some(black) = self.black[lessee.number() as usize] else { return false };
        let word = self.spaces.load(raw);
        word::is_live(word) && colour(word) == flip(black, lessee)
    }

    /// Ends the marking: entries that are not marked are dead from now on. Stops each space for a
    /// moment, whatever its size.
    ///
    /// # Errors
    ///
    /// [`CollectError::Operation`] if the calling thread is inside a call on one of the spaces.
    /// Then nothing is freed.
    pub fn sweep(mut self) -> Result<Sweeping<E>, CollectError> {
        self.end_marking(None)
    }

    /// Ends the marking of a young space. What is left alive in it belongs to `old` from now on,
    /// and keeps its handles. The time is in proportion to the young space.
    ///
    /// # Errors
    ///
    /// [`CollectError::Space`] if more than one space is collected, or if `old` is that space.
    /// Else same as [`sweep`](Self::sweep). Then nothing is freed.
    pub fn sweep_into(mut self, old: &Space<E>) -> Result<Sweeping<E>, CollectError> {
        let old_is_other = core::ptr::eq(&raw const *old.0.spaces, &raw const *self.spaces)
            && self.black[old.state().lessee.number() as usize].is_none();
        if self.parts.len() != 1 || !old_is_other {
            return Err(CollectError::Space);
        }
        check(old.state())?;
        self.end_marking(Some(old))
    }

    fn end_marking(&mut self, into: Option<&Space<E>>) -> Result<Sweeping<E>, CollectError> {
        for part in &self.parts {
            check(part.state())?;
        }
        let _rights = self.spaces.root.rights();
        if let Some(old) = into {
            let old = old.state();
            let mut stopped = stop(old)?;
            begin_first(&old.table.allocator.space, &mut stopped);
            self.pause = self.pause.max(resume(stopped));
        }
        for part in &mut self.parts {
            let space = part.space.clone();
            let mut stopped = stop(space.state())?;
            part.begin(into, &mut stopped);
            self.pause = self.pause.max(resume(stopped));
        }
        let parts = mem::take(&mut self.parts);
        Ok(Sweeping::new(&self.spaces, parts, self.pause, self.turn.take()))
    }

    /// Marks all entries of the spaces, and ends the collection.
    fn abandon(&mut self) -> Result<(), CollectError> {
        for part in &self.parts {
            check(part.state())?;
        }
        for part in mem::take(&mut self.parts) {
            let state = part.state();
            let arena = &state.table.allocator.space.arena;
            for segment in arena.committed.iter() {
                for index in arena.geometry().indices(segment) {
                    self.mark(index);
                }
            }
            let stopped = stop(state)?;
            state.set_phase(state.phase().over());
            resume(stopped);
        }
        Ok(())
    }
}

impl<E: Collected> Drop for Marking<E> {
    fn drop(&mut self) {
        let _rights = self.spaces.root.rights();
        if self.abandon().is_err() {
            // The collection cannot end on this thread, so no other begins.
            mem::forget(self.turn.take());
        }
    }
}
