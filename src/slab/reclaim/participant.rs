//! A participant of a slab: what it reserves, and what it has removed.

use core::cell::Cell;
use core::ops::Range;
use core::ptr::{self, NonNull};

use super::era::{Birth, Reservation};
use super::limbo::Limbo;
use crate::bits::handle::OperationError;
use crate::safepoint::{self, LightSide, Record};
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU64, InPage, Ordering, Placed, UnsafeCell, unmodelled,
};

/// One participant of a slab: a thread, or a mutator. It is also one of the allocator below, where
/// its record has its local store of free slots.
///
/// | field | reader | writer |
/// |---|---|---|
/// | `reservation` | any thread | owner |
/// | `private` | owner | owner |
/// | `limbo` | owner inside an operation; stopper | the same |
/// | `waiting` | any thread, as a figure | owner, inside an operation where it is exact |
/// | `asleep` | any thread | any thread |
/// | `owned` | any thread | a thread that acquires it, by compare-and-swap; owner |
/// | `next` | any thread | the holder of the list's lock, once the participant is in the list |
/// | `next_retired` | the list's trimmer | the same |
// Aligned, so that no line of it is shared with data that another thread writes to.
#[cfg_attr(not(model), repr(C, align(128)))]
pub(crate) struct Participant {
    pub(crate) reservation: Reservation,
    side: LightSide,
    private: Private,
    limbo: UnsafeCell<Limbo>,
    /// Values in `limbo`.
    waiting: AtomicU64,
    /// Looks of other participants at this limbo since the owner's last. Not modelled: a hint.
    asleep: unmodelled::AtomicU64,
    pub(super) owned: AtomicBool,
    pub(super) next: AtomicPtr<Participant>,
    pub(super) next_retired: Cell<*mut Participant>,
    /// Read at each visit, and written to at the end, so that loom sees a visit after the end.
    #[cfg(model)]
    alive: UnsafeCell<()>,
}

/// What only the owner of a participant touches.
pub(crate) struct Private {
    /// The value of the slab's `readers` that proves the owner to be the sole possible reader.
    pub(crate) sole_reader: Cell<SoleReader>,
    /// `true` while the owner drops values.
    pub(crate) is_dropping: Cell<bool>,
    /// `true` once the owner has left, but for a guard.
    pub(crate) is_leaving: Cell<bool>,
    /// The number of looks of the owner at its limbo.
    pub(crate) looks: Cell<u32>,
    /// The values that waited after the last look of a pool.
    pub(crate) delayed: Cell<u64>,
    /// The record in the allocator below. It stays when the owner leaves.
    record: Cell<Option<NonNull<Record>>>,
    registration: Cell<Option<safepoint::Registration>>,
}

impl Private {
    const fn new(record: Option<NonNull<Record>>) -> Self {
        Self {
            sole_reader: Cell::new(SoleReader::NO_READER),
            is_dropping: Cell::new(false),
            is_leaving: Cell::new(false),
            looks: Cell::new(0),
            delayed: Cell::new(0),
            record: Cell::new(record),
            registration: Cell::new(None),
        }
    }
}

// SAFETY: the table above says which thread touches each field.
unsafe impl Send for Participant {}
// SAFETY: the table above says which thread touches each field.
unsafe impl Sync for Participant {}

/// The value of a slab's `readers` that proves a participant to be the sole possible reader.
///
/// Bit 0: the participant is counted as a reader, since it has had a guard. Bits 33 to 63: its live
/// guards. With a guard it is a value that `readers` never takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub(crate) struct SoleReader(u64);

impl SoleReader {
    /// That of a participant that has never had a guard.
    pub(crate) const NO_READER: SoleReader = SoleReader(0);

    /// What one reader adds to `readers`. There are fewer than 2^32 readers, since each takes over
    /// a hundred bytes, and half of all addresses are the system's.
    pub(crate) const READER: u64 = 1;

    /// What `readers` also has where the light fence is a full one. No participant's value has it.
    pub(crate) const FENCED: u64 = 1 << 32;

    const GUARD: u64 = 1 << 33;

