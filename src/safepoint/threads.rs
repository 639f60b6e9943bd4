//! A participant for each thread that uses a table without a mutator.
//!
//! A thread registers at its first operation on a table and keeps its record. It returns the record
//! when it ends, or when it notices that the table is gone. There is no limit on threads.

use core::cell::RefCell;
use core::ptr::NonNull;

use crate::sync::unmodelled::AtomicU64;
use crate::sync::{Arc, Mutex, Ordering, lock};

/// What threads have a record of: a table's allocator, or a slab.
pub(crate) trait Shared: 'static {
    /// One participant.
    type Record;
    /// The ownership of a participant.
    type Registration;

    fn register(&self) -> Self::Registration;
    /// The record of a registration. It lives as long as `self`.
    fn record(&self, registration: &Self::Registration) -> NonNull<Self::Record>;
    fn unregister(&self, registration: Self::Registration);
}

/// Connects a table with the threads that have a record of it.
#[derive(Debug)]
pub(crate) struct ThreadRegistry<S: Shared> {
    /// The table's number, which no other table of the process ever has.
    number: u64,
    lifeline: Arc<Lifeline<S>>,
}

/// Tells whether the table is still there, and keeps it there while a thread looks.
#[derive(Debug)]
struct Lifeline<S: Shared> {
    shared: Mutex<Option<NonNull<S>>>,
}

// SAFETY: what is shared is `Sync`, and is reached only while the lock is held.
unsafe impl<S: Shared + Sync> Send for Lifeline<S> {}
// SAFETY: as for `Send`.
unsafe impl<S: Shared + Sync> Sync for Lifeline<S> {}

impl<S: Shared> ThreadRegistry<S> {
    /// # Safety
    ///
    /// `shared` stays where it is until [`cut`](Self::cut) has returned.
    pub(crate) unsafe fn new(shared: NonNull<S>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        // Relaxed: the numbers only have to differ.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, lifeline: Arc::new(Lifeline { shared: Mutex::new(Some(shared)) }) }
    }

    /// Cuts the threads off from the table, which is about to go. Blocks while a thread that ends
    /// returns its record.
    pub(crate) fn cut(&self) {
        *lock(&self.lifeline.shared) = None;
    }

    /// Calls `f` with the calling thread's record. A thread that has none yet registers, which
    /// blocks while the world is stopped. A thread that is ending and has returned its records
    /// registers for this one call.
    ///
    /// # Safety
    ///
    /// `shared` is what this was made with.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(&self, shared: &S, f: impl FnOnce(&S::Record) -> R) -> R {
        match hot::get(self.number) {
            // SAFETY: what is shared is there, since `shared` is, and its records live as long. The
            // number tells which table's record it is, and so its type.
            Some(record) => f(unsafe { record.cast().as_ref() }),
            None => self.with_slow(shared, f),
        }
    }

    /// Returns the calling thread's record, or `None` if the thread is ending and has returned its
    /// records. Blocks like [`with`](Self::with).
    ///
    /// # Safety
    ///
    /// Same as [`with`](Self::with).
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
            // SAFETY: records live as long as what is shared.
            Some(record) => f(unsafe { record.as_ref() }),
            None => {
                let registration = shared.register();
                // SAFETY: records live as long as what is shared.
                let result = f(unsafe { shared.record(&registration).as_ref() });
                shared.unregister(registration);
                result
            }
        }
    }

    /// Searches the thread's records, or registers. `None` if the thread has returned its records.
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
    /// Its type is that of the table with this number.
    record: NonNull<()>,
    membership: Box<dyn Membership>,
}

/// A registration with a table of any type.
trait Membership {
    /// Returns `true` if the table is gone. `false` if that cannot be told without waiting.
    fn is_over(&self) -> bool;
    /// Returns the record if the table is still there.
    fn end(self: Box<Self>);
}

struct Entry<S: Shared> {
    lifeline: Arc<Lifeline<S>>,
    registration: S::Registration,
}

impl<S: Shared> Membership for Entry<S> {
    fn is_over(&self) -> bool {
        self.lifeline.shared.try_lock().is_ok_and(|shared| shared.is_none())
    }

    fn end(self: Box<Self>) {
        let Entry { lifeline, registration } = *self;
        let shared = lock(&lifeline.shared);
        if let Some(shared) = *shared {
            // SAFETY: what is shared stays while the lock is held.
            unsafe { shared.as_ref() }.unregister(registration);
        }
    }
}

/// All records of a thread, which it returns when it ends.
struct Records(Vec<Known>);

crate::sync::thread_local! {
    // Not `const`: loom's thread-locals cannot be.
    #[allow(clippy::missing_const_for_thread_local)]
    static RECORDS: RefCell<Records> = RefCell::new(Records(Vec::new()));
}

impl Records {
    fn find_or_register<S: Shared>(
        &mut self,
        cache: &ThreadRegistry<S>,
        shared: &S,
    ) -> NonNull<S::Record> {
        if let Some(known) = self.0.iter().find(|known| known.number == cache.number) {
            return known.record.cast();
        }
        // The records of tables that are gone would pile up here.
        self.0.retain(|known| !known.membership.is_over());
        let registration = shared.register();
        let record = shared.record(&registration);
        let lifeline = Arc::clone(&cache.lifeline);
        let membership = Box::new(Entry { lifeline, registration });
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
#[cfg(not(model))]
mod hot {
    use core::cell::Cell;
    use core::ptr::NonNull;

    std::thread_local! {
        // Not dropped and constant, so that an access is a plain load. Tables are numbered from 1.
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
#[cfg(model)]
mod hot {
    use core::ptr::NonNull;

    pub(super) fn get(_: u64) -> Option<NonNull<()>> {
        None
    }
    pub(super) fn set(_: u64, _: NonNull<()>) {}
    pub(super) fn clear() {}
}
