//! The facade: a slab of values named by keys.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::audit::{self, Audit, Violation};
use crate::guard::{Guard, Ref};
use crate::key::Key;
use crate::member::Member;
use crate::reclaim::Taken;
use crate::slab_core::Core;
use crate::slab_error::{InsertError, TakeError};
use crate::slab_stats::SlabStats;
use crate::stats::Stats;
use crate::sweep::{self, Resume, SweepReport};
use crate::thread_cache::{Shared, ThreadCache};

/// A concurrent slab: holds values of any type `T`, each named by a [`Key`].
///
/// All operations take `&self`, from any number of threads, and none is unsafe.
///
/// ```
/// use slotarena::Slab;
///
/// let slab = Slab::<String>::new()?;
/// let key = slab.insert("one".to_owned())?;
/// assert_eq!(*slab.get(key).expect("it is there"), "one");
/// assert_eq!(slab.take(key).as_deref(), Some("one"));
/// assert!(slab.get(key).is_none()); // for ever: no later value has this key
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// In a `static`:
///
/// ```
/// use std::sync::LazyLock;
/// use slotarena::Slab;
///
/// static NAMES: LazyLock<Slab<String>> = LazyLock::new(|| Slab::new().expect("addresses"));
///
/// let key = NAMES.insert("two".to_owned())?;
/// assert!(NAMES.contains(key));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Keys never alias
///
/// A key names one value, ever. Each slot counts its values; the count survives the release of its
/// memory, and a slot that has held 2^31 values is retired: it stays unused, and
/// [`stats`](Self::stats) counts it.
///
/// # When values are dropped
///
/// A removed value is dropped once, by the thread that removes it or by another, and never while a
/// [`Guard`] can see it.
///
/// - At once, by the remover, if no *other* thread has ever had a guard of this slab, and the
///   remover has none now.
/// - Else a participant collects removed values, a *batch* of up to 1,024 (of values over 256 bytes
///   as many as fill 256 KiB, but 32 at least), before it looks which of them can be seen, and
///   drops the others. At every fourth look it does so with what participants that are gone have
///   left, and, by its second such look at the latest, with what those have that do nothing. So
///   with all guards gone, a batch of further removals by one thread drops all that this thread
///   has removed, and eight batches drop all that any has.
/// - [`flush`](Self::flush) drops all that can be dropped, now; so does [`sweep`](Self::sweep), and
///   an insertion into a full slab.
///
/// A guard that is kept (its thread sleeps, say) delays what was live while it was used: values
/// inserted before it, or before it looked at one that is newer; and of those that are inserted
/// right afterwards up to a batch for each participant, until it has looked. All others are
/// dropped as if the guard were not there: what it holds back does not grow with time.
///
/// `T`'s `drop` may panic (the panic reaches whoever made the call that dropped it; slot and slab
/// are none the worse) and may use the slab.
///
/// # Progress
///
/// Looking at values is wait-free. Inserting and removing is lock-free while nobody stops the
/// world, as for a [`Table`](crate::Table), but that an insertion into a full slab, and a look that
/// comes upon values of a participant that does nothing, stop it. A thread's first call registers
/// the thread, which takes a lock.
///
/// # Panics
///
/// As for a `Table`: what needs Linux's `membarrier` panics if the system grants that at first and
/// refuses it later. Here that is a thread's first guard, and looking at removed values.
// Aligned as a table is.
#[repr(align(128))]
pub struct Slab<T: Send + Sync + 'static, M = ()> {
    threads: ThreadCache<Core<T>>,
    /// Boxed, so that it stays where it is when the slab moves.
    core: Box<Core<T>>,
    mark: PhantomData<fn(M) -> M>,
}

// SAFETY: values may be sent, and looked at from anywhere; the rest is the core's and the members',
// who say who touches what.
unsafe impl<T: Send + Sync + 'static, M> Send for Slab<T, M> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync + 'static, M> Sync for Slab<T, M> {}