    /// The most guards that are counted. Beyond it neither new guards nor ended ones count, so a
    /// participant that forgets this many guards has one forever.
    const MOST: u64 = u64::MAX - (Self::GUARD - 1);

    /// Returns `true` if `readers` proves that no guard sees what the participant has removed.
    #[inline(always)]
    pub(crate) fn is(self, readers: u64) -> bool {
        self.0 == readers
    }

    #[inline(always)]
    pub(crate) fn is_reader(self) -> bool {
        self.0 & Self::READER != 0
    }

    #[inline(always)]
    pub(crate) fn has_guard(self) -> bool {
        self.0 >= Self::GUARD
    }

    pub(crate) fn with_reader(self) -> Self {
        Self(self.0 | Self::READER)
    }

    #[inline(always)]
    pub(crate) fn with_guard(self) -> Self {
        if self.0 >= Self::MOST { self } else { Self(self.0 + Self::GUARD) }
    }

    /// Counts one guard less. There is one.
    #[inline(always)]
    pub(crate) fn without_guard(self) -> Self {
        if self.0 >= Self::MOST { self } else { Self(self.0 - Self::GUARD) }
    }
}

/// The ownership of a participant. Neither copied nor cloned.
#[derive(Debug)]
pub(crate) struct Registration(NonNull<Participant>);

// SAFETY: a registration is the ownership of the participant, whichever thread holds it.
unsafe impl Send for Registration {}
// SAFETY: a shared reference gives the participant's address and nothing else.
unsafe impl Sync for Registration {}

impl Registration {
    /// The participant. It lives as long as it has an owner.
    pub(crate) fn participant(&self) -> NonNull<Participant> {
        self.0
    }

    /// The registration of a participant that is the caller's.
    pub(crate) fn of(participant: NonNull<Participant>) -> Self {
        Self(participant)
    }
}

impl Participant {
    const_fn! {
        pub(super) fn new(next: *mut Participant, record: Option<NonNull<Record>>) -> Self {
            Self {
                reservation: Reservation::none(),
                side: LightSide::new(),
                private: Private::new(record),
                limbo: UnsafeCell::new(Limbo::EMPTY),
                waiting: AtomicU64::new(0),
                asleep: unmodelled::AtomicU64::new(0),
                owned: AtomicBool::new(true),
                next: AtomicPtr::new(next),
                next_retired: Cell::new(ptr::null_mut()),
                #[cfg(model)]
                alive: UnsafeCell::new(()),
            }
        }
    }

