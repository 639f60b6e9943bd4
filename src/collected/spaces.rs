//! The spaces of a table, and which of them has a slot.

use core::ptr;

use super::error::CollectError;
use super::state::State;
use super::word::Collected;
use crate::allocator::Config;
use crate::arena::{Arena, Common, Lessee, View};
use crate::error::BuildError;
use crate::sync::unmodelled::{Arc, try_arc};
use crate::sync::{AtomicBool, AtomicPtr, Lock, Ordering, try_box, try_slice};
use crate::sys::Protection;
use crate::table::Table;

/// The most spaces of a table.
pub(super) const SPACES_MAX: u32 = if cfg!(model) { 3 } else { 255 };

/// The read-only slots of a table.
#[derive(Debug)]
pub(super) struct Slots {
    /// The slots from this one on have no entry.
    pub(super) next: u32,
    /// The system's code, once it has refused to seal the segments.
    pub(super) refused: Option<i32>,
}

/// What all spaces of a table share.
#[derive(Debug)]
pub(super) struct Spaces<E: Collected> {
    pub(super) view: View<E::Word>,
    /// Covers all slots, and has no segment of its own.
    pub(super) root: Arena<E::Word>,
    pub(super) common: Arc<Common>,
    /// The spaces by number, from 1 on. One that is made stays, for the next of that number.
    states: Box<[AtomicPtr<State<E>>]>,
    /// Whether a space with this number is in use.
    numbers: Lock<[bool; SPACES_MAX as usize]>,
    /// Set while a collection or a compaction is under way.
    is_collecting: AtomicBool,
    config: Config,
    /// The slots below this one are read-only. 1 if none are.
    pub(super) read_only_end: u32,
    pub(super) read_only_segments: u32,
    /// Held while they are unsealed.
    pub(super) read_only: Lock<Slots>,
}

impl<E: Collected> Spaces<E> {
    pub(super) fn new(config: Config, protection: Protection) -> Result<Self, BuildError> {
        let config = config.without_bias();
        let whole: Arena<E::Word> = config.arena(protection)?;
        let made = move || {
            let common = try_arc(whole.common()?)?;
            let root = whole.leasable(&common)?;
            let null = |_| AtomicPtr::new(ptr::null_mut());
            Some((root, common, try_slice(SPACES_MAX as usize, null)?))
        };
        let (root, common, states) = made().ok_or(BuildError::OutOfMemory)?;
        Ok(Self {
            view: root.view(),
            root,
            common,
            states,
            numbers: Lock::new([false; SPACES_MAX as usize]),
            is_collecting: AtomicBool::new(false),
            config,
            read_only_end: 1,
            read_only_segments: 0,
            read_only: Lock::new(Slots { next: 1, refused: None }),
        })
    }

    /// Takes a number for a space, and makes what the space needs.
    pub(super) fn open(&self) -> Result<&State<E>, CollectError> {
        let place = {
            let mut numbers = self.numbers.lock().map_err(crate::OperationError::from)?;
            let place = numbers.iter().position(|&is_used| !is_used);
            let place = place.ok_or(CollectError::Spaces { limit: SPACES_MAX })?;
            numbers[place] = true;
            place
        };
        let lessee = Lessee::new(place as u32 + 1);
        if let Some(state) = self.state(lessee) {
            return Ok(state);
        }
        let Some(state) = self.make(lessee) else {
            self.close(lessee);
            return Err(CollectError::OutOfMemory);
        };
        // Release: a thread that finds the space finds it whole. Partner: spaces.state.load.
        self.states[place].store(Box::into_raw(state), Ordering::Release);
        self.state(lessee).ok_or(CollectError::OutOfMemory)
    }

    fn make(&self, lessee: Lessee) -> Option<Box<State<E>>> {
        let arena = self.root.lease(&self.common, lessee)?;
        let table = Table::from_allocator(self.config.over(arena).ok()?).ok()?;
        try_box(State::new(lessee, table))
    }

    /// Gives a number back. The space has no segment.
    pub(super) fn close(&self, lessee: Lessee) {
        if let Ok(mut numbers) = self.numbers.lock() {
            numbers[lessee.number() as usize - 1] = false;
        }
    }

    /// Returns the space with this number, if it was ever made.
    #[inline(always)]
    pub(super) fn state(&self, lessee: Lessee) -> Option<&State<E>> {
        let state = self.states.get((lessee.number() as usize).wrapping_sub(1))?;
        // Acquire: the space is found whole. Partner: spaces.open.store.
        let state = state.load(Ordering::Acquire);
        // SAFETY: from a box that lives as long as this, or null.
        unsafe { state.as_ref() }
    }

    /// Returns the segment of any number, its lessee, and the space. `None` if no space has it.
    #[inline(always)]
    pub(super) fn find(&self, raw: u32) -> Option<(u32, Lessee, &State<E>)> {
        if raw > self.view.last() {
            return None;
        }
        let segment = self.root.geometry().segment_of(raw);
        let lessee = self.common.lessee(segment);
        Some((segment, lessee, self.state(lessee)?))
    }

    /// Returns `true` for a slot of the read-only segments.
    #[inline(always)]
    pub(super) fn is_read_only(&self, raw: u32) -> bool {
        raw < self.read_only_end && raw > 0
    }

    /// Begins a collection or a compaction, of which there is one at a time.
    pub(super) fn begin_turn(spaces: &Arc<Self>) -> Result<Turn<E>, CollectError> {
        // Acquire: what the last one did comes first. Partner: spaces.drop.store. Relaxed on
        // failure: nothing is done.
        spaces
            .is_collecting
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .map(|_| Turn(spaces.clone()))
            .map_err(|_| CollectError::UnderWay)
    }
}

/// A collection or a compaction is under way, until this is dropped.
#[derive(Debug)]
pub(super) struct Turn<E: Collected>(Arc<Spaces<E>>);

impl<E: Collected> Drop for Turn<E> {
    fn drop(&mut self) {
        // Release: hands what was done to the next. Partner: spaces.begin_turn.compare_exchange.
        self.0.is_collecting.store(false, Ordering::Release);
    }
}

impl<E: Collected> Drop for Spaces<E> {
    fn drop(&mut self) {
        for state in &self.states {
            // Relaxed: no other thread has this.
            let state = state.load(Ordering::Relaxed);
            if !state.is_null() {
                // SAFETY: from a box, and dropped once.
                drop(unsafe { Box::from_raw(state) });
            }
        }
    }
}
