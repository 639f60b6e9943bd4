//! A collection, second part: the dead are freed, segment by segment, while the world runs.

use core::time::Duration;

use super::entry::ExternalEntry;
use super::error::CollectError;
use super::owned::Orphan;
use super::pass::{Noted, Pass, Removed};
use super::space::Space;
use super::spaces::{Spaces, Turn};
use super::state::{State, check, resume, stop};
use super::transit::leave;
use super::word::{Collected, owns, pointer, tag};
use crate::bits::handle::Handle;
use crate::safepoint::Stopped;
use crate::slab::OnDrop;
use crate::sweep::{begin_cycle, sweep_some};
use crate::sync::unmodelled::Arc;

/// What becomes of an entry in a sweep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Fate {
    /// The entry's handle. A dead entry's slot may be in use again already.
    pub handle: Handle,
    /// `true` if the entry lives on.
    pub lives: bool,
    /// The entry's tag, or its count of parameters.
    pub tag: u16,
    /// The address in the entry. What a dead entry owned is dropped after this was shown.
    pub address: usize,
}

/// What a collection did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CollectionReport {
    /// Entries that live on, without those made since the marking ended.
    pub live: u64,
    /// Entries that were freed.
    pub freed: u64,
    /// Objects that were dropped, since a dead entry owned them.
    pub dropped: u64,
    /// Segments that went to another space.
    pub segments_moved: u64,
    /// Segments whose memory went back to the system.
    pub segments_released: u64,
    /// The longest that an operation may have waited for one of the stops.
    pub pause: Duration,
}

/// A space that is collected.
#[derive(Debug)]
pub(super) struct Part<E: Collected> {
    pub(super) space: Space<E>,
    /// The space that the segments go to.
    into: Option<Space<E>>,
    /// The segments that are not swept yet, a bit each.
    segments: Vec<u64>,
    /// Those that were swept, and have a page without an entry, or no entry at all, a bit each.
    sparse: Vec<u64>,
}

impl<E: Collected> Part<E> {
    pub(super) fn new(space: &Space<E>) -> Result<Self, CollectError> {
        let words = space.0.spaces.root.geometry().segments().div_ceil(64) as usize;
        let zeros = || -> Result<Vec<u64>, CollectError> {
            let mut zeros = Vec::new();
            zeros.try_reserve_exact(words).map_err(|_| CollectError::OutOfMemory)?;
            zeros.resize(words, 0);
            Ok(zeros)
        };
        Ok(Self { space: space.clone(), into: None, segments: zeros()?, sparse: zeros()? })
    }

    pub(super) fn state(&self) -> &State<E> {
        self.space.state()
    }

    /// The highest segment that is not swept yet.
    fn next(&mut self) -> Option<u32> {
        while let Some(word) = self.segments.last() {
            if let Some(bit) = word.checked_ilog2() {
                return Some((self.segments.len() as u32 - 1) * 64 + bit);
            }
            self.segments.pop();
        }
        None
    }

    /// Begins to sweep. The caller has stopped the space.
    pub(super) fn begin(&mut self, into: Option<&Space<E>>, stopped: &mut Stopped<'_>) {
        self.into = into.cloned();
        let (spaces, state) = (&*self.space.0.spaces, self.space.state());
        match into {
            Some(old) => leave(spaces, state, old.state(), stopped, &mut self.segments),
            None => {
                let space = &state.table.allocator.space;
                // All free slots become unswept. So a thread that has one has claimed its segment
                // since, and the sweep finds no other one in a segment that it claims.
                begin_cycle(space, stopped);
                for (word, segments) in self.segments.iter_mut().enumerate() {
                    *segments = space.arena.committed.word(word);
                }
            }
        }
        state.set_phase(state.phase().sweeping());
    }
}

/// A collection that sweeps. [`step`](Self::step) sweeps some segments, and
/// [`finish`](Self::finish) the rest. Other threads use the table meanwhile, and find no dead
/// entry.
///
/// A drop finishes the sweep, unless the thread is inside a call on one of the spaces. Then the
/// collection never ends, and no other can begin.
#[derive(Debug)]
pub struct Sweeping<E: Collected = ExternalEntry> {
    spaces: Arc<Spaces<E>>,
    parts: Vec<Part<E>>,
    report: CollectionReport,
    turn: Option<Turn<E>>,
}

impl<E: Collected> Sweeping<E> {
    pub(super) fn new(
        spaces: &Arc<Spaces<E>>,
        parts: Vec<Part<E>>,
        pause: Duration,
        turn: Option<Turn<E>>,
    ) -> Self {
        let report = CollectionReport { pause, ..CollectionReport::default() };
        Self { spaces: spaces.clone(), parts, report, turn }
    }

