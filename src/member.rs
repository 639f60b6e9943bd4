//! The participants of a slab: what each announces, and what it has removed.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use crate::era::Announcement;
use crate::fence::LightSide;
use crate::limbo::Limbo;
use crate::record::Record;
use crate::sync::unmodelled;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, UnsafeCell};
use crate::world::Registration;

/// One participant of a slab: a thread, or a `SlabMutator`. It is one of the table below, too,
/// where its record has its private store of free slots.
///
/// | field | who reads | who writes |
/// |---|---|---|
/// | `announcement` | anybody | owner |
/// | `owned` | anybody | who makes it his, by compare-and-swap; owner |
/// | `limbo` | owner inside an operation; stopper | the same |
/// | `waiting` | anybody, as a figure | owner, inside an operation where it is exact |
/// | `asleep` | anybody | anybody |
/// | `next` | anybody | nobody after it was made known |
/// | all others | owner | owner |
// As the record, whose page it would share but for the models' small stacks.
#[cfg_attr(not(all(loom, feature = "loom")), repr(C, align(4096)))]
pub(crate) struct Member {
    /// Never used, but that what follows has its place in the page.
    #[allow(dead_code)]
    room: [u8; Member::WRITTEN_AT],
    pub(crate) announcement: Announcement,
    side: LightSide,
    /// What the slab's `readers` is if nobody may see what the owner removes.
    pub(crate) alone: Cell<Alone>,
    /// Is the owner dropping values?
    pub(crate) is_dropping: Cell<bool>,
    /// Has the owner gone, but for a guard?
    pub(crate) is_leaving: Cell<bool>,
    /// How often the owner has looked at its limbo.
    pub(crate) looks: Cell<u32>,
    /// The owner's record in the table below.
    record: Cell<Option<NonNull<Record>>>,
    pub(crate) registration: Cell<Option<Registration>>,
    limbo: UnsafeCell<Limbo>,
    /// Values in `limbo`.
    waiting: AtomicU64,
    /// Looks by others at this one's limbo since its owner's last. Not modelled: a hint.
    asleep: unmodelled::AtomicU64,
    owned: AtomicBool,
    /// In a cell, for loom to see who reads it before it is made known.
    next: UnsafeCell<*const Member>,
}

// SAFETY: the table above.
unsafe impl Send for Member {}
// SAFETY: the table above.
unsafe impl Sync for Member {}

/// What a slab's `readers` is while nobody but a member reads, and the member has no guard:
/// whether it has ever had one, so that it is counted there, in bit 0. Bits 63 to 33 are how many
/// guards it has: with any, it is a number that `readers` never is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Alone(u64);

impl Alone {
    /// That of who has never had a guard.
    pub(crate) const NOBODY: Alone = Alone(0);

    /// What one reader adds to `readers`. There are fewer than 2^32: each has a page.
    pub(crate) const READER: u64 = 1;

    /// What `readers` has beside where the light fence is a full one, so that it is no member's.
    pub(crate) const FENCED: u64 = 1 << 32;

    const GUARD: u64 = 1 << 33;

    /// More guards than this are not counted any more, nor those that end then: who forgets so
    /// many has one for ever.
    const MOST: u64 = u64::MAX - (Self::GUARD - 1);

    /// With this in `readers`, does nobody see what the member has removed?
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

    /// With one guard more.
    #[inline(always)]
    pub(crate) fn with_guard(self) -> Self {
        if self.0 >= Self::MOST { self } else { Self(self.0 + Self::GUARD) }
    }

    /// With one guard less; there is one.
    #[inline(always)]
    pub(crate) fn without_guard(self) -> Self {
        if self.0 >= Self::MOST { self } else { Self(self.0 - Self::GUARD) }
    }
}

/// The right to use a member: its owner. Neither copied nor cloned.
#[derive(Debug)]
pub(crate) struct Seat(NonNull<Member>);