    /// The participant of mutators that could not register: it is always in an operation.
    #[cfg(not(model))]
    pub(crate) fn refused(error: OperationError) -> &'static Participant {
        const fn of(error: OperationError) -> Participant {
            let record = ptr::from_ref(Record::refused(error)).cast_mut();
            Participant::new(ptr::null_mut(), NonNull::new(record))
        }
        static REFUSED: [Participant; 3] = [
            of(OperationError::Reentered),
            of(OperationError::Forked),
            of(OperationError::OutOfMemory),
        ];
        &REFUSED[error as usize]
    }

    /// In a model each registers.
    #[cfg(model)]
    pub(crate) fn refused(error: OperationError) -> &'static Participant {
        unreachable!("{error}")
    }

    /// Tells loom of a visit.
    #[inline(always)]
    pub(super) fn visit(&self) {
        #[cfg(model)]
        self.alive.with(|_| ());
    }

    /// Frees the participant, and returns the registration that it had in the allocator below. A
    /// model keeps it, so that a visit that comes too late finds it.
    pub(super) fn end(this: Placed<Self>) -> Option<safepoint::Registration> {
        let registration = this.detach();
        #[cfg(model)]
        {
            // SAFETY: never freed.
            let kept = unsafe { this.into_raw().as_mut() };
            kept.alive.with_mut(|_| ());
            // As a new owner would use it.
            kept.limbo.with_mut(|_| ());
        }
        #[cfg(not(model))]
        drop(this);
        registration
    }

    /// Attaches the participant to its record in the allocator below. For the owner.
    pub(crate) fn attach(&self, registration: safepoint::Registration) {
        self.private.record.set(Some(registration.record()));
        self.private.registration.set(Some(registration));
    }

    /// Returns `true` if the participant has a record in the allocator below. For the owner.
    pub(crate) fn is_attached(&self) -> bool {
        self.private.record.get().is_some()
    }

    /// Takes the participant's record away, for its registration to be ended. For the owner.
    pub(crate) fn detach(&self) -> Option<safepoint::Registration> {
        self.private.record.set(None);
        self.private.registration.take()
    }

    /// The owner's side of the fence between its guards and a participant that drops values.
    #[inline(always)]
    pub(crate) fn side(&self) -> &LightSide {
        &self.side
    }

    /// # Safety
    ///
    /// The caller owns the participant as long as it uses the result.
    #[inline(always)]
    pub(crate) unsafe fn private(&self) -> &Private {
        &self.private
    }

    /// # Safety
    ///
    /// The caller owns the participant, which has been attached to its record.
    #[inline(always)]
    pub(crate) unsafe fn record(&self) -> &Record {
        // SAFETY: by the contract of this function.
        let record = unsafe { self.private.record.get().unwrap_unchecked() };
        // SAFETY: the record lives as long as the registration, which stands beside it.
        unsafe { record.as_ref() }
    }

    /// Gives `f` exclusive use of the limbo.
    ///
    /// # Safety
    ///
    /// The caller is the owner inside an operation, or has stopped the world (Invariant 8). This is
    /// not called again while `f` runs.
    #[inline(always)]
    pub(crate) unsafe fn with_limbo<R>(&self, f: impl FnOnce(&mut Limbo) -> R) -> R {
        let (result, before, after) = self.limbo.with_mut(|limbo| {
            // SAFETY: exclusive use, by the contract of this function.
            let limbo = unsafe { &mut *limbo };
            let before = limbo.len();
            let result = f(limbo);
            (result, before, limbo.len())
        });
        if before != after {
            // Relaxed: a figure.
            self.waiting.store(after as u64, Ordering::Relaxed);
        }
        result
    }

    /// Notes a removed value. Returns whether there was memory for that, and whether it is time to
    /// look at the guards (see [`Limbo::is_due`]).
    ///
    /// # Safety
    ///
    /// Same as [`with_limbo`](Self::with_limbo).
    #[inline(always)]
    pub(crate) unsafe fn retire(
        &self,
        index: u32,
        birth: Birth,
        batch: usize,
        needs_drop: bool,
    ) -> (bool, bool) {
        let (noted, is_due) = self.limbo.with_mut(|limbo| {
            // SAFETY: exclusive use, by the contract of this function.
            let limbo = unsafe { &mut *limbo };
            (limbo.push(index, birth), limbo.is_due(batch, needs_drop))
        });
        if noted {
            // Relaxed: a figure.
            self.waiting.store(self.waiting() + 1, Ordering::Relaxed);
        }
        (noted, is_due)
    }

    /// The approximate number of values in the limbo.
    #[inline]
    pub(crate) fn waiting(&self) -> u64 {
        // Relaxed: a figure. Exact with the world stopped (Invariant 8).
        self.waiting.load(Ordering::Relaxed)
    }

    /// Notes that the owner looks at its limbo.
    pub(crate) fn wake(&self) {
        // Relaxed: a hint.
        self.asleep.store(0, Ordering::Relaxed);
    }

    /// Notes that another participant looks. Returns `true` if one did since the owner last looked.
    pub(crate) fn was_asleep(&self) -> bool {
        // Relaxed: a hint.
        self.asleep.fetch_add(1, Ordering::Relaxed) > 0
    }
}

impl InPage for Participant {
    const AT: usize = 0x880;
    const STORED: Range<usize> = 0..size_of::<Participant>();
}

#[cfg(not(model))]
const _: () = assert!(size_of::<Record>() <= Participant::AT);

fmt!([] Debug for Participant, |this, f| {
    f.debug_struct("Participant").field("waiting", &this.waiting()).finish_non_exhaustive()
});

#[cfg(all(test, not(model)))]
#[path = "../../../tests/unit/participant.rs"]
mod tests;
