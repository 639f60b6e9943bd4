//! Guards, under which values are read.

use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::{Deref, Index};
use core::ptr::NonNull;

use super::error::InsertError;
use super::inner::{Inner, SlabOwner};
use super::word::SlabWord;
use crate::arena::{Slot, View};
use crate::bits::key::Key;

/// A guard: a value that is read under it stays until the guard is dropped, even if the value is
/// removed in the meantime.
///
/// [`Slab::pin`](crate::Slab::pin) begins one. Beginning, reading, and ending write only to the
/// thread's cache line, so any number of threads read one value without contention. A guard belongs
/// to its thread. Guards of one thread end when the last one does.
///
/// A long guard delays the drop of values, but not of those that are inserted later than the values
/// that it has read: see [`Slab`](crate::Slab#when-values-are-dropped).
///
/// ```
/// # let slab = slotarena::Slab::<String>::builder().capacity(100).build()?;
/// let keys = [slab.insert("a".to_owned())?, slab.insert("b".to_owned())?];
/// let guard = slab.pin();
/// let values: Vec<&String> = keys.iter().filter_map(|&key| guard.get(key)).collect();
/// slab.remove(keys[0]);
/// assert_eq!(values, ["a", "b"]); // a value that was read stays
/// assert_eq!(guard.get(keys[0]), None); // but is not found again
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Guard<'s, T: Send + Sync + 'static, M = ()> {
    /// A copy of the arena's view.
    view: View<SlabWord<T>>,
    owner: SlabOwner<'s, T>,
    /// Neither `Send` nor `Sync`: only its thread may begin, extend, and end it.
    mark: PhantomData<(*const (), Key<M>)>,
}

impl<'s, T: Send + Sync + 'static, M> Guard<'s, T, M> {
    #[inline(always)]
    pub(crate) fn new(owner: SlabOwner<'s, T>) -> Self {
        owner.begin_guard();
        let view = owner.inner.allocator.space.arena.view();
        Self { view, owner, mark: PhantomData }
    }

    pub(crate) fn inner(&self) -> &'s Inner<T> {
        self.owner.inner
    }

    /// Covers all values that are live now. The world is stopped.
    #[cfg(feature = "serde")]
    pub(crate) fn cover_all(&self) {
        self.owner.cover_all();
    }

    /// Makes a second token of the owner, for an insertion.
    fn owner(&self) -> SlabOwner<'s, T> {
        // SAFETY: the guard's token is evidence of the ownership, and has no operation under way.
        unsafe { SlabOwner::new(self.owner.inner, self.owner.participant) }
    }

    #[inline(always)]
    fn slot(&self, index: u32) -> Option<&Slot<SlabWord<T>>> {
        self.owner.inner.allocator.space.arena.read(&self.view, index)
    }

    /// Returns the value that a key names, if it exists. Wait-free.
    ///
    /// Compares the key with one word, loaded from the slot. A value that was inserted since the
    /// guard began may cost a store to the thread's cache line and a second load.
    #[must_use]
    #[inline]
    pub fn get(&self, key: Key<M>) -> Option<&T> {
        let slot = self.slot(key.index())?;
        let word = slot.load(); // GL
        if word.birth_if(key) > u64::from(self.owner.participant.reservation.upper().to_bits()) {
            // Another value, none, or one that was inserted after the guard began.
            if !word.is(key) || !self.owner.extend(slot, word) {
                return None;
            }
        }
        // SAFETY: the value was live, and born within the guard's reservation (Invariant 11).
        Some(unsafe { slot.payload().get() })
    }

    /// Returns `true` if the key names a value, which another thread may then remove. Wait-free.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: Key<M>) -> bool {
        self.slot(key.index()).is_some_and(|slot| slot.load().is(key))
    }

    /// Returns the value that a key names, or inserts a new one, and returns its key as well.
    ///
    /// For a program that keeps the key of a value that other threads may remove. If several
    /// threads do this simultaneously, each inserts.
    ///
    /// ```
    /// # let slab = slotarena::Slab::<String>::builder().capacity(100).build()?;
    /// let guard = slab.pin();
    /// let (key, value) = guard.get_or_insert_with(None, || "new".to_owned())?;
    /// assert_eq!(value, "new");
    /// let (same, _) = guard.get_or_insert_with(Some(key), || unreachable!())?;
    /// assert_eq!(same, key);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`Slab::insert`](crate::Slab::insert).
    pub fn get_or_insert_with(
        &self,
        key: Option<Key<M>>,
        value: impl FnOnce() -> T,
    ) -> Result<(Key<M>, &T), InsertError<T>> {
        if let Some(key) = key {
            if let Some(found) = self.get(key) {
                return Ok((key, found));
            }
        }
        let value = value();
        let key = self.owner().insert_guarded(value)?;
        let slot = self.inner().allocator.space.arena.slot(key.index());
        // SAFETY: the guard's reservation covers it since before it was live (Invariant 11).
        Ok((key, unsafe { slot.payload().get() }))
    }

    /// Iterates over the values of the slab, each with its key, by ascending index.
    ///
    /// Yields every value that is present throughout, and some of those inserted or removed in the
    /// meantime. Yields none that was removed before the iteration reaches it, and each at most
    /// once. Linear in the number of committed slots. Each step is wait-free.
    pub fn iter(&self) -> Iter<'_, 's, T, M> {
        Iter { guard: self, next: 1 }
    }

    /// Iterates over the keys of the values, like [`iter`](Self::iter).
    pub fn keys(&self) -> impl Iterator<Item = Key<M>> + '_ {
        self.iter().map(|(key, _)| key)
    }

    /// Iterates over the values, like [`iter`](Self::iter).
    pub fn values(&self) -> impl Iterator<Item = &T> + '_ {
        self.iter().map(|(_, value)| value)
    }

    /// Returns the value in a slot, if any, and its key.
    pub(crate) fn entry(&self, index: u32) -> Option<(Key<M>, &T)> {
        let key = self.inner().key_at(index)?;
        Some((key, self.get(key)?))
    }
}

