//! The list of a slab's participants, and when one may be freed.
//!
//! A participant joins at the head. Any thread may walk through the list. A participant that leaves
//! stays in the list, for the next that joins. If there are many of those, one that leaves *trims*
//! the list: it takes them out and *retires* them. So does each sweep. A walk that began before may
//! still visit them. So they are freed once no walk is under way. With named events:
//!
//! ```text
//!   walker                                   trimmer, of which there is one
//!   WB  counts its walk                      TU  unlinks the participant
//!   WL  loads the links: visits it           TW  reads the number of walks: 0
//!   WE  counts its walk off                  TF  frees the participant
//! ```
//!
//! All changes of the number of walks are read-modify-writes, and so is TW. So they have one order.
//! Either WB comes before TW, and then WE does too, and TW acquires all of the walk. Or TW comes
//! before WB, which acquires TU, and WL finds the list without the participant.
//!
//! This part deliberately knows nothing of what participants do.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use super::participant::{Participant, Registration};
#[cfg(model)]
use crate::safepoint::LightSide;
use crate::safepoint::{self, Operation};
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, UnsafeCell};
use crate::sync::{Place, Placed, SHARED_BYTES, unmodelled};

/// The participants without an owner that are kept, besides as many as have one.
const SPARE: usize = 16;

/// The list of a slab's participants.
#[derive(Debug)]
pub(crate) struct Participants {
    head: AtomicPtr<Participant>,
    /// The participants in the list. Not modelled: a hint.
    count: unmodelled::AtomicUsize,
    /// Those that have an owner. Not modelled: a hint.
    owned: unmodelled::AtomicUsize,
    /// The walks under way.
    walks: AtomicU64,
    /// Set while a thread trims the list. No lock, since loom's `try_lock` succeeds where a thread
    /// that holds the lock is at any step.
    is_trimming: AtomicBool,
    /// The participants that a walk may still visit. The trimmer's.
    retired: UnsafeCell<Retired>,
    /// Whether each participant that leaves trims the list. Else a model has none of these steps.
    #[cfg(model)]
    is_trimmed: unmodelled::AtomicBool,
    /// Where those that join meet a heavy fence.
    #[cfg(model)]
    pub(crate) newcomers: LightSide,
    /// Where they lie.
    place: Place,
    owns: PhantomData<Participant>,
}

// SAFETY: only the trimmer touches `retired`, and there is one. All else may be shared.
unsafe impl Sync for Participants {}

