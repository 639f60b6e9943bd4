//! A pass over one segment: finds its dead entries, and frees them.

use super::error::CollectError;
use super::spaces::Spaces;
use super::state::{State, flip};
use super::transit::arrive;
use super::word::{COLOUR, Collected, colour, owns};
use crate::arena::Slot;
use crate::bits::chain::Chain;
use crate::bits::handle::OperationError;
use crate::bits::word::{self, LIVE_BIT, Word};
use crate::safepoint::Operation;
use crate::table::Packed;

/// An entry that a pass has noted: its index, its word, and whether it lives on.
pub(super) type Noted<E> = (u32, <E as Packed>::Word, bool);

/// What a pass found and did.
pub(super) struct Removed<E: Collected> {
    /// Dead entries that own objects, or all that are to be shown.
    pub(super) words: Vec<Noted<E>>,
    shows_all: bool,
    shows_living: bool,
    pub(super) live: u64,
    pub(super) freed: u64,
    /// Dead entries that own objects.
    pub(super) owning: u64,
    /// The segment is another space's now.
    pub(super) has_moved: bool,
    /// The segment went back to the system.
    pub(super) is_released: bool,
    /// A page of the segment, or all of it, has no entry.
    pub(super) is_sparse: bool,
}

impl<E: Collected> Removed<E> {
    pub(super) fn new(shows_all: bool, shows_living: bool) -> Self {
        Self {
            words: Vec::new(),
            shows_all,
            shows_living,
            live: 0,
            freed: 0,
            owning: 0,
            has_moved: false,
            is_released: false,
            is_sparse: false,
        }
    }
}

/// One segment of a space that is swept.
pub(super) struct Pass<'a, E: Collected> {
    pub(super) spaces: &'a Spaces<E>,
    pub(super) state: &'a State<E>,
    pub(super) into: Option<&'a State<E>>,
    pub(super) segment: u32,
}

impl<E: Collected> Pass<'_, E> {
    /// Frees the segment's dead entries, and notes what they own. In transit the segment becomes
    /// its new space's, or goes back to the system if nothing lives in it.
    pub(super) fn run(&self, removed: &mut Removed<E>) -> Result<(), CollectError> {
        let space = &self.into.unwrap_or(self.state).table.allocator.space;
        let mut sweeper = space.safepoint.sweeper()?;
        let operation = sweeper.enter().ok_or(OperationError::Reentered)?;
        if removed.shows_all || (E::HAS_TAGS && self.state.owns()) {
            self.note(removed)?;
        }
        let pattern = LIVE_BIT | self.dead();
        let is_over = |low: u64| low & (LIVE_BIT | COLOUR) == pattern;
        if let Some(old) = self.into {
            let or_free = |low: u64| is_over(low) | (low & LIVE_BIT == 0);
            let wiped = space.arena.wipe_where::<true>(self.segment, or_free);
            (removed.live, removed.freed) = (wiped.live.into(), wiped.dead.into());
            if wiped.live == 0 {
                // SAFETY: nothing lives in the segment, so all slots are this sweep's (Invariant
                // 16), which is inside an operation.
                removed.is_released = unsafe { space.arena.abandon(self.segment) }.is_ok();
                return Ok(());
            }
            arrive(self.spaces, old, self.segment);
            space.unswept.restore(self.segment, wiped.wiped.into());
            removed.has_moved = true;
        } else if space.unswept.claim(self.segment) {
            // No other thread looks for free slots here. From now on one may, and finds these.
            let wiped = space.arena.wipe_where::<false>(self.segment, is_over);
            removed.is_sparse = wiped.live == 0 || wiped.has_page;
            (removed.live, removed.freed) = (wiped.live.into(), wiped.dead.into());
            space.unswept.restore(self.segment, wiped.wiped.into());
        } else {
            self.link(&is_over, &operation, removed);
            removed.is_sparse = removed.live == 0;
        }
        Ok(())
    }

    /// The colour of dead entries.
    fn dead(&self) -> u64 {
        let lessee = self.spaces.common.lessee(self.segment);
        match self.into {
            // In transit, what has not the colour of the new space is dead.
            Some(old) => flip(old.phase().white() ^ COLOUR, lessee),
            None => flip(self.state.phase().white(), lessee),
        }
    }

    /// The usable slots, from the last to the first.
    fn slots(&self) -> impl Iterator<Item = (u32, &Slot<E::Word>)> {
        let (arena, geometry) = (&self.spaces.root, self.spaces.root.geometry());
        let first = geometry.first(self.segment);
        let indices = first..first + geometry.usable(self.segment);
        indices.rev().map(|index| (index, arena.slot(index)))
    }

    /// Notes the entries that are to be shown, and the dead ones that own objects.
    fn note(&self, removed: &mut Removed<E>) -> Result<(), CollectError> {
        let (dead_colour, all) = (self.dead(), removed.shows_all);
        let wanted = |word: E::Word| {
            let lives = colour(word) != dead_colour;
            let wanted = if lives { removed.shows_living } else { all || owns::<E>(word) };
            (word::is_live(word) && wanted).then_some(lives)
        };
        let count =
            |lives| self.slots().filter(|(_, slot)| wanted(slot.peek()) == Some(lives)).count();
        let (dead, mut living) = (count(false), count(true));
        let mut words = Vec::new();
        words.try_reserve_exact(dead + living).map_err(|_| CollectError::OutOfMemory)?;
        for (index, slot) in self.slots() {
            let word = slot.peek();
            // By now more may live, for which there is no room. None more is dead.
            if let Some(lives) = wanted(word).filter(|lives| !lives || living > 0) {
                living -= usize::from(lives);
                removed.owning += u64::from(!lives && owns::<E>(word));
                words.push((index, word, lives));
            }
        }
        removed.words = words;
        Ok(())
    }

    /// Links the dead slots in ascending order, and puts them on a free list: a thread that
    /// allocates has found the other free slots of the segment, or is about to.
    fn link(
        &self,
        is_over: &impl Fn(u64) -> bool,
        operation: &Operation<'_>,
        removed: &mut Removed<E>,
    ) {
        let space = &self.state.table.allocator.space;
        let cycle = operation.cycle();
        let (mut first, mut last, mut length) = (0, 0, 0);
        for (index, slot) in self.slots() {
            let low = slot.peek().low();
            removed.live += u64::from(low & LIVE_BIT != 0 && !is_over(low));
            if is_over(low) {
                slot.set_next(index, if length == 0 { index } else { first }, cycle);
                last = if length == 0 { index } else { last };
                first = index;
                length += 1;
            }
        }
        removed.freed = length.into();
        if length > 0 {
            let list = &space.lists[self.segment as usize % space.lists.len()];
            list.push(&space.arena, Chain::new(first, length), last, cycle);
        }
    }
}
