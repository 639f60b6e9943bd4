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

/// What connects a table with the threads that have a record of it.
#[derive(Debug)]
pub(crate) struct ThreadCache<W: Word> {
    /// No two tables of a process have the same number, ever.
    number: u64,
    lifeline: Arc<Lifeline<W>>,
}

/// Says whether the table is still there, and keeps it there while somebody looks.
#[derive(Debug)]
struct Lifeline<W: Word> {
    allocator: Mutex<Option<NonNull<Allocator<W>>>>,
}

// SAFETY: the allocator is `Sync`, and is only reached while the lock is held.
unsafe impl<W: Word> Send for Lifeline<W> {}
// SAFETY: as above.
unsafe impl<W: Word> Sync for Lifeline<W> {}

impl<W: Word> ThreadCache<W> {
    /// # Safety
    ///
    /// `allocator` stays where it is until [`cut`](Self::cut) has returned.
    pub(crate) unsafe fn new(allocator: NonNull<Allocator<W>>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        // Relaxed: all that counts is that no two are equal.
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Self { number, lifeline: Arc::new(Lifeline { allocator: Mutex::new(Some(allocator)) }) }
    }

    /// Says that the table is about to go: no thread reaches it through this any more. Blocks
    /// while a thread that ends gives its record back.
    pub(crate) fn cut(&self) {
        *lock(&self.lifeline.allocator) = None;
    }

    /// Calls `f` with the calling thread's record. Blocks, if the thread has none yet, while the
    /// world is stopped.
    ///
    /// # Safety
    ///
    /// `allocator` is the one that this was made with.
    #[inline(always)]
    pub(crate) unsafe fn with<R>(
        &self,
        allocator: &Allocator<W>,
        f: impl FnOnce(&Record) -> R,
    ) -> R {
        match hot::get(self.number) {
            // SAFETY: the table is there, since `allocator` is, and its records live as long.
            Some(record) => f(unsafe { record.as_ref() }),
            None => self.with_slow(allocator, f),
        }
    }

    #[cold]
    #[inline(never)]
    fn with_slow<R>(&self, allocator: &Allocator<W>, f: impl FnOnce(&Record) -> R) -> R {
        let known =
            RECORDS.try_with(|records| records.borrow_mut().find_or_register(self, allocator));
        match known {
            Ok(record) => {
                hot::set(self.number, record);
                // SAFETY: as in `with`.
                f(unsafe { record.as_ref() })
            }
            // The thread is ending and has given its records back: register for this once.
            Err(_) => {
                let registration = allocator.world.register();
                // SAFETY: the record lives as long as the allocator.
                let result = f(unsafe { registration.record().as_ref() });
                allocator.unregister(registration);
                result
            }
        }
    }
}

/// A thread's record of one table.
struct Known {
    number: u64,
    record: NonNull<Record>,
    membership: Box<dyn Membership>,
}

/// A registration, whatever the table's word.
trait Membership {
    /// Is the table gone? `false` if that cannot be told at once.
    fn is_over(&self) -> bool;
    /// Gives the record back if the table is still there.
    fn end(self: Box<Self>);
}

struct Member<W: Word> {
    lifeline: Arc<Lifeline<W>>,
    registration: Registration,
}

impl<W: Word> Membership for Member<W> {
    fn is_over(&self) -> bool {
        self.lifeline.allocator.try_lock().is_ok_and(|allocator| allocator.is_none())
    }

    fn end(self: Box<Self>) {
        let Member { lifeline, registration } = *self;
        let allocator = lock(&lifeline.allocator);
        if let Some(allocator) = *allocator {
            // SAFETY: the allocator stays while the lock is held.
            unsafe { allocator.as_ref() }.unregister(registration);
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
    fn find_or_register<W: Word>(
        &mut self,
        cache: &ThreadCache<W>,
        allocator: &Allocator<W>,
    ) -> NonNull<Record> {
        if let Some(known) = self.0.iter().find(|known| known.number == cache.number) {
            return known.record;
        }
        // Whatever is left of tables that are gone would pile up here.
        self.0.retain(|known| !known.membership.is_over());
        let registration = allocator.world.register();
        let record = registration.record();
        let lifeline = Arc::clone(&cache.lifeline);
        let membership = Box::new(Member { lifeline, registration });
        self.0.push(Known { number: cache.number, record, membership });
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

    use crate::record::Record;

    std::thread_local! {
        // Not dropped and made of constants, so that an access is a plain load. Table numbers
        // start from 1.
        static HOT: Cell<(u64, NonNull<Record>)> = const { Cell::new((0, NonNull::dangling())) };
    }

    #[inline(always)]
    pub(super) fn get(number: u64) -> Option<NonNull<Record>> {
        let (known, record) = HOT.get();
        if known == number { Some(record) } else { None }
    }

    pub(super) fn set(number: u64, record: NonNull<Record>) {
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

    use crate::record::Record;

    pub(super) fn get(_: u64) -> Option<NonNull<Record>> {
        None
    }
    pub(super) fn set(_: u64, _: NonNull<Record>) {}
    pub(super) fn clear() {}
}