// SAFETY: a seat is the right to use the member, whichever thread holds it.
unsafe impl Send for Seat {}
// SAFETY: a shared reference gives the member's address and nothing else.
unsafe impl Sync for Seat {}

impl Seat {
    pub(crate) fn member(&self) -> NonNull<Member> {
        self.0
    }

    /// That of a member whose owner has gone.
    pub(crate) fn of(member: NonNull<Member>) -> Self {
        Self(member)
    }
}

impl Member {
    /// Where in its page begins what operations write.
    pub(crate) const WRITTEN_AT: usize = if cfg!(all(loom, feature = "loom")) { 0 } else { 0xa80 };

    fn new(next: *const Member) -> Self {
        Self {
            room: [0; Member::WRITTEN_AT],
            announcement: Announcement::none(),
            side: LightSide::new(),
            alone: Cell::new(Alone::NOBODY),
            is_dropping: Cell::new(false),
            is_leaving: Cell::new(false),
            looks: Cell::new(0),
            record: Cell::new(None),
            registration: Cell::new(None),
            limbo: UnsafeCell::new(Limbo::default()),
            waiting: AtomicU64::new(0),
            asleep: unmodelled::AtomicU64::new(0),
            owned: AtomicBool::new(true),
            next: UnsafeCell::new(next),
        }
    }

    /// The member behind it in the list.
    fn next(&self) -> *const Member {
        self.next.with(|next| {
            // SAFETY: nobody writes to it once it is made known, which who finds it has acquired.
            unsafe { *next }
        })
    }

    /// Puts it before another one.
    ///
    /// # Safety
    ///
    /// It is not made known yet.
    unsafe fn follow(&self, behind: *const Member) {
        self.next.with_mut(|next| {
            // SAFETY: by the contract of this function.
            unsafe { *next = behind };
        });
    }

    /// The owner's side of the fence between its guards and those who drop values.
    #[inline(always)]
    pub(crate) fn side(&self) -> &LightSide {
        &self.side
    }

    pub(crate) fn sit(&self, registration: Registration) {
        self.record.set(Some(registration.record()));
        self.registration.set(Some(registration));
    }

    /// The owner's record.
    ///
    /// # Safety
    ///
    /// The caller owns the member, and has told it its record by `sit`.
    #[inline(always)]
    pub(crate) unsafe fn record(&self) -> &Record {
        // SAFETY: by the contract of this function; records live as long as the world.
        let record = unsafe { self.record.get().unwrap_unchecked() };
        // SAFETY: as above.
        unsafe { record.as_ref() }
    }

    /// The list of removed values, for who may use it.
    ///
    /// # Safety
    ///
    /// The caller is the owner inside an operation, or has stopped the world (Invariant 8), and
    /// this is not called again while `f` runs.
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
            // site: member.with_limbo.store
            self.waiting.store(after as u64, Ordering::Relaxed);
        }
        result
    }

    /// Values that wait here, now or a moment ago.
    pub(crate) fn waiting(&self) -> u64 {
        // Relaxed: a figure; exact with the world stopped (Invariant 8).
        // site: member.waiting.load
        self.waiting.load(Ordering::Relaxed)
    }

    /// Says that the owner looks at its limbo itself.
    pub(crate) fn is_awake(&self) {
        // Relaxed: a hint.
        // site: member.is_awake.store
        self.asleep.store(0, Ordering::Relaxed);
    }

    /// Has another looked before since the owner did?
    pub(crate) fn was_asleep(&self) -> bool {
        // Relaxed: a hint.
        // site: member.was_asleep.fetch_add
        self.asleep.fetch_add(1, Ordering::Relaxed) > 0
    }
}

#[cfg(not(all(loom, feature = "loom")))]
const _: () = assert!(core::mem::offset_of!(Member, next) < 0xc00 && size_of::<Member>() == 4096);

