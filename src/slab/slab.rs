//! The facade: a slab of values named by keys.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::error::{InsertError, TakeError};
use super::guard::{Guard, Ref};
use super::inner::{Inner, SlabOwner};
use super::operations::{generations, operations};
use super::stats::Stats;
use crate::allocator::audit::audit;
use crate::allocator::{Audit, AuditError, Builder};
use crate::bits::geometry::SEGMENT_BYTES;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::error::BuildError;
use crate::safepoint::{Shared, ThreadRegistry};
use crate::sweep::{self, Resume, SweepReport};
use crate::sync::Placed;
use crate::sys::Protection;

/// A concurrent slab: holds values of any type `T`, each named by a [`Key`].
///
/// All functions take `&self`, from any number of threads, and none is unsafe.
///
/// ```
/// use slotarena::Slab;
///
/// let slab = Slab::<String>::new()?;
/// let key = slab.insert("one".to_owned())?;
/// assert_eq!(*slab.get(key).expect("it is there"), "one");
/// assert_eq!(slab.take(key).as_deref(), Ok("one"));
/// assert!(slab.get(key).is_none()); // forever: no later value has this key
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
/// A key names one value, ever. Each slot counts its values, and the count survives the
/// decommission of its memory. A slot that has held 2^31 - 1 values is exhausted, or fewer with
/// [`reserved_bits`](Builder::reserved_bits). It is never used again, and [`stats`](Self::stats)
/// counts it.
///
/// # When values are dropped
///
/// A removed value is dropped once, by the thread that removes it or by another, and never while a
/// [`Guard`] can see it.
///
/// - The remover drops it immediately if no *other* participant has ever had a guard of this slab
///   and the remover has none now.
/// - Else a participant collects removed values, a *batch* of up to 1,024, or 8,064 of values that
///   need no drop (of larger values as many as fill 256 KiB, but at least 32). Then it finds out
///   which of them a guard can see, and drops the others. Every fourth batch it also adopts values
///   left by participants that have exited, and every eighth those of participants that are idle.
///   So with all guards gone, a batch of further removals by one thread drops all that this thread
///   has removed, and eight batches drop all that any thread has. Values that need no drop are left
///   to their participants: what waits are their slots alone.
/// - [`flush`](Self::flush) drops all that can be dropped, now. So does [`sweep`](Self::sweep), and
///   an insertion into a full slab.
///
/// A guard that is kept, for instance by a sleeping thread, delays the values that were live while
/// it was used. It also delays up to a batch a participant of those that are inserted right
/// afterwards. All other values are dropped as if the guard were not there, so what it holds back
/// does not grow with time.
///
/// `T`'s `drop` may panic and may use the slab. The panic reaches the caller whose call dropped the
/// value. Slot and slab stay intact.
///
/// # Progress
///
/// Reading is wait-free. Inserting and removing is lock-free while no stop is under way, as for a
/// [`Table`](crate::Table). An insertion into a full slab stops the world. So does a participant
/// that takes over values of an idle one. A thread's first call registers the thread, which takes a
/// lock.
///
/// # Panics
///
/// Same as [`Table`](crate::Table#panics): a call that needs Linux's `membarrier` panics if the
/// system grants that at first and refuses it later together with its substitutes. In a slab those
/// are a thread's first guard, and looks at removed values.
// Aligned, so that no line of it is shared with data that another thread writes to.
#[repr(align(128))]
pub struct Slab<T: Send + Sync + 'static, M = ()> {
    threads: ThreadRegistry<Inner<T>>,
    /// Boxed, so that it stays where it is when the slab moves.
    inner: Placed<Inner<T>>,
    mark: PhantomData<fn(M) -> M>,
}

// SAFETY: values may be sent, and read from any thread. `Inner` and its participants say which
// thread touches each of their fields.
unsafe impl<T: Send + Sync + 'static, M> Send for Slab<T, M> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send + Sync + 'static, M> Sync for Slab<T, M> {}

impl<T: Send + Sync + 'static> Slab<T> {
    /// Makes a slab of the [default size](Builder::capacity_at_most), or smaller where the system
    /// grants fewer addresses.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }
}

