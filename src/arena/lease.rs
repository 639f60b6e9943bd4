//! What the arenas share that lease segments of one reserved range.
//!
//! An arena that leases has a committed bitmap of its own, and grows by segments that no other has
//! taken. A word a segment says which arena has it: its *lessee*.

use core::ops::Range;
use core::ptr::NonNull;

use super::committed::Committed;
use crate::bits::geometry::Geometry;
use crate::sync::unmodelled::Arc;
use crate::sync::{AtomicU32, Ordering, try_slice};

/// The arena that has a segment, and flags that mean something to its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lessee(u32);

impl Lessee {
    /// Of a segment that no arena has.
    pub(crate) const NONE: Lessee = Lessee(0);

    /// The bits of the number. Those above are flags.
    const NUMBER: u32 = 0xffff;

    /// The arena with this number, from 1 on.
    pub(crate) const fn new(number: u32) -> Lessee {
        assert!(number > 0 && number <= Lessee::NUMBER);
        Lessee(number)
    }

    /// Returns the number of the arena, 0 for none.
    #[inline(always)]
    pub(crate) const fn number(self) -> u32 {
        self.0 & Lessee::NUMBER
    }

    /// Sets flags: bits from 16 on.
    pub(crate) const fn with(self, flags: u32) -> Lessee {
        Lessee(self.0 | flags)
    }

    /// Clears flags.
    pub(crate) const fn without(self, flags: u32) -> Lessee {
        Lessee(self.0 & !flags)
    }

    #[inline(always)]
    pub(crate) const fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// What the arenas of one range share.
///
/// | field | writer | when |
/// |---|---|---|
/// | `taken` | as `Committed` has it | before the arena's own bit is set, after it is cleared |
/// | `lessees` | the thread that set the segment's bit, or the arena's sweeper | while the segment is its own |
/// | `writable` | growers, upwards only | inside an operation |
#[derive(Debug)]
pub(crate) struct Common {
    taken: Committed,
    lessees: Box<[AtomicU32]>,
    pub(super) writable: AtomicU32,
}

/// An arena's part in a range.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) common: Arc<Common>,
    pub(super) lessee: Lessee,
}

impl Common {
    /// `None` if there is no memory.
    pub(super) fn new(geometry: Geometry) -> Option<Self> {
        Some(Self {
            taken: Committed::new(geometry)?,
            lessees: try_slice(geometry.segments() as usize, |_| AtomicU32::new(0))?,
            writable: AtomicU32::new(0),
        })
    }

    /// Returns the lessee of a segment.
    #[inline(always)]
    pub(crate) fn lessee(&self, segment: u32) -> Lessee {
        Self::load(&self.lessees[segment as usize])
    }

    #[inline(always)]
    pub(super) fn load(lessee: &AtomicU32) -> Lessee {
        // Acquire: a thread that finds a segment in use again finds its words as the sweeper left
        // them. Partner: lease.set_lessee.store.
        Lessee(lessee.load(Ordering::Acquire))
    }

    /// The first of the lessees.
    pub(super) fn first(&self) -> NonNull<AtomicU32> {
        NonNull::from(&*self.lessees).cast()
    }

    /// Sets the lessee of a segment, which is the caller's.
    pub(crate) fn set_lessee(&self, segment: u32, lessee: Lessee) {
        // Release: what the caller did to the segment's words comes first. Partner:
        // lease.load.load.
        self.lessees[segment as usize].store(lessee.0, Ordering::Release);
    }
}

/// What an arena does to its bitmap, with a lease or without.
impl Committed {
    /// Sets the lowest clear bit, and returns its segment, which is then the caller's to commit.
    pub(super) fn take_lowest(&self, lease: Option<&Lease>) -> Option<u32> {
        let Some(lease) = lease else { return self.set_lowest() };
        let segment = lease.common.taken.set_lowest()?;
        self.begin_lease(lease, segment, lease.lessee);
        Some(segment)
    }

    /// Sets a segment's bit. Returns `false` if it was set, or if there is no such segment.
    pub(super) fn take(&self, lease: Option<&Lease>, segment: u32) -> bool {
        let Some(lease) = lease else { return self.set(segment) };
        let is_taken = lease.common.taken.set(segment);
        if is_taken {
            self.begin_lease(lease, segment, lease.lessee);
        }
        is_taken
    }

    /// Clears the bits of segments, which other growers may then take.
    pub(super) fn give_back(&self, lease: Option<&Lease>, segments: Range<u32>) {
        self.clear(segments.clone());
        if let Some(lease) = lease {
            for segment in segments.clone() {
                lease.common.set_lessee(segment, Lessee::NONE);
            }
            lease.common.taken.clear(segments);
        }
    }

    /// Makes a segment, which is the caller's, one of this arena's.
    pub(super) fn begin_lease(&self, lease: &Lease, segment: u32, lessee: Lessee) {
        let is_new = self.set(segment);
        debug_assert!(is_new, "Invariant 5: a segment is one arena's at a time");
        lease.common.set_lessee(segment, lessee);
    }
}