impl<T: Send + Sync + 'static, M> Slab<T, M> {
    pub(crate) fn from_core(core: Core<T>) -> Self {
        let core = Box::new(core);
        // SAFETY: boxed, and `drop` cuts the connection before the box goes.
        let threads = unsafe { ThreadCache::new(NonNull::from(&*core)) };
        Self { threads, core, mark: PhantomData }
    }

    /// Calls `f` with the calling thread's member.
    #[inline(always)]
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Core<T>, &Member) -> R) -> R {
        // SAFETY: the core is the one that the cache was made with.
        unsafe { self.threads.with(&*self.core, |member| f(&self.core, member)) }
    }

    /// The calling thread's member; nothing if the thread is ending and has given it back.
    #[inline(always)]
    fn member(&self) -> Option<&Member> {
        // SAFETY: the core is the one that the cache was made with.
        let member = unsafe { self.threads.find(&*self.core) }?;
        // SAFETY: members live as long as the core.
        Some(unsafe { member.as_ref() })
    }

    pub(crate) fn core(&self) -> &Core<T> {
        &self.core
    }

    /// Inserts a value, and returns its key.
    ///
    /// Constant time but for each 64th call or so, which exchanges free slots with others or
    /// commits a segment. Lock-free; see [Progress](Self#progress).
    ///
    /// # Errors
    ///
    /// [`InsertError`], with the value, if the slab is full or the system refuses memory.
    #[inline(always)]
    pub fn insert(&self, value: T) -> Result<Key<M>, InsertError<T>> {
        match self.member() {
            // SAFETY: the thread's own member; operations end before user code runs.
            Some(member) => unsafe { self.core.insert(member, value) },
            None => self.insert_at_the_end(value),
        }
    }

    /// The thread is ending and has given its member back.
    #[cold]
    #[inline(never)]
    fn insert_at_the_end(&self, value: T) -> Result<Key<M>, InsertError<T>> {
        // SAFETY: as in `insert`.
        self.with(|core, member| unsafe { core.insert(member, value) })
    }

    /// The value that a key names, with a guard of its own. For several values at once, and for
    /// the fastest reads, [`pin`](Self::pin) once. Wait-free.
    #[must_use]
    #[inline]
    pub fn get(&self, key: Key<M>) -> Option<Ref<'_, T, M>> {
        Ref::new(self.pin(), key)
    }

    /// Begins a guard, under which values can be looked at. Wait-free but for a thread's first,
    /// which registers it.
    #[must_use]
    #[inline]
    pub fn pin(&self) -> Guard<'_, T, M> {
        match self.member() {
            // SAFETY: the thread's own; should it end first, it is kept for the guard.
            Some(member) => unsafe { Guard::new(&self.core, member) },
            None => self.pin_at_the_end(),
        }
    }

    /// The thread is ending and has given its member back: one for this guard alone.
    #[cold]
    #[inline(never)]
    fn pin_at_the_end(&self) -> Guard<'_, T, M> {
        let seat = self.core.register();
        // SAFETY: members live as long as the core.
        let member = unsafe { seat.member().as_ref() };
        // SAFETY: the caller's own, just registered, and kept for the guard.
        let guard = unsafe { Guard::new(&self.core, member) };
        self.core.unregister(seat);
        guard
    }

    /// Is there a value that the key names? It may be gone a moment later. Wait-free.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: Key<M>) -> bool {
        self.core.find(key).is_some()
    }

    /// Removes a value: `false` if the key names none. Of several that remove one at once, one
    /// succeeds. The value is dropped now, by this call, or
    /// [later](Self#when-values-are-dropped). Lock-free.
    #[inline(always)]
    pub fn remove(&self, key: Key<M>) -> bool {
        match self.member() {
            // SAFETY: as in `insert`.
            Some(member) => unsafe { self.core.remove(member, key) },
            None => self.remove_at_the_end(key),
        }
    }

    #[cold]
    #[inline(never)]
    fn remove_at_the_end(&self, key: Key<M>) -> bool {
        // SAFETY: as in `insert`.
        self.with(|core, member| unsafe { core.remove(member, key) })
    }

    /// Removes a value, and returns it if no guard may see it. Waits for nobody: where a guard
    /// may, the value is removed all the same, and this returns `None`;
    /// [`try_take`](Self::try_take) tells the two apart.
    ///
    /// Where other threads have guards at times, it costs a system call (`membarrier`) to know
    /// that none sees the value: [`remove`](Self::remove) is cheaper.
    #[inline]
    pub fn take(&self, key: Key<M>) -> Option<T> {
        self.try_take(key).ok()
    }

    /// [`take`](Self::take), with the reason if there is no value to return.
    ///
    /// # Errors
    ///
    /// [`TakeError::Absent`] if the key names no value. [`TakeError::Guarded`] if the value was
    /// removed, but a guard, maybe the caller's own, may see it.
    pub fn try_take(&self, key: Key<M>) -> Result<T, TakeError> {
        // SAFETY: as in `insert`.
        match self.with(|core, member| unsafe { core.take(member, key) }) {
            Taken::Value(value) => Ok(value),
            Taken::Guarded => Err(TakeError::Guarded),
            Taken::Absent => Err(TakeError::Absent),
        }
    }

    /// Removes every value for which `keep` says no, as [`Guard::iter`] comes to them.
    pub fn retain(&self, mut keep: impl FnMut(Key<M>, &T) -> bool) {
        let mut next = 1;
        while let Some(index) = self.core.next_slot(next) {
            let guard = self.pin();
            let unwanted = guard.entry(index).filter(|&(key, value)| !keep(key, value));
            let unwanted = unwanted.map(|(key, _)| key);
            drop(guard);
            if let Some(key) = unwanted {
                self.remove(key);
            }
            match index.checked_add(1) {
                Some(index) => next = index,
                None => break,
            }
        }
    }

    /// How many values there are, now or a moment ago; exact while nobody inserts or removes.
    /// Linear in the number of participants, and of committed segments over 64. Blocks while the
    /// world is stopped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.len() as usize
    }

    /// Is there none? As [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values there can be at once. Wait-free.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.core.allocator.capacity()
    }

    /// Drops every removed value that no guard can see, whoever removed it. Returns how many still
    /// wait. Blocks as [`Table::sweep`](crate::Table::sweep) does, if other participants have
    /// such values.
    pub fn flush(&self) -> u64 {
        // SAFETY: as in `insert`.
        self.with(|core, member| unsafe { core.flush(member) })
    }

    /// [`flush`](Self::flush), and then as [`Table::sweep`](crate::Table::sweep): gives back the
    /// memory of segments that hold nothing. What the report calls uninitialized are removed
    /// values that still wait, vacant entries, and retired slots.
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        self.flush();
        sweep::sweep(&self.core.allocator, threshold, Resume::Soon)
    }

    /// A sweep of the core alone, on no participant's behalf, so that a model stays small.
    #[cfg(all(loom, feature = "loom"))]
    #[doc(hidden)]
    pub fn sweep_values(&self) {
        sweep::sweep(&self.core.allocator, 0, Resume::Soon);
    }

    /// Counts, exact at one moment. Blocks as [`Table::stats`](crate::Table::stats) does.
    #[must_use]
    pub fn stats(&self) -> SlabStats {
        let stopped = self.core.allocator.world.stop();
        let stats = Stats::of(&self.core.allocator, &stopped);
        SlabStats::new(&stats, self.core.waiting(), self.core.retired(), &self.core.allocator)
    }

    /// Holds the whole slab against its invariants. Blocks as
    /// [`Table::audit`](crate::Table::audit) does.
    ///
    /// # Errors
    ///
    /// The first [`Violation`] found, or that there was no memory to look.
    pub fn audit(&self) -> Result<Audit, Violation> {
        audit::audit(&self.core.allocator, &mut self.core.allocator.world.stop())
    }
}

impl<T: Send + Sync + 'static, M> Drop for Slab<T, M> {
    fn drop(&mut self) {
        self.threads.cut();
    }
}

impl<T: Send + Sync + 'static, M> fmt::Debug for Slab<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slab")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}
