//! How an entry is made, changed, and freed, whatever its space does at that moment.
//!
//! Each of these is an operation of the space that has the slot. The phase of the space does not
//! change during an operation, and no segment leaves the space. So an operation that finds an entry
//! alive may change it by compare-and-swap, and leaves dead ones alone (Invariant 16).

use core::cell::Cell;

use super::error::EntryError;
use super::spaces::Spaces;
use super::state::{State, TRANSIT};
use super::tag::TagRange;
use super::word::{Collected, ZAPPED, bits, colour, is_evacuated, painted, tag};
use crate::allocator::Owner;
use crate::arena::{Lessee, Slot};
use crate::bits::handle::{Handle, HandleError, OperationError};
use crate::bits::word::{self, LIVE_BIT, Word};
use crate::error::AllocError;
use crate::table::ops::WithOwner;

impl<E: Collected> Spaces<E> {
    /// Puts a live word into a free slot of a space, in the colour of new entries.
    pub(super) fn allocate(&self, state: &State<E>, word: E::Word) -> Result<Handle, EntryError> {
        let _rights = self.root.rights();
        let prepare = |slot: &Slot<E::Word>| {
            let segment = self.root.geometry().segment_of(self.root.index_of(slot));
            (painted(word, state.fresh(self.common.lessee(segment))), ())
        };
        if let Some((handle, ())) = state.table.with(None, |mut owner| owner.allocate_with(prepare))
        {
            return Ok(handle);
        }
        match state.table.with(None, |mut owner| Some(owner.allocate_stopped(prepare))) {
            Some(allocated) => Ok(allocated?.0),
            None => {
                let error = state.table.refusal().unwrap_or(OperationError::Reentered);
                Err(AllocError::from(error).into())
            }
        }
    }

    /// Loads the word of any number.
    #[inline(always)]
    pub(super) fn load(&self, raw: u32) -> E::Word {
        self.root.read(&self.view, raw).map_or(word::zero(), Slot::load)
    }

    /// Calls `f` with the space that has the slot, and with a check for its operation to make: of a
    /// word that it found, whether the entry is alive. Calls it again if the segment went to
    /// another space in the meantime. The error of `f` is the word that it left alone.
    fn settle<R>(
        &self,
        raw: u32,
        f: impl Fn(&State<E>, &dyn Fn(E::Word) -> Option<Lessee>) -> Result<R, E::Word>,
    ) -> Result<(R, &State<E>), EntryError> {
        if self.is_read_only(raw) {
            return Err(EntryError::ReadOnly { raw });
        }
        let _rights = self.root.rights();
        loop {
            let Some((segment, lessee, state)) = self.find(raw) else {
                return Err(EntryError::Handle(HandleError::new(raw)));
            };
            let (has_moved, was_alive) = (Cell::new(false), Cell::new(false));
            let check = |word: E::Word| {
                // After the word was loaded: what has the segment now has had it since. A segment
                // in which an entry lives does not leave the space during this operation.
                let now = self.common.lessee(segment);
                has_moved.set(now.number() != lessee.number());
                let is_alive = !has_moved.get()
                    && word::is_live(word)
                    && !state.is_dead(word, now)
                    && !is_evacuated(word);
                was_alive.set(is_alive);
                is_alive.then_some(now)
            };
            match f(state, &check) {
                Ok(result) => return Ok((result, state)),
                Err(_) if has_moved.get() => {}
                Err(found) if was_alive.get() => {
                    return Err(EntryError::Tag { raw, found: tag(found) });
                }
                Err(_) => {
                    return Err(EntryError::Handle(match state.table.refusal() {
                        Some(error) => HandleError::refused(raw, error),
                        None => HandleError::new(raw),
                    }));
                }
            }
        }
    }