impl core::fmt::Debug for Member {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Member").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// Every member ever made, each as long as this is there.
#[derive(Debug)]
pub(crate) struct Members {
    head: AtomicPtr<Member>,
    owns: PhantomData<Member>,
}

impl Members {
    pub(crate) fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// Makes one that nobody owns the caller's, or a new one. Lock-free.
    pub(crate) fn join(&self) -> Seat {
        if let Some(seat) = self.iter().find_map(|member| self.claim(member)) {
            return seat;
        }
        // Relaxed: the compare-and-swap decides.
        // site: member.join.load
        let mut head = self.head.load(Ordering::Relaxed);
        let member = Box::into_raw(Box::new(Member::new(head)));
        loop {
            // Release: who finds the member finds it made, and those behind it, since only
            // read-modify-writes touch the head. Partner: `iter`. Relaxed on failure: tried again.
            // site: member.join.compare_exchange
            match self.head.compare_exchange(head, member, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => head = now,
            }
            // SAFETY: from a box.
            let unknown = unsafe { &*member };
            // SAFETY: not known to anybody else yet.
            unsafe { unknown.follow(head) };
        }
        // SAFETY: from a box.
        Seat(unsafe { NonNull::new_unchecked(member) })
    }

    /// Makes a member the caller's, if nobody owns it. Wait-free.
    pub(crate) fn claim(&self, member: &Member) -> Option<Seat> {
        let owned = &member.owned;
        // Acquire: what the last owner left is the caller's now. Partner: `leave`. Relaxed on
        // failure: another has it.
        // site: member.claim.compare_exchange
        owned.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(Seat(NonNull::from(member)))
    }

    /// Gives a member up. What it has removed stays in it.
    pub(crate) fn leave(&self, seat: Seat) {
        // SAFETY: members live as long as the list.
        let member = unsafe { seat.0.as_ref() };
        // Release: partner is the acquire in `join`.
        // site: member.leave.store
        member.owned.store(false, Ordering::Release);
    }

    /// All members, owned or not, that were there when this was called. Wait-free.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Member> + Clone {
        // Acquire: partner is the release in `join`.
        // site: member.iter.load
        let mut next = self.head.load(Ordering::Acquire).cast_const();
        core::iter::from_fn(move || {
            // SAFETY: a member of this list, or null.
            let member = unsafe { next.as_ref() }?;
            next = member.next();
            Some(member)
        })
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        // Relaxed: nobody else has the list.
        // site: member.drop.load
        let mut next = self.head.load(Ordering::Relaxed);
        while !next.is_null() {
            // SAFETY: from a box, and reached once.
            let member = unsafe { Box::from_raw(next) };
            next = member.next().cast_mut();
        }
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::*;

    #[test]
    fn who_has_a_guard_is_never_alone() {
        let none = Alone::NOBODY;
        let reader = none.with_reader();
        assert!(none.is(0) && !none.is(1) && !none.is_reader() && !none.has_guard());
        assert!(reader.is(Alone::READER) && !reader.is(0) && reader.is_reader());
        assert!(!none.is(Alone::FENCED) && !reader.is(Alone::FENCED + Alone::READER));
        let mut guarded = reader;
        for _ in 0..3 {
            guarded = guarded.with_guard();
            assert!(guarded.has_guard() && guarded.is_reader());
            // No count of readers, fenced or not.
            assert!(guarded.0 > Alone::FENCED + u64::from(u32::MAX));
        }
        for _ in 0..3 {
            guarded = guarded.without_guard();
        }
        assert_eq!(guarded, reader);
    }

    #[test]
    fn who_forgets_too_many_guards_has_one_for_ever() {
        let mut most = Alone(Alone::MOST - Alone::GUARD).with_reader().with_guard();
        assert_eq!(most.0 >> 33, u64::MAX >> 33);
        most = most.with_guard().with_guard();
        assert!(most.is_reader());
        for _ in 0..4 {
            most = most.without_guard();
            assert!(most.has_guard() && most.is_reader());
        }
    }
}
