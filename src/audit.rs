//! The audit: with the world stopped, every chain is walked and every slot looked at, and what
//! is found is held against the invariants.

use core::fmt;

use crate::allocator::Allocator;
use crate::segment::Geometry;
use crate::word::{self, State, Word};
use crate::world::Stopped;

/// What is in one committed segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SegmentAudit {
    /// The segment's number: its first slot's index over the slots of a segment.
    pub index: u32,
    /// Slots that hold an entry.
    pub live: u32,
    /// Free slots.
    pub free: u32,
    /// Slots handed out without an entry.
    pub uninitialized: u32,
}

/// A table that was found in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Audit {
    /// Slots that hold an entry.
    pub live: u64,
    /// Free slots; each is in exactly one chain or private store.
    pub free: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// Usable slots of the committed segments: the sum of the three.
    pub slots_committed: u64,
    /// The committed segments, ascending.
    pub segments: Vec<SegmentAudit>,
}

/// An invariant that does not hold. A bug in this crate, or memory that was overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// A chain or private store leads to an index that is 0, beyond the capacity, or in a
    /// segment that is not committed (Invariants 2, 5 and 6).
    Astray {
        /// Where it leads.
        index: u32,
    },
    /// A chain or private store holds a slot that is in use (Invariants 1 and 3).
    InUse {
        /// The slot.
        index: u32,
    },
    /// A slot is in two chains or stores, or twice in one (Invariant 2).
    Twice {
        /// The slot.
        index: u32,
    },
    /// Free slots are in no chain and no private store (Invariant 4).
    Lost {
        /// How many.
        count: u64,
        /// The one with the lowest index.
        first: u32,
    },
    /// The running count of uninitialized slots is wrong (Invariant 4).
    Uninitialized {
        /// What the count says.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// The running count of slots that a sweep under way has not brought back is wrong
    /// (Invariant 4).
    Detached {
        /// What the count says.
        counted: u64,
        /// How many there are.
        found: u64,
    },
    /// A slot of a segment that is not committed is not zero (Invariant 5).
    NotReleased {
        /// The slot.
        index: u32,
    },
    /// No memory for the audit's own notes: one bit for each slot.
    NoMemory {
        /// How many bytes were asked for.
        bytes: usize,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Violation::Astray { index } => {
                write!(f, "a chain leads to {index}, which is no committed slot")
            }
            Violation::InUse { index } => write!(f, "a chain holds slot {index}, which is in use"),
            Violation::Twice { index } => write!(f, "slot {index} is in two chains"),
            Violation::Lost { count, first } => {
                write!(f, "{count} free slots are in no chain, the first is {first}")
            }
            Violation::Uninitialized { counted, found } => {
                write!(f, "{counted} uninitialized slots counted, {found} found")
            }
            Violation::Detached { counted, found } => {
                write!(f, "{counted} detached slots counted, {found} found")
            }
            Violation::NotReleased { index } => {
                write!(f, "slot {index} of an uncommitted segment is not zero")
            }
            Violation::NoMemory { bytes } => write!(f, "no memory: {bytes} bytes for the audit"),
        }
    }
}

impl std::error::Error for Violation {}

/// A bit for each slot, up to the last committed segment.
struct Seen(Vec<u64>);

impl Seen {
    fn new(indices: u64) -> Result<Self, Violation> {
        let words = indices.div_ceil(64) as usize;
        let mut bits = Vec::new();
        bits.try_reserve_exact(words).map_err(|_| Violation::NoMemory { bytes: words * 8 })?;
        bits.resize(words, 0);
        Ok(Self(bits))
    }

    fn contains(&self, index: u32) -> bool {
        self.0[(index / 64) as usize] & 1 << (index % 64) != 0
    }

    /// `false` if it was there.
    fn insert(&mut self, index: u32) -> bool {
        let fresh = !self.contains(index);
        self.0[(index / 64) as usize] |= 1 << (index % 64);
        fresh
    }
}

