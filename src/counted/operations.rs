//! The functions that a slab and a pool with counted references share, written once: a macro in
//! their `impl`s.

use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::common::Inner;
use crate::bits::key::Key;

/// What both do. Both have `inner`, a pointer to what is shared.
macro_rules! operations {
    () => {
        fn inner(&self) -> &Inner<T> {
            // SAFETY: there until this is dropped.
            unsafe { self.inner.as_ref() }
        }

        #[inline(always)]
        fn find(&self, key: Key<M>) -> Result<Option<Held<T>>, OperationError> {
            let inner = self.inner();
            let found = inner.update(key, |word| word.found(key))?;
            // SAFETY: the reference was counted just now.
            Ok(found.map(|(slot, word)| unsafe { Held::new(inner, slot, key.cast(), word) }))
        }

        /// Returns a reference to the value that a key names. `None` if it names none, if no
        /// operation could begin, or if the value has 2^28 - 1 references. Lock-free.
        #[inline(always)]
        pub fn get(&self, key: Key<M>) -> Option<Entry<'_, T, M>> {
            self.try_get(key).ok()?
        }

        /// Returns a reference to the value that a key names, like [`get`](Self::get). Lock-free.
        ///
        /// # Errors
        ///
        /// [`OperationError`] if no operation could begin, as in a signal handler that interrupts
        /// another call on this object.
        #[inline(always)]
        pub fn try_get(&self, key: Key<M>) -> Result<Option<Entry<'_, T, M>>, OperationError> {
            // SAFETY: a new reference, and the result borrows `self`.
            Ok(self.find(key)?.map(|held| unsafe { Entry::new(held) }))
        }

        /// Returns a reference that does not borrow `self`, and outlives it. `None` in the cases of
        /// [`get`](Self::get). Lock-free.
        #[inline(always)]
        pub fn get_owned(&self, key: Key<M>) -> Option<OwnedEntry<T, M>> {
            // SAFETY: a new reference.
            Some(unsafe { OwnedEntry::new(self.find(key).ok()??) })
        }

        /// Returns `true` if the key names a value, which may be gone a moment later. Wait-free.
        #[must_use]
        #[inline]
        pub fn contains(&self, key: Key<M>) -> bool {
            self.inner().contains(key)
        }

        /// Returns the key of the value in the slot with this index, if there is one. Wait-free.
        #[must_use]
        pub fn key_at(&self, index: u32) -> Option<Key<M>> {
            self.inner().allocator.space.arena.slot_clamped(index)?.load().key(index)
        }

        /// Iterates over the values that keys find, each with its key, by ascending index.
        ///
        /// Linear in the number of committed slots. Nothing can be removed meanwhile, so that no
        /// reference is counted.
        ///
        /// ```
        /// let mut slab = slotarena::CountedSlab::<u64>::builder().capacity(100).build()?;
        /// let key = slab.insert(1)?;
        /// assert!(slab.iter().eq([(key, &1)]));
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        pub fn iter(&mut self) -> Iter<'_, T, M> {
            // SAFETY: removal borrows `self`, and no value that is live is over.
            unsafe { Iter::new(self.inner()) }
        }

        /// Returns a value, to be changed, if the key names one without references. Wait-free.
        ///
        /// ```
        /// let mut slab = slotarena::CountedSlab::<u64>::builder().capacity(100).build()?;
        /// let key = slab.insert(1)?;
        /// *slab.get_mut(key).expect("live") += 1;
        /// let entry = slab.get_owned(key).expect("live");
        /// assert!(*entry == 2 && slab.get_mut(key).is_none()); // referenced
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[must_use]
        pub fn get_mut(&mut self, key: Key<M>) -> Option<&mut T> {
            let slot = self.inner().allocator.space.arena.slot_clamped(key.index())?;
            let word = slot.load();
            // SAFETY: live and without references, and nothing makes one while the result lives.
            (word.is(key) && word.count() == 0).then(|| unsafe { slot.payload().get_mut() })
        }

        /// Returns the approximate number of slots in use: of values, also of removed ones that are
        /// still referenced, and of those in the making.
        ///
        /// Exact while no other thread changes it. Linear in the number of participants, and in a
        /// 64th of the number of segments. Blocks while the world is stopped.
        #[must_use]
        pub fn len(&self) -> usize {
            self.inner().len()
        }

        /// Returns `true` if no slot is in use. Cost and exactness are those of [`len`](Self::len).
        #[must_use]
        pub fn is_empty(&self) -> bool {
            self.len() == 0
        }

        /// Returns the most values that there can be at one time. Wait-free.
        #[must_use]
        pub fn capacity(&self) -> u32 {
            self.inner().allocator.capacity()
        }

        /// Holds the whole object against its invariants. Blocks like
        /// [`Table::audit`](crate::Table::audit).
        ///
        /// # Errors
        ///
        /// Same as [`Table::audit`](crate::Table::audit).
        pub fn audit(&self) -> Result<Audit, AuditError> {
            audit(&self.inner().allocator)
        }
    };
}
pub(super) use operations;

