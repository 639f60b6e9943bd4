//! A participant for each thread that uses a table without a mutator.
//!
//! A thread registers at its first operation on a table and keeps its record. It returns the record
//! when it ends, or when it notices that the table is gone. There is no limit on threads.
//!
//! A signal handler or an allocator's hook that finds its thread in the middle of a registration
//! gets an error.

use core::cell::RefCell;
use core::hash::BuildHasherDefault;
use core::ptr::NonNull;
use std::collections::HashMap;

use super::number::NumberHasher;
use super::safepoint::Safepoint;
use crate::bits::handle::OperationError;
use crate::sync::unmodelled::AtomicU64;
use crate::sync::{Arc, Lock, Ordering, try_arc, try_box};

/// What threads have a record of: a table's allocator, or a slab.
pub(crate) trait Shared: 'static {
    /// One participant.
    type Record;
    /// The ownership of a participant.
    type Registration;

    fn register(&self) -> Result<Self::Registration, OperationError>;
    /// The record of a registration. It lives as long as the registration.
    fn record(&self, registration: &Self::Registration) -> NonNull<Self::Record>;
    fn unregister(&self, registration: Self::Registration);
    #[cfg_attr(any(model, not(unix)), allow(dead_code))]
    fn safepoint(&self) -> &Safepoint;
    /// Adapts to a child process, in which no other thread runs. Returns `false` if the child
    /// cannot use what is shared.
    #[cfg_attr(any(model, not(unix)), allow(dead_code))]
    fn adopt(&self) -> bool;
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
    shared: Lock<Option<NonNull<S>>>,
    /// The same, for a thread that knows that the table is there.
    #[cfg(all(unix, not(model)))]
    listed: NonNull<S>,
}

// SAFETY: what is shared is `Sync`, and is reached only while the lock is held, or listed.
unsafe impl<S: Shared + Sync> Send for Lifeline<S> {}
// SAFETY: as for `Send`.
unsafe impl<S: Shared + Sync> Sync for Lifeline<S> {}

#[cfg(all(unix, not(model)))]
impl<S: Shared> super::fork::Inherited for Lifeline<S> {
    fn safepoint(&self) -> &Safepoint {
        // SAFETY: what is listed is there.
        unsafe { self.listed.as_ref() }.safepoint()
    }

    fn adopt(&self) -> bool {
        // SAFETY: in a fresh child. A thread that the child has not got may have held it.
        unsafe { self.shared.reset(Some(self.listed)) };
        // SAFETY: what is listed is there.
        unsafe { self.listed.as_ref() }.adopt()
    }
}