    /// Replaces the word of a living entry by what `new` makes of it, live and in the same colour.
    /// Returns the word that it had, and the space. Lock-free.
    pub(super) fn change(
        &self,
        raw: u32,
        new: impl Fn(E::Word) -> Option<E::Word>,
    ) -> Result<(E::Word, &State<E>), EntryError> {
        self.settle(raw, |state, check| {
            let new = |word: E::Word| {
                check(word)?;
                let new = new(word)?;
                Some(painted(new.with_low(new.low() | LIVE_BIT), colour(word)))
            };
            // SAFETY: nothing is made of a free slot's word, and a live word of any other.
            state.table.with(Err(word::zero()), |mut owner| unsafe { owner.update(raw, new) })
        })
    }

    /// Frees a living entry of which `may` is true. Returns the word that it had, and the space. In
    /// a segment that is on its way to another space the entry is only emptied, and freed when it
    /// dies. Lock-free.
    pub(super) fn free(
        &self,
        raw: u32,
        may: impl Fn(E::Word) -> bool,
    ) -> Result<(E::Word, &State<E>), EntryError> {
        let (freed, state) = self.settle(raw, |state, check| {
            let (in_transit, is_freed) = (Cell::new(false), Cell::new(false));
            let last = Cell::new(None);
            let expected = |word: E::Word| {
                // One answer for one word: the segment may arrive between two calls of this.
                if last.replace(Some(word)) != Some(word) {
                    let lessee = check(word).filter(|_| may(word));
                    in_transit.set(lessee.is_some_and(|lessee| lessee.has(TRANSIT)));
                    is_freed.set(lessee.is_some() && !in_transit.get());
                }
                is_freed.get()
            };
            let free = |mut owner: Owner<'_, E::Word>| {
                // SAFETY: a free slot's word is not live, so `check` refuses it.
                unsafe { owner.free_if(raw, expected) }
            };
            let old = state.table.with(word::zero(), free);
            match (is_freed.get(), in_transit.get()) {
                (true, _) => Ok(Some(old)),
                (_, true) => Ok(None),
                _ => Err(old),
            }
        })?;
        match freed {
            Some(old) => Ok((old, state)),
            None => self.change(raw, |word| may(word).then(|| emptied(word))),
        }
    }

    /// Empties a living entry with a tag of the range. Returns the word that it had, and the space.
    pub(super) fn zap(&self, raw: u32, tags: TagRange) -> Result<(E::Word, &State<E>), EntryError> {
        self.change(raw, |word| tags.contains(tag(word)).then(|| emptied(word)))
    }

    /// Calls `f` with the word of a living entry of which `may` is true, inside an operation of its
    /// space: what the entry owns stays until `f` returns.
    pub(super) fn inspect<R>(
        &self,
        raw: u32,
        may: impl Fn(E::Word) -> bool,
        f: impl FnOnce(E::Word) -> R,
    ) -> Result<R, EntryError> {
        let (f, segment) = (Cell::new(Some(f)), self.root.geometry().segment_of(raw));
        let look = |state: &State<E>, check: &dyn Fn(E::Word) -> Option<Lessee>| {
            state.table.with(Err(word::zero()), |mut owner| {
                let Some(_operation) = owner.enter() else { return Err(word::zero()) };
                loop {
                    // Before the word: what was dead in a segment that has arrived is wiped.
                    let before = self.common.lessee(segment);
                    let word = self.load(raw);
                    let now = check(word);
                    if now.is_some_and(|now| now != before) {
                        continue;
                    }
                    // Taken only then: where the segment has moved, this is called again.
                    let f = now.filter(|_| may(word)).and_then(|_| f.take());
                    return f.map(|f| f(word)).ok_or(word);
                }
            })
        };
        self.settle(raw, look).map(|(result, _)| result)
    }
}

/// Waits until the operations of the space that are under way have ended. Returns `false` if the
/// space could not be stopped: then what the caller has taken out of an entry is never dropped.
pub(super) fn wait<E: Collected>(state: &State<E>) -> bool {
    state.table.allocator.space.safepoint.stop().is_ok()
}

/// Returns the word of an entry that has been emptied.
fn emptied<W: Word>(word: W) -> W {
    word.with_low(bits(ZAPPED, 0))
}
