//! A space of a collected table: entries that are collected together.

use super::entry::ExternalEntry;
use super::error::CollectError;
use super::owned::Orphan;
use super::spaces::Spaces;
use super::state::State;
use super::word::{Collected, owns, pointer};
use crate::allocator::audit::audit;
use crate::allocator::{Audit, AuditError, Stats};
use crate::arena::Lessee;
use crate::bits::word;
use crate::sweep::start_cycle;
use crate::sync::unmodelled::{Arc, into_inner, try_arc};

/// A space of a table: segments and free lists of its own, and entries that are collected together.
///
/// Any number of clones name one space. The drop of the last one closes it: its segments go back,
/// and objects that its entries own are dropped. [`close`](Self::close) also says what was live.
pub struct Space<E: Collected = ExternalEntry>(pub(super) Arc<Tenancy<E>>);

/// One space, as long as it is named.
pub(super) struct Tenancy<E: Collected> {
    pub(super) spaces: Arc<Spaces<E>>,
    pub(super) lessee: Lessee,
    /// `true` once the space is closed.
    is_closed: bool,
}

/// What a space held when it was closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SpaceReport {
    /// Live entries.
    pub live: u64,
    /// Objects that were dropped, since an entry owned them.
    pub dropped: u64,
    /// Segments whose memory went back to the system.
    pub segments_released: u64,
    /// Segments whose memory the system refused to take. They are free for other spaces.
    pub segments_refused: u64,
}

impl<E: Collected> Space<E> {
    pub(super) fn open(spaces: &Arc<Spaces<E>>) -> Result<Self, CollectError> {
        let lessee = spaces.open()?.lessee;
        let tenancy = Tenancy { spaces: spaces.clone(), lessee, is_closed: false };
        try_arc(tenancy).map(Space).ok_or(CollectError::OutOfMemory)
    }

    pub(super) fn state(&self) -> &State<E> {
        self.0.state()
    }

    /// Returns `true` if both name one space.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        core::ptr::eq(&*self.0, &*other.0)
    }

    /// Counts the slots of this space exactly, at one moment. Stops the space. See
    /// [`Table::stats`](crate::Table::stats). During a collection, segments on their way from
    /// another space are not counted.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.state().table.stats()
    }

    /// Holds this space against the core's invariants. See [`Table::audit`](crate::Table::audit).
    ///
    /// # Errors
    ///
    /// Same as [`Table::audit`](crate::Table::audit). [`CollectError::UnderWay`] during a
    /// collection, as the outer error.
    pub fn audit(&self) -> Result<Result<Audit, AuditError>, CollectError> {
        let _turn = Spaces::begin_turn(&self.0.spaces)?;
        let _rights = self.0.spaces.root.rights();
        Ok(audit(&self.state().table.allocator))
    }

    /// Closes the space, and says what it held. Its objects are dropped on this thread. Gives the
    /// space back if there are other clones.
    ///
    /// # Errors
    ///
    /// The space itself, if it has another name.
    pub fn close(self) -> Result<SpaceReport, Self> {
        let mut tenancy = into_inner(self.0).map_err(Space)?;
        Ok(tenancy.end())
    }
}

impl<E: Collected> Clone for Space<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

fmt!([E: Collected] Debug for Space<E>, |this, f| {
    f.debug_tuple("Space").field(&this.0.lessee.number()).finish()
});

impl<E: Collected> Tenancy<E> {
    pub(super) fn state(&self) -> &State<E> {
        match self.spaces.state(self.lessee) {
            Some(state) => state,
            // `Spaces::open` has made it.
            None => unreachable!("a space that is named has been made"),
        }
    }

    /// Gives all segments back, and drops what their entries own. No operation of the space begins
    /// any more, since no segment is found to be its own.
    fn end(&mut self) -> SpaceReport {
        let mut report = SpaceReport::default();
        if core::mem::replace(&mut self.is_closed, true) {
            return report;
        }
        let spaces = &*self.spaces;
        let _rights = spaces.root.rights();
        let space = &self.state().table.allocator.space;
        let arena = &space.arena;
        // The error: in a child of the process. There the space stays as it is.
        let Ok(mut stopped) = space.safepoint.stop() else { return report };
        arena.committed.iter().for_each(|segment| spaces.common.set_lessee(segment, Lessee::NONE));
        start_cycle(space, &mut stopped, 0);
        drop(stopped);
        let mut next = arena.committed.next(0);
        while let Some(segment) = next {
            for index in arena.geometry().indices(segment) {
                let word = arena.slot(index).peek();
                report.live += u64::from(word::is_live(word));
                // SAFETY: no operation has found the entry since the stop.
                let orphan = owns::<E>(word).then(|| unsafe { Orphan::new(pointer(word)) });
                report.dropped += u64::from(orphan.flatten().is_some());
            }
            // SAFETY: the stop has made all slots this thread's.
            match unsafe { arena.abandon(segment) } {
                Ok(()) => report.segments_released += 1,
                Err(_) => report.segments_refused += 1,
            }
            next = arena.committed.next(segment);
        }
        let Ok(mut stopped) = space.safepoint.stop() else { return report };
        start_cycle(space, &mut stopped, 0);
        drop(stopped);
        spaces.close(self.lessee);
        report
    }
}

impl<E: Collected> Drop for Tenancy<E> {
    fn drop(&mut self) {
        self.end();
    }
}
