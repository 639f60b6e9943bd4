//! The audit: every chain walked and every slot read with the world stopped, and what is found held
//! against the invariants.

use super::allocator::Allocator;
use crate::bits::handle::OperationError;
use crate::bits::word::{self, State, Word};
use crate::safepoint::Stopped;
use crate::sweep::Space;

/// The slots of one committed segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SegmentAudit {
    /// The segment's number: its first slot's index divided by the slots of a segment.
    pub index: u32,
    /// Slots that hold an entry.
    pub live: u32,
    /// Free slots.
    pub free: u32,
    /// Slots handed out without an entry.
    pub uninitialized: u32,
}

/// The counts of a table that was found in order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Audit {
    /// Slots that hold an entry.
    pub live: u64,
    /// Free slots. Each is in exactly one chain or local store, or unswept.
    pub free: u64,
    /// Slots handed out without an entry.
    pub uninitialized: u64,
    /// Usable slots of the committed segments: the sum of the three above.
    pub slots_committed: u64,
    /// The committed segments, ascending.
    pub segments: Vec<SegmentAudit>,
}

/// An invariant that does not hold: a bug in this crate, or memory that was overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AuditError {
    /// A chain or local store leads to an index that is 0, beyond the capacity, or in a segment
    /// that is not committed (Invariants 2, 5 and 6).
    Astray {
        /// The index.
        index: u32,
    },
    /// A chain or local store holds a slot that is in use (Invariants 1 and 3).
    InUse {
        /// The slot.
        index: u32,
    },
    /// A slot is in two chains or stores, or twice in one (Invariant 2).
    Twice {
        /// The slot.
        index: u32,
    },
    /// Free slots are in no chain and no local store (Invariant 4).
    Lost {
        /// The number of them.
        count: u64,
        /// The lowest index among them.
        first: u32,
    },
    /// The running count of uninitialized slots is wrong (Invariant 4).
    Uninitialized {
        /// The count.
        counted: u64,
        /// The number there are.
        found: u64,
    },
    /// The running count of unswept slots is wrong (Invariant 4).
    Unswept {
        /// The count.
        counted: u64,
        /// The number there are.
        found: u64,
    },
    /// A slot of a decommitted segment is not zero (Invariant 5).
    NotDecommitted {
        /// The slot.
        index: u32,
    },
    /// The world could not be stopped.
    Operation(OperationError),
    /// There was no memory for the audit's own notes: a bit a slot.
    NoMemory {
        /// The bytes asked for.
        bytes: usize,
    },
}

fmt!([] Display for AuditError, |this, f| match *this {
    Self::Astray { index } => write!(f, "a chain leads to {index}, which is no committed slot"),
    Self::InUse { index } => write!(f, "a chain holds slot {index}, which is in use"),
    Self::Twice { index } => write!(f, "slot {index} is in two chains"),
    Self::Lost { count, first } => {
        write!(f, "{count} free slots are in no chain, the first is {first}")
    }
    Self::Uninitialized { counted, found } => {
        write!(f, "{counted} uninitialized slots counted, {found} found")
    }
    Self::Unswept { counted, found } => write!(f, "{counted} unswept slots counted, {found} found"),
    Self::NotDecommitted { index } => {
        write!(f, "slot {index} of an uncommitted segment is not zero")
    }
    Self::Operation(error) => write!(f, "no audit: {error}"),
    Self::NoMemory { bytes } => write!(f, "no memory: {bytes} bytes for the audit"),
});
operation_error!(AuditError);

/// A bit for each slot, up to the last committed segment: its index has been found.
struct Found(Vec<u64>);

impl Found {
    fn new(indices: u64) -> Result<Self, AuditError> {
        let words = indices.div_ceil(64) as usize;
        let mut bits = Vec::new();
        bits.try_reserve_exact(words).map_err(|_| AuditError::NoMemory { bytes: words * 8 })?;
        bits.resize(words, 0);
        Ok(Self(bits))
    }

    fn contains(&self, index: u32) -> bool {
        self.0[(index / 64) as usize] & 1 << (index % 64) != 0
    }

    /// Returns `false` if it was there.
    fn insert(&mut self, index: u32) -> bool {
        let fresh = !self.contains(index);
        self.0[(index / 64) as usize] |= 1 << (index % 64);
        fresh
    }
}