impl Participants {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            head: AtomicPtr::new(ptr::null_mut()),
            count: unmodelled::AtomicUsize::new(0),
            owned: unmodelled::AtomicUsize::new(0),
            walks: AtomicU64::new(0),
            is_trimming: AtomicBool::new(false),
            retired: UnsafeCell::new(Retired::none(place)),
            #[cfg(model)]
            is_trimmed: unmodelled::AtomicBool::new(false),
            #[cfg(model)]
            newcomers: LightSide::new(),
            place,
            owns: PhantomData,
        }
    }

    /// Acquires a participant without an owner, or makes a new one. Lock-free.
    /// `None` if there is no memory.
    pub(crate) fn join(&self) -> Option<Registration> {
        if let Some(registration) = self.walk().iter().find_map(|other| self.acquire(other)) {
            // Relaxed: a hint.
            self.owned.fetch_add(1, Ordering::Relaxed);
            return Some(registration);
        }
        // Relaxed: the compare-and-swap decides.
        let mut head = self.head.load(Ordering::Relaxed);
        // The list is at the end of what is shared.
        let end = core::ptr::from_ref(self).addr() + size_of::<Self>();
        let shared = Some(end.next_multiple_of(128).wrapping_sub(SHARED_BYTES));
        let participant = Placed::new(Participant::new(head, None), self.place, shared)?;
        let participant = participant.into_raw();
        loop {
            // Release: a thread that finds the participant finds it whole, and those behind it,
            // since only read-modify-writes touch the head. Partner: participants.iter.load,
            // participants.trim.load. Relaxed on failure: tries again.
            match self.head.compare_exchange(
                head,
                participant.as_ptr(),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => break,
                Err(now) => head = now,
            }
            // SAFETY: boxed just now.
            let unknown = unsafe { participant.as_ref() };
            // Relaxed: not in the list yet.
            unknown.next.store(head, Ordering::Relaxed);
        }
        // Relaxed: a hint.
        self.count.fetch_add(1, Ordering::Relaxed);
        // Relaxed: a hint.
        self.owned.fetch_add(1, Ordering::Relaxed);
        Some(Registration::of(participant))
    }

    /// The approximate number of participants in the list.
    pub(crate) fn count(&self) -> usize {
        // Relaxed: a hint.
        self.count.load(Ordering::Relaxed)
    }

    /// The approximate number of participants that have an owner.
    pub(crate) fn owned(&self) -> usize {
        // Relaxed: a hint.
        self.owned.load(Ordering::Relaxed)
    }

    /// Makes a participant the caller's for a moment, in which it does not count as one that has an
    /// owner. `None` if it has one. Wait-free.
    pub(crate) fn acquire(&self, participant: &Participant) -> Option<Registration> {
        let owned = &participant.owned;
        // Acquire: what the last owner left is the caller's now. Partner:
        // participants.release.store.
        // Relaxed on failure: another thread owns it.
        owned.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Registration::of(NonNull::from(participant)))
    }

    /// Gives a participant up. Its limbo stays as it is, and its record.
    pub(crate) fn leave(&self, registration: Registration) {
        // Relaxed: a hint.
        self.owned.fetch_sub(1, Ordering::Relaxed);
        self.release(registration);
    }

    /// Gives a participant up that was [acquired](Self::acquire). Wait-free.
    pub(crate) fn release(&self, registration: Registration) {
        // SAFETY: it lives as long as it has an owner.
        let participant = unsafe { registration.participant().as_ref() };
        // Release: hands the participant to its next owner. Partner:
        // participants.acquire.compare_exchange.
        participant.owned.store(false, Ordering::Release);
    }

    /// Begins a walk through the list. What it visits stays there until it ends. Wait-free.
    pub(crate) fn walk(&self) -> Walk<'_> {
        if self.is_trimmed() {
            // Acquire: the walk finds no participant that a trimmer has freed. Partner:
            // participants.trim.fetch_add.
            self.walks.fetch_add(1, Ordering::Acquire); // WB
        }
        Walk { list: self }
    }

    /// Returns `true` if participants that have left may be freed.
    #[cfg(not(model))]
    pub(crate) fn is_trimmed(&self) -> bool {
        true
    }

    #[cfg(model)]
    pub(crate) fn is_trimmed(&self) -> bool {
        // Relaxed: set before there are other threads.
        self.is_trimmed.load(Ordering::Relaxed)
    }

    /// Lets each participant that leaves, and each sweep, trim the list.
    #[cfg(model)]
    pub(crate) fn trim_always(&self) {
        // Relaxed: there are no other threads.
        self.is_trimmed.store(true, Ordering::Relaxed);
    }

    /// Forgets the walks of threads that a child of the process lacks. The caller is in none.
    pub(crate) fn after_fork(&self) {
        // Relaxed: no other thread runs.
        self.walks.store(0, Ordering::Relaxed);
    }

    /// Returns `true` if so many participants have no owner that it is time to trim the list. Then
    /// a trim's cost, spread over them, is constant.
    pub(crate) fn is_crowded(&self) -> bool {
        // Relaxed: a hint.
        let owned = self.owned.load(Ordering::Relaxed);
        if cfg!(model) { self.is_trimmed() } else { self.count() > 2 * owned + SPARE }
    }

    /// Takes the participants without an owner and without values out of the list. Returns those
    /// that no walk can visit, for their drop. Wait-free.
    ///
    /// The caller is inside an operation of the slab, so no stopper moves values (Invariant 8).
    pub(crate) fn trim(&self, _operation: &Operation<'_>) -> Option<Retired> {
        let is_trimming = &self.is_trimming;
        // Acquire: the list and `retired` are as the last trimmer left them. Partner:
        // participants.trim.store. Relaxed on failure: another thread trims.
        is_trimming.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let mut retired = self.take_retired();
        let mut link = &self.head;
        // Acquire: the participants are found whole. Partner: participants.join.compare_exchange.
        let mut next = self.head.load(Ordering::Acquire);
        // SAFETY: a participant of this list, or null. Only the trimmer frees one.
        while let Some(participant) = unsafe { next.as_ref() } {
            let this = next;
            participant.visit();
            // Relaxed: found whole, with all behind it.
            next = participant.next.load(Ordering::Relaxed);
            let Some(registration) = self.acquire(participant) else {
                link = &participant.next;
                continue;
            };
            // Relaxed: what it leads to was found before. Relaxed on failure: one has joined before
            // it, and it stays.
            let unlink = || {
                let done = link.compare_exchange(this, next, Ordering::Relaxed, Ordering::Relaxed);
                done.is_ok() // TU
            };
            if participant.waiting() == 0 && unlink() {
                participant.next_retired.set(retired.0);
                // As it was boxed: a reference does not reach all of the memory.
                retired.0 = this;
                // Relaxed: a hint.
                self.count.fetch_sub(1, Ordering::Relaxed);
            } else {
                link = &participant.next;
                self.release(registration);
            }
        }
        // AcqRel: the walks that ended have visited what they did before this, and those that begin
        // later find the list as it is now. Partner: participants.walk.fetch_add,
        // participants.drop.fetch_sub.
        let walks = self.walks.fetch_add(0, Ordering::AcqRel); // TW
        let none = Retired::none(self.place);
        let unvisited = (walks == 0).then(|| core::mem::replace(&mut retired, none));
        // SAFETY: this thread is the trimmer, until it clears the flag.
        self.retired.with_mut(|place| unsafe { *place = retired });
        // Release: hands the list and `retired` to the next trimmer. Partner:
        // participants.trim.compare_exchange.
        self.is_trimming.store(false, Ordering::Release);
        unvisited
    }

    /// Takes the retired participants. The caller is the trimmer.
    fn take_retired(&self) -> Retired {
        let none = Retired::none(self.place);
        // SAFETY: only the trimmer touches the cell.
        self.retired.with_mut(|place| unsafe { core::mem::replace(&mut *place, none) })
    }
}

