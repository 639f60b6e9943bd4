//! Compaction: entries move from the topmost segments of a space to free slots below, so that those
//! segments go back.
//!
//! All free slots are taken off all lists first, as by a sweep of the core. A thread that allocates
//! finds the lowest of them first. The segments above the *frontier* are in transit: an entry that
//! is freed there is only emptied, so no slot there gets another owner that was in use when the
//! compaction began. An entry moves in steps, of which each leaves the table valid:
//!
//! ```text
//!   1  the entry is marked as evacuated: a read finds nothing, and no call changes it
//!   2  a free slot below gets a copy that is marked so too
//!   3  the cell that holds the handle gets the new one, if it holds the old one still
//!   4  the copy becomes the entry, and the old slot is freed; or else all is as it was
//! ```

use std::collections::HashMap;

use super::entry::ExternalEntry;
use super::error::CollectError;
use super::space::Space;
use super::spaces::{Spaces, Turn};
use super::state::{TRANSIT, check, flip};
use super::word::{
    COLOUR, Collected, EVACUATED, POINTER, TAG_SHIFT, colour, is_evacuated, painted,
};
use crate::bits::chain::Chain;
use crate::bits::handle::OperationError;
use crate::bits::word::{self, LIVE_BIT, Word};
use crate::safepoint::Operation;
use crate::sweep::{claim_segment, restart, sweep_unpaced};
use crate::sync::unmodelled::Arc;
use crate::sync::{AtomicU32, Ordering};

/// What a compaction of a space would do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CompactionPlan {
    /// The committed segments of the space.
    pub segments: u64,
    /// The segments that its live entries need.
    pub needed: u64,
    /// The first handle above the frontier. Entries from here on are to move.
    pub frontier: u32,
}

/// What became of a handle in a cell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Relocated {
    /// The entry moved below the frontier, now or for an earlier cell. The cell has its new handle.
    Moved,
    /// The handle stays, since it is below the frontier, or of another space.
    Below,
    /// The handle names no entry, or one that is not published.
    Gone,
    /// The cell got another handle in the meantime. The entry of the old one stays.
    Overwritten,
    /// No slot below the frontier is free, or there is no memory. The entry stays.
    NoSlot,
}

/// What a compaction did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct CompactionReport {
    /// Entries that moved.
    pub moved: u64,
    /// Entries that stay above the frontier, of those that cells named.
    pub stayed: u64,
    /// The committed segments of the space before.
    pub segments_before: u64,
    /// The committed segments of the space after.
    pub segments_after: u64,
}

/// A compaction of a space. Its owners show each cell that holds a handle to
/// [`relocate`](Self::relocate). [`finish`](Self::finish) returns the empty segments.
///
/// An entry that several cells name moves once, and all those cells get the new handle. An entry
/// that no cell names stays. Other threads may use the table meanwhile. But an old handle names
/// nothing once its entry has moved, and later another entry. So the program sees to it that no
/// thread uses one that it has loaded from a cell before, and that no cell gets a copy of one that
/// is not shown here any more. While an entry moves, for a moment, a read finds nothing by the old
/// handle or by the new one, and calls that change the entry give errors.
#[derive(Debug)]
pub struct Compaction<E: Collected = ExternalEntry> {
    space: Space<E>,
    frontier: u32,
    /// Free slots of this compaction's, and the last of them.
    targets: (Chain, u32),
    /// The segments below this one have been searched for free slots.
    searched: u32,
    /// By old handle, the new one.
    moved: HashMap<u32, u32>,
    report: CompactionReport,
    turn: Option<Turn<E>>,
}

impl<E: Collected> Space<E> {
    /// Returns what a compaction would do, if it pays: if at least one segment in 20 can go back.
    /// Stops the space for a count.
    ///
    /// A program whose cells are dear to visit may want more: see the plan's figures.
    #[must_use]
    pub fn compaction_plan(&self) -> Option<CompactionPlan> {
        let state = self.state();
        let (stats, geometry) = (state.table.stats(), self.0.spaces.root.geometry());
        let needed = stats.live.div_ceil(u64::from(geometry.slots_per_segment()));
        let arena = &state.table.allocator.space.arena;
        let frontier = geometry.first(arena.committed.iter().nth(needed as usize)?);
        let (segments, _) = arena.committed.count();
        let pays = segments.saturating_sub(needed) >= segments.div_ceil(20).max(1);
        pays.then_some(CompactionPlan { segments, needed, frontier })
    }
}