/// Holds the table against Invariants 1, 2, 4, and 5.
pub(crate) fn audit<W: Word>(allocator: &Allocator<W>) -> Result<Audit, AuditError> {
    let space = &allocator.space;
    let mut stopped = space.safepoint.stop()?;
    let geometry = space.arena.geometry();
    let end = space.arena.committed.iter().last().map_or(0, |last| u64::from(last) + 1);
    let mut found = Found::new(end * u64::from(geometry.slots_per_segment()))?;
    walk_chains(space, &mut found)?;
    walk_stores(space, &mut stopped, &mut found)?;
    let mut audit = Audit::default();
    let mut lost: Option<(u64, u32)> = None;
    let mut unswept = 0;
    for segment in space.arena.committed.iter() {
        if space.unswept.contains(segment) {
            unswept += add_unswept(space, &stopped, &mut found, segment)?;
        }
        let counts = count_segment(space, segment, &found, &mut lost);
        audit.live += u64::from(counts.live);
        audit.free += u64::from(counts.free);
        audit.uninitialized += u64::from(counts.uninitialized);
        audit.slots_committed += u64::from(geometry.usable(segment));
        audit.segments.push(counts);
    }
    if let Some((count, first)) = lost {
        return Err(AuditError::Lost { count, first });
    }
    if unswept != space.unswept.slots() {
        let counted = space.unswept.slots();
        return Err(AuditError::Unswept { counted, found: unswept });
    }
    let counted = stopped.uninitialized();
    if counted != audit.uninitialized {
        return Err(AuditError::Uninitialized { counted, found: audit.uninitialized });
    }
    check_gaps(space, &audit)?;
    Ok(audit)
}

/// Adds an index, which must be a committed segment's free slot's, found for the first time.
fn add<W: Word>(space: &Space<W>, found: &mut Found, index: u32) -> Result<(), AuditError> {
    let geometry = space.arena.geometry();
    let inside = index != 0 && index <= geometry.capacity();
    if !inside || !space.arena.committed.contains(geometry.segment_of(index)) {
        return Err(AuditError::Astray { index });
    }
    if word::state(space.arena.slot(index).peek()) != State::Free {
        return Err(AuditError::InUse { index });
    }
    if found.insert(index) { Ok(()) } else { Err(AuditError::Twice { index }) }
}

fn walk_chains<W: Word>(space: &Space<W>, found: &mut Found) -> Result<(), AuditError> {
    for list in &space.lists {
        let chain = list.peek();
        let mut index = chain.first();
        for position in 1..=chain.length() {
            add(space, found, index)?;
            if position < chain.length() {
                index = space.arena.slot(index).next(index);
            }
        }
    }
    Ok(())
}

fn walk_stores<W: Word>(
    space: &Space<W>,
    stopped: &mut Stopped<'_>,
    found: &mut Found,
) -> Result<(), AuditError> {
    let mut result = Ok(());
    stopped.for_each_store(|store| {
        store.for_each(|index| {
            if result.is_ok() {
                result = add(space, found, index);
            }
        });
    });
    result
}

/// Adds the unswept slots of an unswept segment. Returns their number.
fn add_unswept<W: Word>(
    space: &Space<W>,
    stopped: &Stopped<'_>,
    found: &mut Found,
    segment: u32,
) -> Result<u64, AuditError> {
    let mut count = 0;
    for index in space.arena.geometry().indices(segment) {
        if word::is_unswept(space.arena.slot(index).peek(), stopped.cycle()) {
            add(space, found, index)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Counts the slots of a segment, and the free ones among them that are lost.
fn count_segment<W: Word>(
    space: &Space<W>,
    segment: u32,
    found: &Found,
    lost: &mut Option<(u64, u32)>,
) -> SegmentAudit {
    let mut counts = SegmentAudit { index: segment, live: 0, free: 0, uninitialized: 0 };
    for index in space.arena.geometry().indices(segment) {
        match word::state(space.arena.slot(index).peek()) {
            State::Live => counts.live += 1,
            State::Uninitialized => counts.uninitialized += 1,
            State::Free => {
                counts.free += 1;
                if !found.contains(index) {
                    let (count, first) = lost.unwrap_or((0, index));
                    *lost = Some((count + 1, first));
                }
            }
        }
    }
    counts
}

/// Checks that decommitted segments between committed ones read as zero. Those above were never
/// written to, or are equally zero. Reading all of them would touch the whole range of addresses.
fn check_gaps<W: Word>(space: &Space<W>, audit: &Audit) -> Result<(), AuditError> {
    if space.arena.shares_memory() {
        // Another arena may have what lies between, and store to it meanwhile.
        return Ok(());
    }
    for pair in audit.segments.windows(2) {
        for segment in pair[0].index + 1..pair[1].index {
            for index in space.arena.geometry().indices(segment) {
                if space.arena.slot(index).peek() != word::zero() {
                    return Err(AuditError::NotDecommitted { index });
                }
            }
        }
    }
    Ok(())
}
