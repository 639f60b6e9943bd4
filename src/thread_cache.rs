//! A record for each thread that uses a table without a mutator of its own.
//!
//! A thread registers at its first operation on a table, keeps the record, and gives it back
//! when it ends, or when it notices that the table is gone. There is no limit on threads.

use core::cell::RefCell;
use core::ptr::NonNull;

use crate::allocator::Allocator;
use crate::record::Record;
use crate::sync::unmodelled::AtomicU64;
use crate::sync::{Arc, Mutex, Ordering, lock};
use crate::word::Word;
use crate::world::Registration;

/// What threads have a record of: a table's allocator, say.
pub(crate) trait Shared: 'static {
    /// What a thread works with.
    type Record;
    /// The right to it.
    type Registration;

    /// Makes the caller a participant.
    fn register(&self) -> Self::Registration;
    /// The record, which lives as long as `self`.
    fn record(&self, registration: &Self::Registration) -> NonNull<Self::Record>;
    /// Ends a participation.
    fn unregister(&self, registration: Self::Registration);
}

impl<W: Word> Shared for Allocator<W> {
    type Record = Record;
    type Registration = Registration;

    fn register(&self) -> Registration {
        self.world.register()
    }
    fn record(&self, registration: &Registration) -> NonNull<Record> {
        registration.record()
    }
    fn unregister(&self, registration: Registration) {
        Allocator::unregister(self, registration);
    }
}

/// What connects a table with the threads that have a record of it.
#[derive(Debug)]
pub(crate) struct ThreadCache<S: Shared> {
    /// No two tables of a process have the same number, ever.
    number: u64,
    lifeline: Arc<Lifeline<S>>,
}

/// Says whether the table is still there, and keeps it there while somebody looks.
#[derive(Debug)]
struct Lifeline<S: Shared> {
    shared: Mutex<Option<NonNull<S>>>,
}

// SAFETY: what is shared is `Sync`, and is only reached while the lock is held.
unsafe impl<S: Shared + Sync> Send for Lifeline<S> {}
// SAFETY: as above.
unsafe impl<S: Shared + Sync> Sync for Lifeline<S> {}