impl Drop for Participants {
    fn drop(&mut self) {
        // Relaxed: no other thread has the list.
        let mut next = self.head.load(Ordering::Relaxed);
        while let Some(participant) = NonNull::new(next) {
            // SAFETY: from a box, and reached once.
            let participant = unsafe { Placed::from_raw(participant, self.place) };
            // Relaxed: no other thread has the list.
            next = participant.next.load(Ordering::Relaxed);
        }
    }
}

/// A walk through the list.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    list: &'a Participants,
}

impl Walk<'_> {
    /// All participants, owned or not, that were in the list when this was called, and are there
    /// still. Wait-free.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Participant> + Clone {
        // Acquire: the participants are found whole. Partner: participants.join.compare_exchange.
        let mut next = self.list.head.load(Ordering::Acquire); // WL
        core::iter::from_fn(move || {
            // SAFETY: a participant of this list, or null. None is freed during the walk.
            let participant = unsafe { next.as_ref() }?;
            participant.visit();
            // Relaxed: found whole, with all behind it.
            next = participant.next.load(Ordering::Relaxed); // WL
            Some(participant)
        })
    }
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        if self.list.is_trimmed() {
            // Release: a trimmer frees only what is visited no longer. Partner:
            // participants.trim.fetch_add.
            self.list.walks.fetch_sub(1, Ordering::Release); // WE
        }
    }
}

/// Participants that are in the list no longer.
#[derive(Debug)]
pub(crate) struct Retired(*mut Participant, Place);

// SAFETY: they have no owner, and nothing else leads to them but walks that began before.
unsafe impl Send for Retired {}

impl Retired {
    fn none(place: Place) -> Self {
        Self(ptr::null_mut(), place)
    }
}

/// Frees one after the other, and returns the registrations that they had in the allocator below.
impl Iterator for Retired {
    type Item = safepoint::Registration;

    fn next(&mut self) -> Option<safepoint::Registration> {
        loop {
            // SAFETY: from a box, and no walk is under way that may visit it.
            let participant = unsafe { Placed::from_raw(NonNull::new(self.0)?, self.1) };
            self.0 = participant.next_retired.get();
            if let Some(registration) = Participant::end(participant) {
                return Some(registration);
            }
        }
    }
}

impl Drop for Retired {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