impl<E: Collected> Compaction<E> {
    pub(super) fn begin(
        spaces: &Arc<Spaces<E>>,
        space: &Space<E>,
    ) -> Result<Option<Self>, CollectError> {
        if !core::ptr::eq(&raw const *space.0.spaces, &raw const **spaces) {
            return Err(CollectError::Space);
        }
        let turn = Some(Spaces::begin_turn(spaces)?);
        let state = space.state();
        check(state)?;
        let Some(plan) = space.compaction_plan() else { return Ok(None) };
        let _rights = spaces.root.rights();
        let flag = |segment| {
            let lessee = spaces.common.lessee(segment);
            if segment >= spaces.root.geometry().segment_of(plan.frontier) {
                spaces.common.set_lessee(segment, lessee.with(TRANSIT));
            }
        };
        restart(&state.table.allocator.space, |arena| arena.committed.iter().for_each(flag))?;
        let (segments_before, frontier) = (plan.segments, plan.frontier);
        let report = CompactionReport { segments_before, ..CompactionReport::default() };
        let (targets, moved) = ((Chain::EMPTY, 0), HashMap::new());
        Ok(Some(Self { space: space.clone(), frontier, targets, searched: 0, moved, report, turn }))
    }

    /// Returns the first handle above the frontier. Entries from here on move.
    #[must_use]
    pub fn frontier(&self) -> u32 {
        self.frontier
    }

    /// Moves the entry that the cell names below the frontier, if it is above, and stores its new
    /// handle in the cell. Constant time on average.
    ///
    /// # Errors
    ///
    /// [`CollectError::Operation`] if the calling thread is inside a call on the space. Nothing is
    /// changed then.
    pub fn relocate(&mut self, cell: &AtomicU32) -> Result<Relocated, CollectError> {
        // Acquire: the entry is found as the thread left it that stored its handle. Partner:
        // compaction.swap.compare_exchange.
        let raw = cell.load(Ordering::Acquire);
        if raw < self.frontier {
            return Ok(Relocated::Below);
        }
        if let Some(&new) = self.moved.get(&raw) {
            return Ok(if swap(cell, raw, new) {
                Relocated::Moved
            } else {
                Relocated::Overwritten
            });
        }
        let space = self.space.clone();
        let (spaces, state) = (&*space.0.spaces, space.state());
        let Some((_, lessee, _)) = spaces.find(raw) else { return Ok(Relocated::Gone) };
        if lessee.number() != state.lessee.number() {
            return Ok(Relocated::Below);
        }
        let _rights = spaces.root.rights();
        let mut sweeper = state.table.allocator.space.safepoint.sweeper()?;
        let operation = sweeper.enter().ok_or(OperationError::Reentered)?;
        let outcome = match self.moved.try_reserve(1).ok().and_then(|()| self.target(&operation)) {
            Some(new) => self.move_to(raw, new, cell, &operation),
            None => Relocated::NoSlot,
        };
        self.report.moved += u64::from(outcome == Relocated::Moved);
        self.report.stayed += u64::from(outcome != Relocated::Moved);
        Ok(outcome)
    }