impl<T: Send + Sync + 'static, M> Slab<T, M> {
    /// Returns a builder of slabs. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    fn from_inner(inner: Inner<T>) -> Result<Self, BuildError> {
        let place = inner.allocator.place();
        let inner = Placed::new(inner, place, None).ok_or(BuildError::OutOfMemory)?;
        // SAFETY: boxed, and `drop` cuts the registry off before the box goes.
        let threads = unsafe { ThreadRegistry::new(NonNull::from(&*inner)) };
        let threads = threads.ok_or(BuildError::OutOfMemory)?;
        Ok(Self { threads, inner, mark: PhantomData })
    }

    /// Calls `f` with the token of the calling thread's participant, and with a value. Calls
    /// `refused` instead if there is no participant.
    #[inline(always)]
    pub(crate) fn with_value<V, R>(
        &self,
        value: V,
        f: impl FnOnce(SlabOwner<'_, T>, V) -> R,
        refused: impl FnOnce(V, OperationError) -> R,
    ) -> R {
        let inner = &*self.inner;
        let call = |participant: &_, value| {
            // SAFETY: the participant is the calling thread's own. While `f` runs user code, such
            // as a value's drop, its token has no operation under way.
            f(unsafe { SlabOwner::new(inner, participant) }, value)
        };
        // SAFETY: `inner` is what this slab's registry was made with.
        unsafe { self.threads.with(inner, value, call, refused) }
    }

    /// Returns the token of the calling thread's participant, if the thread used this slab last. No
    /// closure, which the compiler might not inline.
    ///
    /// # Safety
    ///
    /// The caller uses the token for one call, during which user code may run only while no
    /// operation is under way.
    #[inline(always)]
    unsafe fn last(&self) -> Option<SlabOwner<'_, T>> {
        // SAFETY: what is shared is there.
        let participant = unsafe { self.threads.last() }?;
        // SAFETY: as in `with_value`.
        Some(unsafe { SlabOwner::new(&self.inner, participant) })
    }

    #[inline(always)]
    pub(crate) fn with<R>(
        &self,
        f: impl FnOnce(SlabOwner<'_, T>) -> R,
    ) -> Result<R, OperationError> {
        self.with_value((), |owner, ()| Ok(f(owner)), |(), error| Err(error))
    }

    pub(crate) fn inner(&self) -> &Inner<T> {
        &self.inner
    }

    operations!(self => self.inner);

    /// Begins a guard, under which values can be read. Wait-free, except that a thread's first call
    /// registers the thread.
    ///
    /// # Panics
    ///
    /// If [`try_pin`](Self::try_pin) gives an error.
    #[must_use]
    #[inline]
    pub fn pin(&self) -> Guard<'_, T, M> {
        match self.try_pin() {
            Ok(guard) => guard,
            Err(error) => no_guard(error),
        }
    }

    /// Begins a guard, like [`pin`](Self::pin). A thread that has had a guard, or has used the slab
    /// without a mutator, gets no error.
    ///
    /// # Errors
    ///
    /// [`OperationError`] if the thread has to register first and cannot.
    #[inline]
    pub fn try_pin(&self) -> Result<Guard<'_, T, M>, OperationError> {
        // SAFETY: `inner` is what this slab's registry was made with.
        Ok(match unsafe { self.threads.find(&*self.inner) }? {
            Some(participant) => {
                // SAFETY: it lives as long as it has an owner, which is the thread.
                let participant = unsafe { participant.as_ref() };
                // SAFETY: the thread's own participant, which stays for the guard if the thread
                // ends first.
                Guard::new(unsafe { SlabOwner::new(&self.inner, participant) })
            }
            None => self.pin_on_thread_exit()?,
        })
    }

    /// Begins a guard on a thread that is ending and has returned its participant: of another.
    #[cold]
    #[inline(never)]
    fn pin_on_thread_exit(&self) -> Result<Guard<'_, T, M>, OperationError> {
        let registration = self.inner.register()?;
        // SAFETY: it lives as long as it has an owner, which is the thread.
        let participant = unsafe { registration.participant().as_ref() };
        // SAFETY: registered just now, and it stays for the guard.
        let guard = Guard::new(unsafe { SlabOwner::new(&self.inner, participant) });
        self.inner.unregister(registration);
        Ok(guard)
    }

    /// Removes every value for which `keep` returns `false`, in the order of [`Guard::iter`].
    ///
    /// # Panics
    ///
    /// If [`pin`](Self::pin) does, or `keep`.
    pub fn retain(&self, mut keep: impl FnMut(Key<M>, &T) -> bool) {
        let mut next = 1;
        while let Some(index) = self.inner.next_slot(&mut next) {
            let guard = self.pin();
            let unwanted = guard.entry(index).filter(|&(key, value)| !keep(key, value));
            let unwanted = unwanted.map(|(key, _)| key);
            drop(guard);
            if let Some(key) = unwanted {
                self.remove(key);
            }
        }
    }

    /// Returns the approximate number of values. Exact while no thread inserts or removes.
    ///
    /// Linear in the number of participants, and in a 64th of the number of segments. Blocks while
    /// the world is stopped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len() as usize
    }

    /// Returns `true` if there is no value. Cost and exactness are those of [`len`](Self::len).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the most values that there can be at one time. Wait-free.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.inner.allocator.capacity()
    }

    /// Flushes, and then gives back the memory of segments that hold nothing, and what threads and
    /// mutators that have ended left.
    ///
    /// See [`flush`](Self::flush) and [`Table::sweep`](crate::Table::sweep). The report counts
    /// removed values that still wait, vacant entries, and exhausted slots as uninitialized.
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        // Refused only where the sweep is too.
        let _ = self.with(|mut owner| {
            owner.flush();
            owner.trim();
        });
        sweep::sweep(&self.inner.allocator.space, threshold, Resume::Soon)
    }

    /// Gives back all memory that can go back: `sweep(0)`.
    pub fn shrink_to_fit(&self) {
        self.sweep(0);
    }

    /// Sweeps without flushing, so that a model stays small.
    #[cfg(model)]
    #[doc(hidden)]
    pub fn sweep_values(&self) {
        sweep::sweep(&self.inner.allocator.space, 0, Resume::Soon);
    }

    /// Each participant that leaves, and each sweep, takes those that have left out of the list.
    #[cfg(model)]
    #[doc(hidden)]
    pub fn trim_always(&self) {
        self.inner.participants.trim_always();
    }

    /// Counts exactly, at one moment. Blocks like [`Table::stats`](crate::Table::stats).
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::of(&self.inner)
    }

    /// Holds the whole slab against its invariants. Blocks like
    /// [`Table::audit`](crate::Table::audit).
    ///
    /// # Errors
    ///
    /// Same as [`Table::audit`](crate::Table::audit).
    pub fn audit(&self) -> Result<Audit, AuditError> {
        audit(&self.inner.allocator)
    }
}

#[cold]
fn no_guard(error: OperationError) -> ! {
    panic!("slotarena: no guard: {error}")
}

impl<T: Send + Sync + 'static, M> Drop for Slab<T, M> {
    fn drop(&mut self) {
        self.threads.cut();
    }
}

fmt!(
    /// Writes the capacity. Takes no lock.
    [T: Send + Sync + 'static, M] Debug for Slab<T, M>, |this, f| {
        f.debug_struct("Slab").field("capacity", &this.capacity()).finish_non_exhaustive()
    }
);

generations!([T: Send + Sync + 'static, M] Slab<T, M>);

impl<T: Send + Sync + 'static, M> Builder<Slab<T, M>> {
    /// Builds the slab: reserves the addresses, and commits nothing yet. The slots
    /// of a small one are allocated (see [`capacity`](Self::capacity)).
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Slab<T, M>, BuildError> {
        const { assert!(align_of::<T>() <= SEGMENT_BYTES, "an alignment above 64 KiB") };
        let allocator = self.config.small_if_few().allocator(Protection::None)?;
        Slab::from_inner(Inner::new(allocator, self.config.last_generation))
    }
}