impl<S: Shared> ThreadRegistry<S> {
    /// `None` if there is no memory.
    ///
    /// # Safety
    ///
    /// `shared` stays where it is until [`cut`](Self::cut) has returned.
    pub(crate) unsafe fn new(shared: NonNull<S>) -> Option<Self> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        // Relaxed: the numbers only have to differ.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let lifeline = try_arc(Lifeline {
            shared: Lock::new(Some(shared)),
            #[cfg(all(unix, not(model)))]
            listed: shared,
        })?;
        let registry = Self { number, lifeline };
        #[cfg(all(unix, not(model)))]
        // SAFETY: it is there until `cut` strikes it.
        if !unsafe { super::fork::list(registry.inherited()) } {
            return None;
        }
        Some(registry)
    }

    #[cfg(all(unix, not(model)))]
    fn inherited(&self) -> NonNull<dyn super::fork::Inherited> {
        NonNull::from(&*self.lifeline)
    }

    /// Cuts the threads off from the table, which is about to go. Blocks while a thread that ends
    /// returns its record. Frees what the calling thread knows of the table.
    pub(crate) fn cut(&self) {
        #[cfg(all(unix, not(model)))]
        super::fork::strike(self.inherited());
        if let Ok(mut shared) = self.lifeline.shared.lock() {
            *shared = None;
        }
        // The steps of a model do not depend on it.
        #[cfg(not(model))]
        let _ = RECORDS.try_with(|records| {
            let gone = records.try_borrow_mut().ok().map(|mut records| records.forget(self.number));
            // Freed while nothing is borrowed: an allocator's hook may look for a record.
            drop(gone);
        });
    }

    /// Calls `f` with the calling thread's record and an argument. A thread that has none yet
    /// registers, which blocks while the world is stopped. A thread that is ending and has returned
    /// its records registers for this one call. If that fails, calls `refused` instead.
    ///
    /// # Safety
    ///
    /// `shared` is what this was made with.
    #[inline(always)]
    pub(crate) unsafe fn with<A, R>(
        &self,
        shared: &S,
        argument: A,
        f: impl FnOnce(&S::Record, A) -> R,
        refused: impl FnOnce(A, OperationError) -> R,
    ) -> R {
        match hot::get(self.number) {
            // SAFETY: what is shared is there, since `shared` is. The thread has the record, and
            // clears what is hot before it gives that back. The number tells which table's record
            // it is, and so its type.
            Some(record) => f(unsafe { record.cast().as_ref() }, argument),
            None => self.with_slow(shared, argument, f, refused),
        }
    }

    /// Returns the calling thread's record if the thread used this table last.
    ///
    /// # Safety
    ///
    /// What is shared is there while the result is used, and the thread does not end.
    #[inline(always)]
    pub(crate) unsafe fn last(&self) -> Option<&S::Record> {
        match hot::get(self.number) {
            // SAFETY: as in `with`.
            Some(record) => Some(unsafe { record.cast().as_ref() }),
            None => None,
        }
    }

    /// Returns `true` if the calling thread used this table last.
    pub(crate) fn is_last(&self) -> bool {
        hot::get(self.number).is_some()
    }

    /// Returns the calling thread's record, or `None` if the thread is ending and has returned its
    /// records. Blocks like [`with`](Self::with).
    ///
    /// # Safety
    ///
    /// Same as [`with`](Self::with).
    #[inline(always)]
    pub(crate) unsafe fn find(
        &self,
        shared: &S,
    ) -> Result<Option<NonNull<S::Record>>, OperationError> {
        match hot::get(self.number) {
            Some(record) => Ok(Some(record.cast())),
            None => self.find_slow(shared),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_slow<A, R>(
        &self,
        shared: &S,
        argument: A,
        f: impl FnOnce(&S::Record, A) -> R,
        refused: impl FnOnce(A, OperationError) -> R,
    ) -> R {
        match self.find_slow(shared) {
            // SAFETY: the thread has the record until it ends.
            Ok(Some(record)) => return f(unsafe { record.as_ref() }, argument),
            Ok(None) => {}
            Err(error) => return refused(argument, error),
        }
        match shared.register() {
            Ok(registration) => {
                // SAFETY: the record lives as long as the registration.
                let result = f(unsafe { shared.record(&registration).as_ref() }, argument);
                shared.unregister(registration);
                result
            }
            Err(error) => refused(argument, error),
        }
    }

    /// Searches the thread's records, or registers. `None` if the thread has returned its records.
    fn find_slow(&self, shared: &S) -> Result<Option<NonNull<S::Record>>, OperationError> {
        let found = RECORDS.try_with(|records| {
            // Shared at first: a signal handler may interrupt the search, and do the same.
            let known =
                match records.try_borrow().ok().and_then(|records| records.find(self.number)) {
                    Some(known) => known,
                    None => records
                        .try_borrow_mut()
                        .map_err(|_| OperationError::Reentered)?
                        .register(self, shared)?,
                };
            hot::set(known);
            // SAFETY: the thread's own entry, which is there while `records` is borrowed.
            Ok(Some(unsafe { known.as_ref() }.record.cast()))
        });
        found.unwrap_or(Ok(None))
    }
}

/// A thread's record of one table.
#[derive(Debug)]
struct Known {
    #[cfg_attr(model, allow(dead_code))]
    number: u64,
    /// Its type is that of the table with this number.
    record: NonNull<()>,
}

/// A registration with a table of any type.
trait Membership {
    fn known(&self) -> &Known;
    /// Returns `true` if the table is gone. `false` if that cannot be told without waiting.
    fn is_over(&self) -> bool;
    /// Returns the record if the table is still there.
    fn end(&mut self);
}

struct Entry<S: Shared> {
    known: Known,
    lifeline: Arc<Lifeline<S>>,
    /// Taken at the end.
    registration: Option<S::Registration>,
}

impl<S: Shared> Membership for Entry<S> {
    fn known(&self) -> &Known {
        &self.known
    }

    fn is_over(&self) -> bool {
        self.lifeline.shared.try_lock().is_some_and(|shared| shared.is_none())
    }

    fn end(&mut self) {
        // Refused only to a thread that is inside this already.
        let Ok(shared) = self.lifeline.shared.lock() else { return };
        if let (Some(shared), Some(registration)) = (*shared, self.registration.take()) {
            // SAFETY: what is shared stays while the lock is held.
            unsafe { shared.as_ref() }.unregister(registration);
        }
    }
}

/// A thread's records, by the number of the table.
type Entries = HashMap<u64, Box<dyn Membership>, BuildHasherDefault<NumberHasher>>;

/// All records of a thread, which it returns when it ends.
#[derive(Default)]
struct Records {
    entries: Entries,
    /// The number of entries at which those of tables that are gone are looked for.
    crowded: usize,
}

crate::sync::thread_local! {
    // Not `const`: loom's thread-locals cannot be.
    #[allow(clippy::missing_const_for_thread_local)]
    static RECORDS: RefCell<Records> = RefCell::new(Records::default());
}

impl Records {
    fn find(&self, number: u64) -> Option<NonNull<Known>> {
        Some(NonNull::from(self.entries.get(&number)?.known()))
    }

    fn register<S: Shared>(
        &mut self,
        registry: &ThreadRegistry<S>,
        shared: &S,
    ) -> Result<NonNull<Known>, OperationError> {
        if self.entries.len() >= self.crowded {
            // The records of tables that are gone would pile up here.
            hot::clear();
            self.entries.retain(|_, entry| !entry.is_over());
            self.crowded = 2 * self.entries.len() + 1;
        }
        self.entries.try_reserve(1).map_err(|_| OperationError::OutOfMemory)?;
        // All memory first: a registration could not be returned here.
        let number = registry.number;
        let known = Known { number, record: NonNull::dangling() };
        let lifeline = Arc::clone(&registry.lifeline);
        let entry = try_box(Entry { known, lifeline, registration: None });
        let mut entry = entry.ok_or(OperationError::OutOfMemory)?;
        let registration = shared.register()?;
        entry.known.record = shared.record(&registration).cast();
        entry.registration = Some(registration);
        let known = NonNull::from(&entry.known);
        self.entries.insert(number, entry);
        Ok(known)
    }
}

#[cfg(not(model))]
impl Records {
    /// Takes out the record of a table that is gone. Returns what is to be freed: with the last
    /// record of many, the map.
    fn forget(&mut self, number: u64) -> (Option<Box<dyn Membership>>, Option<Entries>) {
        let gone = self.entries.remove(&number);
        if gone.is_some() && hot::get(number).is_some() {
            hot::clear();
        }
        self.crowded = self.crowded.min(2 * self.entries.len() + 1);
        let is_for_many = self.entries.is_empty() && self.entries.capacity() > 64;
        (gone, is_for_many.then(|| core::mem::take(&mut self.entries)))
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        hot::clear();
        if cfg!(model) && std::thread::panicking() {
            // The model has failed and is gone. A second panic would hide the first.
            core::mem::forget(core::mem::take(&mut self.entries));
        }
        for entry in self.entries.values_mut() {
            entry.end();
        }
    }
}

/// The record that the thread used last, found without a search.
#[cfg(not(model))]
mod hot {
    use core::cell::Cell;
    use core::ptr::NonNull;

    use super::Known;

    struct Nothing(Known);

    // SAFETY: it is only read.
    unsafe impl Sync for Nothing {}

    /// Tables are numbered from 1.
    static NOTHING: Nothing = Nothing(Known { number: 0, record: NonNull::dangling() });

    std::thread_local! {
        // Not dropped and constant, so that an access is a plain load. One word, so that a signal
        // handler never finds half of a change.
        static HOT: Cell<*const Known> = const { Cell::new(&raw const NOTHING.0) };
    }

    #[inline(always)]
    pub(super) fn get(number: u64) -> Option<NonNull<()>> {
        // SAFETY: an entry of this thread's records, which clears this before it goes.
        let known = unsafe { &*HOT.get() };
        if known.number == number { Some(known.record) } else { None }
    }

    pub(super) fn set(known: NonNull<Known>) {
        HOT.set(known.as_ptr());
    }

    pub(super) fn clear() {
        HOT.set(&raw const NOTHING.0);
    }
}

/// Loom's thread-locals are all searched for; one is enough.
#[cfg(model)]
mod hot {
    use core::ptr::NonNull;

    use super::Known;

    pub(super) fn get(_: u64) -> Option<NonNull<()>> {
        None
    }
    pub(super) fn set(_: NonNull<Known>) {}
    pub(super) fn clear() {}
}