/// Holds the table against Invariants 1, 2, 4 and 5.
pub(crate) fn audit<W: Word>(
    allocator: &Allocator<W>,
    stopped: &mut Stopped<'_>,
) -> Result<Audit, Violation> {
    let geometry = allocator.arena.geometry();
    let end =
        allocator.arena.claims.committed(stopped).last().map_or(0, |last| u64::from(last) + 1);
    let mut seen = Seen::new(end * u64::from(geometry.slots_per_segment()))?;
    walk_chains(allocator, &mut seen)?;
    look_into_magazines(allocator, stopped, &mut seen)?;
    let mut audit = Audit::default();
    let mut lost: Option<(u64, u32)> = None;
    let mut detached = 0;
    for segment in allocator.arena.claims.committed(stopped) {
        if allocator.detached.is_pending(segment) {
            detached += meet_detached(allocator, stopped, &mut seen, segment)?;
        }
        let found = look_into_segment(allocator, geometry, segment, &seen, &mut lost);
        audit.live += u64::from(found.live);
        audit.free += u64::from(found.free);
        audit.uninitialized += u64::from(found.uninitialized);
        audit.slots_committed += u64::from(geometry.usable(segment));
        audit.segments.push(found);
    }
    if let Some((count, first)) = lost {
        return Err(Violation::Lost { count, first });
    }
    if detached != allocator.detached.slots() {
        let counted = allocator.detached.slots();
        return Err(Violation::Detached { counted, found: detached });
    }
    let counted = stopped.records().fold(0u64, |sum, r| sum.wrapping_add(r.uninitialized()));
    if counted != audit.uninitialized {
        return Err(Violation::Uninitialized { counted, found: audit.uninitialized });
    }
    look_between_segments(allocator, &audit)?;
    Ok(audit)
}

/// A free slot of a committed segment that was not met before.
fn meet<W: Word>(allocator: &Allocator<W>, seen: &mut Seen, index: u32) -> Result<(), Violation> {
    let geometry = allocator.arena.geometry();
    let inside = index != 0 && index <= geometry.capacity();
    if !inside || !allocator.arena.claims.is_committed(geometry.segment_of(index)) {
        return Err(Violation::Astray { index });
    }
    if word::state(allocator.arena.slot(index).look()) != State::Free {
        return Err(Violation::InUse { index });
    }
    if seen.insert(index) { Ok(()) } else { Err(Violation::Twice { index }) }
}

fn walk_chains<W: Word>(allocator: &Allocator<W>, seen: &mut Seen) -> Result<(), Violation> {
    for stripe in &allocator.stripes {
        let chain = stripe.look();
        let mut index = chain.first();
        for met in 1..=chain.length() {
            meet(allocator, seen, index)?;
            if met < chain.length() {
                index = allocator.arena.slot(index).next(index);
            }
        }
    }
    Ok(())
}

fn look_into_magazines<W: Word>(
    allocator: &Allocator<W>,
    stopped: &mut Stopped<'_>,
    seen: &mut Seen,
) -> Result<(), Violation> {
    let mut result = Ok(());
    stopped.for_each_magazine(|magazine| {
        magazine.for_each(|index| {
            if result.is_ok() {
                result = meet(allocator, seen, index);
            }
        });
    });
    result
}

/// The slots of a pending segment that a sweep will bring back. Returns how many.
fn meet_detached<W: Word>(
    allocator: &Allocator<W>,
    stopped: &Stopped<'_>,
    seen: &mut Seen,
    segment: u32,
) -> Result<u64, Violation> {
    let geometry = allocator.arena.geometry();
    let first = geometry.first(segment);
    let mut count = 0;
    for index in (0..geometry.usable(segment)).map(|i| first + i) {
        if word::is_detached(allocator.arena.slot(index).look(), stopped.round()) {
            meet(allocator, seen, index)?;
            count += 1;
        }
    }
    Ok(count)
}

fn look_into_segment<W: Word>(
    allocator: &Allocator<W>,
    geometry: Geometry,
    segment: u32,
    seen: &Seen,
    lost: &mut Option<(u64, u32)>,
) -> SegmentAudit {
    let mut found = SegmentAudit { index: segment, live: 0, free: 0, uninitialized: 0 };
    let first = geometry.first(segment);
    for index in (0..geometry.usable(segment)).map(|i| first + i) {
        match word::state(allocator.arena.slot(index).look()) {
            State::Live => found.live += 1,
            State::Uninitialized => found.uninitialized += 1,
            State::Free => {
                found.free += 1;
                if !seen.contains(index) {
                    let (count, first) = lost.unwrap_or((0, index));
                    *lost = Some((count + 1, first));
                }
            }
        }
    }
    found
}

/// Uncommitted segments between committed ones read as zero. (Those above were never written
/// to, or are as good; looking at all of them would touch the whole reservation.)
fn look_between_segments<W: Word>(
    allocator: &Allocator<W>,
    audit: &Audit,
) -> Result<(), Violation> {
    let geometry = allocator.arena.geometry();
    for pair in audit.segments.windows(2) {
        for segment in pair[0].index + 1..pair[1].index {
            let first = geometry.first(segment);
            for index in (0..geometry.usable(segment)).map(|i| first + i) {
                if allocator.arena.slot(index).look() != word::zero() {
                    return Err(Violation::NotReleased { index });
                }
            }
        }
    }
    Ok(())
}