impl<S: Shared> ThreadCache<S> {
    /// # Safety
    ///
    /// `shared` stays where it is until [`cut`](Self::cut) has returned.
    pub(crate) unsafe fn new(shared: NonNull<S>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        // Relaxed: all that counts is that no two are equal.
        // site: thread_cache.new.fetch_add
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, lifeline: Arc::new(Lifeline { shared: Mutex::new(Some(shared)) }) }
    }

    /// Says that the table is about to go: no thread reaches it through this any more. Blocks
    /// while a thread that ends gives its record back.
    pub(crate) fn cut(&self) {
        *lock(&self.lifeline.shared) = None;
    }

    /// Calls `f` with the calling thread's record. Blocks, if the thread has none yet, while the
    /// world is stopped.
    ///
    /// # Safety
    ///
    /// `shared` is what this was made with.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, shared: &S, f: impl FnOnce(&S::Record) -> R) -> R {
        match hot::get(self.number) {
            // SAFETY: what is shared is there, since `shared` is, and its records live as long.
            // The number says whose record it is, and so of which type.
            Some(record) => f(unsafe { record.cast().as_ref() }),
            None => self.with_slow(shared, f),
        }
    }

    /// The calling thread's record; nothing if the thread is ending and has given its records
    /// back. Blocks as `with` does.
    ///
    /// # Safety
    ///
    /// As for `with`.
    #[inline(always)]
    pub(crate) unsafe fn find(&self, shared: &S) -> Option<NonNull<S::Record>> {
        match hot::get(self.number) {
            Some(record) => Some(record.cast()),
            None => self.find_slow(shared),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_slow<R>(&self, shared: &S, f: impl FnOnce(&S::Record) -> R) -> R {
        match self.find_slow(shared) {
            // SAFETY: as in `with`.
            Some(record) => f(unsafe { record.as_ref() }),
            // Register for this once.
            None => {
                let registration = shared.register();
                // SAFETY: the record lives as long as what is shared.
                let result = f(unsafe { shared.record(&registration).as_ref() });
                shared.unregister(registration);
                result
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn find_slow(&self, shared: &S) -> Option<NonNull<S::Record>> {
        let known = RECORDS.try_with(|records| records.borrow_mut().find_or_register(self, shared));
        let record = known.ok()?;
        hot::set(self.number, record.cast());
        Some(record)
    }
}

/// A thread's record of one table.
struct Known {
    number: u64,
    /// Of the type that the table with this number has.
    record: NonNull<()>,
    membership: Box<dyn Membership>,
}

/// A registration, whatever the table's word.
trait Membership {
    /// Is the table gone? `false` if that cannot be told at once.
    fn is_over(&self) -> bool;
    /// Gives the record back if the table is still there.
    fn end(self: Box<Self>);
}

struct Member<S: Shared> {
    lifeline: Arc<Lifeline<S>>,
    registration: S::Registration,
}

impl<S: Shared> Membership for Member<S> {
    fn is_over(&self) -> bool {
        self.lifeline.shared.try_lock().is_ok_and(|shared| shared.is_none())
    }

    fn end(self: Box<Self>) {
        let Member { lifeline, registration } = *self;
        let shared = lock(&lifeline.shared);
        if let Some(shared) = *shared {
            // SAFETY: what is shared stays while the lock is held.
            unsafe { shared.as_ref() }.unregister(registration);
        }
    }
}

/// All records of a thread; gives them back when the thread ends.
struct Records(Vec<Known>);

crate::sync::thread_local! {
    // Not `const`: loom's thread-locals cannot be.
    #[allow(clippy::missing_const_for_thread_local)]
    static RECORDS: RefCell<Records> = RefCell::new(Records(Vec::new()));
}

impl Records {
    fn find_or_register<S: Shared>(
        &mut self,
        cache: &ThreadCache<S>,
        shared: &S,
    ) -> NonNull<S::Record> {
        if let Some(known) = self.0.iter().find(|known| known.number == cache.number) {
            return known.record.cast();
        }
        // Whatever is left of tables that are gone would pile up here.
        self.0.retain(|known| !known.membership.is_over());
        let registration = shared.register();
        let record = shared.record(&registration);
        let lifeline = Arc::clone(&cache.lifeline);
        let membership = Box::new(Member { lifeline, registration });
        self.0.push(Known { number: cache.number, record: record.cast(), membership });
        record
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        hot::clear();
        for known in self.0.drain(..) {
            known.membership.end();
        }
    }
}

/// The record that the thread used last, found without a search.
#[cfg(not(all(loom, feature = "loom")))]
mod hot {
    use core::cell::Cell;
    use core::ptr::NonNull;

    std::thread_local! {
        // Not dropped and made of constants, so that an access is a plain load. Table numbers
        // start from 1.
        static HOT: Cell<(u64, NonNull<()>)> = const { Cell::new((0, NonNull::dangling())) };
    }

    #[inline(always)]
    pub(super) fn get(number: u64) -> Option<NonNull<()>> {
        let (known, record) = HOT.get();
        if known == number { Some(record) } else { None }
    }

    pub(super) fn set(number: u64, record: NonNull<()>) {
        HOT.set((number, record));
    }

    pub(super) fn clear() {
        HOT.set((0, NonNull::dangling()));
    }
}

/// Loom's thread-locals are all searched for; one is enough.
#[cfg(all(loom, feature = "loom"))]
mod hot {
    use core::ptr::NonNull;

    pub(super) fn get(_: u64) -> Option<NonNull<()>> {
        None
    }
    pub(super) fn set(_: u64, _: NonNull<()>) {}
    pub(super) fn clear() {}
}