    /// Moves an entry to the slot in front of the targets.
    fn move_to(
        &mut self,
        raw: u32,
        new: u32,
        cell: &AtomicU32,
        operation: &Operation<'_>,
    ) -> Relocated {
        let allocator = &self.space.state().table.allocator;
        let (spaces, arena) = (&*self.space.0.spaces, &allocator.space.arena);
        let lessee = |index| spaces.common.lessee(arena.geometry().segment_of(index));
        let (from, to) = (arena.slot(raw), arena.slot(new));
        let is_there = |word| word::is_live(word) && !is_evacuated(word);
        let evacuate = |word: E::Word| is_there(word).then(|| evacuated(word));
        let words = allocator.replace_word(operation, from, raw, from.load(), evacuate); // 1
        let Ok([word, left]) = words else { return Relocated::Gone };
        let paint = flip(flip(colour(word), lessee(raw)), lessee(new));
        let rest = self.rest(new);
        to.publish(painted(left, paint)); // 2
        // Only this compaction changes an entry that is marked as evacuated.
        let has_moved = swap(cell, raw, new); // 3
        if has_moved {
            let is_mine = to.replace(painted(left, paint), painted(word, paint)).is_ok(); // 4
            allocator.free_slot(operation, from, raw, left, |word| word == left);
            debug_assert!(is_mine, "Invariant 17: an evacuated entry is the compaction's");
            allocator.space.unswept.add(1);
            self.targets = rest;
            self.moved.insert(raw, new);
            return Relocated::Moved;
        }
        let is_mine = from.replace(left, word).is_ok();
        let copy = painted(left, paint);
        allocator.free_slot(operation, to, new, copy, |word| word == copy);
        debug_assert!(is_mine, "Invariant 17: an evacuated entry is the compaction's");
        let (chain, last) = rest;
        let last = if chain.is_empty() { new } else { last };
        to.set_next(new, if chain.is_empty() { new } else { chain.first() }, operation.cycle());
        self.targets = (Chain::new(new, chain.length() + 1), last);
        Relocated::Overwritten
    }

    /// Returns the first target, and claims segments until there is one. `None` if no slot below
    /// the frontier is free.
    fn target(&mut self, operation: &Operation<'_>) -> Option<u32> {
        let space = &self.space.state().table.allocator.space;
        let end = space.arena.geometry().segment_of(self.frontier);
        while self.targets.0.is_empty() {
            let segment = space.arena.committed.next(self.searched).filter(|&s| s < end)?;
            self.searched = segment + 1;
            if let Some(targets) = claim_segment(space, segment, operation.cycle()) {
                self.targets = targets;
            }
        }
        Some(self.targets.0.first())
    }

    /// The targets but the first.
    fn rest(&self, first: u32) -> (Chain, u32) {
        let (chain, last) = self.targets;
        if chain.length() <= 1 {
            return (Chain::EMPTY, 0);
        }
        let arena = &self.space.state().table.allocator.space.arena;
        let next = arena.slot(first).next(first);
        (Chain::new(next, chain.length() - 1), last)
    }

    /// Ends the compaction: what is free goes back to the free lists, and segments that are wholly
    /// free to the system.
    ///
    /// # Errors
    ///
    /// [`CollectError::Operation`] if the calling thread is inside a call on the space. The drop of
    /// this tries again, and if that fails, no other collection can begin.
    pub fn finish(mut self) -> Result<CompactionReport, CollectError> {
        self.complete()
    }

    fn complete(&mut self) -> Result<CompactionReport, CollectError> {
        let (spaces, state) = (&*self.space.0.spaces, self.space.state());
        let space = &state.table.allocator.space;
        check(state)?;
        let _rights = spaces.root.rights();
        {
            let mut sweeper = space.safepoint.sweeper()?;
            let operation = sweeper.enter().ok_or(OperationError::Reentered)?;
            let (chain, last) = core::mem::replace(&mut self.targets, (Chain::EMPTY, 0));
            if !chain.is_empty() {
                space.lists[0].push(&space.arena, chain, last, operation.cycle());
            }
        }
        for segment in space.arena.committed.iter() {
            let lessee = spaces.common.lessee(segment);
            // The others have been committed since, and a thread may be about to set theirs.
            if lessee.has(TRANSIT) {
                spaces.common.set_lessee(segment, lessee.without(TRANSIT));
            }
        }
        sweep_unpaced(space);
        self.report.segments_after = space.arena.committed.count().0;
        self.turn = None;
        Ok(self.report)
    }
}

impl<E: Collected> Drop for Compaction<E> {
    fn drop(&mut self) {
        if self.turn.is_some() && self.complete().is_err() {
            core::mem::forget(self.turn.take());
        }
    }
}

/// Puts `new` into the cell, if it holds `old`.
fn swap(cell: &AtomicU32, old: u32, new: u32) -> bool {
    // AcqRel: a thread that loads the new handle finds the entry. Partner:
    // compaction.relocate.load. Relaxed on failure: the entry stays where it is.
    cell.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
}

/// Returns the word of an entry while it moves.
fn evacuated<W: Word>(word: W) -> W {
    let tag = u64::from(EVACUATED) << TAG_SHIFT;
    let low = word.low() & (LIVE_BIT | COLOUR | POINTER) | tag;
    word.with_low(low)
}