    /// Sweeps up to `segments` segments: frees their dead entries, and drops what those own, on
    /// this thread. Returns `true` if there are more.
    ///
    /// # Errors
    ///
    /// [`CollectError::OutOfMemory`] if there is no memory to note what has to be dropped.
    /// [`CollectError::Operation`] if the calling thread is inside a call on the space. The next
    /// call goes on.
    pub fn step(&mut self, segments: usize) -> Result<bool, CollectError> {
        self.advance(segments, None, false)
    }

    /// Same as [`step`](Self::step), and shows each entry that dies to `see`, and if `living` also
    /// each that lives on. Inside `see`, the table may be used.
    ///
    /// # Errors
    ///
    /// Same as [`step`](Self::step).
    pub fn step_with(
        &mut self,
        segments: usize,
        living: bool,
        mut see: impl FnMut(Fate),
    ) -> Result<bool, CollectError> {
        self.advance(segments, Some(&mut see), living)
    }

    /// Sweeps all that is left, and ends the collection. Segments that are wholly free go back to
    /// the system. The free slots of the others are allocated in ascending order.
    ///
    /// # Errors
    ///
    /// Same as [`step`](Self::step). Then the collection is still under way, for good if the drop
    /// of this, which tries again, fails too.
    pub fn finish(mut self) -> Result<CollectionReport, CollectError> {
        self.complete()
    }

    fn complete(&mut self) -> Result<CollectionReport, CollectError> {
        while self.step(usize::MAX)? {}
        for part in &self.parts {
            check(part.state())?;
        }
        let _rights = self.spaces.root.rights();
        for part in core::mem::take(&mut self.parts) {
            let state = part.state();
            let stopped = stop(state)?;
            state.set_phase(state.phase().over());
            self.report.pause = self.report.pause.max(resume(stopped));
            // In a minor collection, each segment that nothing lived in has gone back.
            if part.into.is_none() {
                let space = &state.table.allocator.space;
                self.report.segments_released += sweep_some(space, &part.sparse);
            }
        }
        self.turn = None;
        Ok(self.report)
    }

    fn advance(
        &mut self,
        segments: usize,
        mut see: Option<&mut dyn FnMut(Fate)>,
        living: bool,
    ) -> Result<bool, CollectError> {
        let _rights = self.spaces.root.rights();
        for _ in 0..segments {
            let mut parts = self.parts.iter_mut();
            let next = parts.find_map(|part| part.next().map(|segment| (part, segment)));
            let Some((part, segment)) = next else { return Ok(false) };
            let into = part.into.as_ref().map(Space::state);
            let (spaces, state) = (&*self.spaces, part.space.state());
            let pass = Pass { spaces, state, into, segment };
            let mut removed = Removed::new(see.is_some(), living);
            pass.run(&mut removed)?;
            let (word, bit) = (segment as usize / 64, 1 << (segment % 64));
            part.segments[word] &= !bit;
            part.sparse[word] |= if removed.is_sparse { bit } else { 0 };
            self.report.live += removed.live;
            self.report.freed += removed.freed;
            self.report.segments_moved += u64::from(removed.has_moved);
            self.report.segments_released += u64::from(removed.is_released);
            // Counted first, since a drop may panic.
            self.report.dropped += removed.owning;
            // Dropped also if `see` panics.
            let shown = OnDrop(removed.words, |words: &mut Vec<_>| drop_owned::<E>(words));
            show::<E>(&shown.0, &mut see);
        }
        Ok(self.parts.iter_mut().any(|part| part.next().is_some()))
    }
}

/// Shows what became of the entries.
fn show<E: Collected>(words: &[Noted<E>], see: &mut Option<&mut dyn FnMut(Fate)>) {
    let Some(see) = see else { return };
    for &(index, word, lives) in words {
        if let Some(handle) = Handle::from_raw(index) {
            see(Fate { handle, lives, tag: tag(word), address: pointer(word) as usize });
        }
    }
}

/// Drops what dead entries owned, also if one of the drops panics.
fn drop_owned<E: Collected>(words: &mut Vec<Noted<E>>) {
    let drop_rest = |words: &mut &mut Vec<_>| {
        if !words.is_empty() {
            drop_owned::<E>(words);
        }
    };
    let rest = OnDrop(words, drop_rest);
    while let Some((_, word, lives)) = rest.0.pop() {
        if !lives && owns::<E>(word) {
            // SAFETY: the entry was dead, so no operation that began since the stop has found it,
            // and the sweep has removed it (Invariant 16).
            drop(unsafe { Orphan::new(pointer(word)) });
        }
    }
}

impl<E: Collected> Drop for Sweeping<E> {
    fn drop(&mut self) {
        if self.turn.is_some() && self.complete().is_err() {
            core::mem::forget(self.turn.take());
        }
    }
}