impl<T: Send + Sync + 'static, M> Index<Key<M>> for Guard<'_, T, M> {
    type Output = T;

    /// Returns the value that a key names.
    ///
    /// ```
    /// let slab: slotarena::Slab<u64> = [1, 2].into_iter().collect();
    /// let guard = slab.pin();
    /// assert!(guard.keys().map(|key| guard[key]).eq([1, 2]));
    /// ```
    ///
    /// # Panics
    ///
    /// If the key names none.
    fn index(&self, key: Key<M>) -> &T {
        self.get(key).unwrap_or_else(|| panic!("slotarena: {key:?} names no value"))
    }
}

impl<T: Send + Sync + 'static, M> Drop for Guard<'_, T, M> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: begun in `new`. References to values borrow the guard.
        unsafe { self.owner.end_guard() };
    }
}

/// An iterator over the values of a slab. See [`Guard::iter`].
pub struct Iter<'g, 's, T: Send + Sync + 'static, M = ()> {
    guard: &'g Guard<'s, T, M>,
    /// The next index. 0 at the end.
    next: u32,
}

impl<'g, T: Send + Sync + 'static, M> Iterator for Iter<'g, '_, T, M> {
    type Item = (Key<M>, &'g T);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(index) = self.guard.inner().next_slot(&mut self.next) {
            if let Some(entry) = self.guard.entry(index) {
                return Some(entry);
            }
        }
        None
    }
}

impl<T: Send + Sync + 'static, M> FusedIterator for Iter<'_, '_, T, M> {}

impl<'g, 's, T: Send + Sync + 'static, M> IntoIterator for &'g Guard<'s, T, M> {
    type Item = (Key<M>, &'g T);
    type IntoIter = Iter<'g, 's, T, M>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A reference to a value, which holds a guard. See [`Slab::get`](crate::Slab::get).
pub struct Ref<'s, T: Send + Sync + 'static, M = ()> {
    value: NonNull<T>,
    _guard: Guard<'s, T, M>,
}

impl<'s, T: Send + Sync + 'static, M> Ref<'s, T, M> {
    #[inline(always)]
    pub(crate) fn new(guard: Guard<'s, T, M>, key: Key<M>) -> Option<Self> {
        let value = NonNull::from(guard.get(key)?);
        Some(Self { value, _guard: guard })
    }
}

impl<T: Send + Sync + 'static, M> Deref for Ref<'_, T, M> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: read under the guard, which still lives (Invariant 11).
        unsafe { self.value.as_ref() }
    }
}

fmt!([T: Send + Sync + core::fmt::Debug + 'static, M] Debug for Ref<'_, T, M>, |this, f| {
    (**this).fmt(f)
});
fmt!([T: Send + Sync + 'static, M] Debug for Guard<'_, T, M>, |_, f| f.write_str("Guard"));
fmt!([T: Send + Sync + 'static, M] Debug for Iter<'_, '_, T, M>, |_, f| f.write_str("Iter"));