/// What both implement besides.
macro_rules! traits {
    ([$($of:tt)*] $type:ty, $name:literal) => {
        // SAFETY: values may be sent, and read from any thread, and `Inner` is shared.
        unsafe impl<$($of)*> Send for $type {}
        // SAFETY: as for `Send`.
        unsafe impl<$($of)*> Sync for $type {}

        impl<$($of)*> Drop for $type {
            fn drop(&mut self) {
                // SAFETY: nothing borrows `self`, which is not used any more.
                unsafe { close(self.inner) };
            }
        }

        fmt!(
            /// Writes the capacity. Takes no lock.
            [$($of)*] Debug for $type, |this, f| {
                f.debug_struct($name).field("capacity", &this.capacity()).finish_non_exhaustive()
            }
        );

        $crate::slab::generations!([$($of)*] $type);

        impl<$($of)*> $crate::Builder<$type> {
            /// Sets whether memory goes back by itself after a peak: cleared values, and segments
            /// that hold nothing. Default: `false`, for programs that call `shrink_to_fit`.
            ///
            /// A thread that frees more than its own store holds looks at what is in use. If that
            /// is a quarter of the most since the last time, or less, the thread does what
            /// `shrink_to_fit` does, inside the call that frees a value. The work is constant for
            /// each value that is freed, amortized. A peak of less than 1,024 values stays. After a
            /// peak that came back, 1, 2, 4, and so on up to 64 peaks stay too.
            ///
            /// ```
            /// use slotarena::CountedPool;
            ///
            /// let pool = CountedPool::<String>::builder().capacity(100_000).trim(true).build()?;
            /// let create = || pool.create_with(|text| text.push_str("in a peak"));
            /// let keys = (0..50_000).map(|_| create()).collect::<Result<Vec<_>, _>>()?;
            /// assert!(keys.into_iter().all(|key| pool.clear(key)));
            /// assert!(pool.audit()?.slots_committed < 10_000);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub const fn trim(mut self, trims: bool) -> Self {
                self.config.trims = trims;
                self
            }
        }
    };
}
pub(super) use traits;

/// An iterator over values, each with its key. See [`CountedSlab::iter`](super::CountedSlab::iter).
pub struct Iter<'s, T: Send + Sync + 'static, M = ()> {
    inner: &'s Inner<T>,
    /// The next index. 0 at the end.
    next: u32,
    mark: PhantomData<fn(M) -> M>,
}

impl<'s, T: Send + Sync + 'static, M> Iter<'s, T, M> {
    /// # Safety
    ///
    /// Nothing is removed while the result lives.
    pub(super) unsafe fn new(inner: &'s Inner<T>) -> Self {
        Self { inner, next: 1, mark: PhantomData }
    }
}

impl<'s, T: Send + Sync + 'static, M> Iterator for Iter<'s, T, M> {
    type Item = (Key<M>, &'s T);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((index, slot)) = self.inner.next_slot(&mut self.next) {
            if let Some(key) = slot.load().key(index) {
                // SAFETY: live, and it is not removed while the results live.
                return Some((key, unsafe { slot.payload().get() }));
            }
        }
        None
    }
}

impl<T: Send + Sync + 'static, M> FusedIterator for Iter<'_, T, M> {}

fmt!([T: Send + Sync + 'static, M] Debug for Iter<'_, T, M>, |_, f| f.write_str("Iter"));
