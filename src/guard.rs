//! Guards, under which values are looked at.

use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use crate::key::Key;
use crate::member::Member;
use crate::memory::{Memory, Slot};
use crate::slab_core::Core;
use crate::slab_error::InsertError;
use crate::stamp::Stamped;

/// What is looked at under a guard stays until the guard is dropped, also if it is removed
/// meanwhile.
///
/// Begun by [`Slab::pin`](crate::Slab::pin). Beginning, looking and ending write to a cache line of
/// the thread's own and to nothing else: any number of threads read one value without disturbing
/// one another. A guard belongs to its thread. A thread may have several; they end when the last
/// does.
///
/// A guard that is kept for long delays the dropping of values, but not of those that are inserted
/// later than what it has looked at: see [`Slab`](crate::Slab#when-values-are-dropped).
///
/// ```
/// # let slab = slotarena::Slab::<String>::builder().capacity(100).build()?;
/// let keys = [slab.insert("a".to_owned())?, slab.insert("b".to_owned())?];
/// let guard = slab.pin();
/// let values: Vec<&String> = keys.iter().filter_map(|&key| guard.get(key)).collect();
/// slab.remove(keys[0]);
/// assert_eq!(values, ["a", "b"]); // what was looked at stays
/// assert_eq!(guard.get(keys[0]), None); // but is not found again
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Guard<'s, T: Send + Sync + 'static, M = ()> {
    /// Where slot 0 lies, and the greatest index: copies of the arena's.
    base: NonNull<Slot<Stamped<T>>>,
    last: u32,
    member: &'s Member,
    core: &'s Core<T>,
    /// Not `Send`, not `Sync`: its thread alone may begin, raise and end it.
    mark: PhantomData<(*const (), Key<M>)>,
}

impl<'s, T: Send + Sync + 'static, M> Guard<'s, T, M> {
    /// Begins a guard.
    ///
    /// # Safety
    ///
    /// The caller owns the member, and so does nobody else until the guard is dropped.
    #[inline(always)]
    pub(crate) unsafe fn new(core: &'s Core<T>, member: &'s Member) -> Self {
        // SAFETY: the owner.
        unsafe { core.begin_guard(member) };
        let arena = &core.allocator.arena;
        let (base, last) = (arena.base(), arena.geometry().capacity());
        Self { base, last, member, core, mark: PhantomData }
    }

    #[inline(always)]
    fn slot(&self, index: u32) -> Option<&Slot<Stamped<T>>> {
        if !Memory::<Stamped<T>>::LOADS_RESERVED {
            return self.core.allocator.arena.slot_clamped(index);
        }
        let index = if index <= self.last { index } else { 0 };
        let offset = index as usize * Memory::<Stamped<T>>::STRIDE;
        // SAFETY: at most the greatest index, so inside the memory (Invariant 6).
        let slot = unsafe { self.base.byte_add(offset) };
        // SAFETY: any part of the memory can be read, committed or not (checked above), and is
        // there as long as the slab; what is not atomic in it lies in cells.
        Some(unsafe { slot.as_ref() })
    }

    /// The value that a key names, if it is there: compares the key with one word, loaded from
    /// the slot. A value that was inserted since the guard began may cost a store to the thread's
    /// own line and a second load. Wait-free.
    #[must_use]
    #[inline]
    pub fn get(&self, key: Key<M>) -> Option<&T> {
        let slot = self.slot(key.index())?;
        let word = slot.load(); // GL
        if word.birth_if(key) > u64::from(self.member.announcement.upper().to_bits()) {
            // Another value, none, or one that was inserted after the guard began.
            // SAFETY: the guard's owner.
            if !word.is(key) || !unsafe { self.core.raise(self.member, slot, word) } {
                return None;
            }
        }
        // SAFETY: the value was live, and born within the guard's interval (Invariant 11).
        Some(unsafe { slot.payload().get() })
    }

    /// Is there a value that the key names? It may be gone a moment later. Wait-free.
    #[must_use]
    #[inline]
    pub fn contains(&self, key: Key<M>) -> bool {
        self.slot(key.index()).is_some_and(|slot| slot.load().is(key))
    }

    /// The value that a key names, or if there is none (any more) a new one, and its key: for a
    /// program that keeps the key of something that others may remove. If several threads do this
    /// at once, each inserts.
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
    /// As [`Slab::insert`](crate::Slab::insert).
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
        // SAFETY: the guard's owner, who has no operation under way.
        let key = unsafe { self.core.insert_guarded(self.member, value) }?;
        let slot = self.core.allocator.arena.slot(key.index());
        // SAFETY: the guard's interval covers it since before it was live (Invariant 11).
        Ok((key, unsafe { slot.payload().get() }))
    }

    /// The values of the slab, each with its key, by ascending index: every one that is there all
    /// the time, none that is removed before it is come to; of those that come or go meanwhile,
    /// some. Each at most once. Linear in the number of committed slots; wait-free for each.
    pub fn iter(&self) -> Iter<'_, 's, T, M> {
        Iter { guard: self, next: 1 }
    }

    /// The value in a slot, if there is one.
    pub(crate) fn entry(&self, index: u32) -> Option<(Key<M>, &T)> {
        let word = self.slot(index)?.load();
        if !word.is_live() {
            return None;
        }
        // SAFETY: a live slot's index is not 0; the generation is a word's.
        let key = unsafe { Key::new(index, word.generation()) };
        Some((key, self.get(key)?))
    }
}

impl<T: Send + Sync + 'static, M> Drop for Guard<'_, T, M> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: begun in `new`, by the same owner; what it has shown borrows it.
        unsafe { self.core.end_guard(self.member) };
    }
}

/// See [`Guard::iter`].
pub struct Iter<'g, 's, T: Send + Sync + 'static, M = ()> {
    guard: &'g Guard<'s, T, M>,
    /// 0 at the end.
    next: u32,
}

impl<'g, T: Send + Sync + 'static, M> Iterator for Iter<'g, '_, T, M> {
    type Item = (Key<M>, &'g T);

    fn next(&mut self) -> Option<Self::Item> {
        while self.next != 0 {
            let Some(index) = self.guard.core.next_slot(self.next) else {
                self.next = 0;
                break;
            };
            self.next = index.wrapping_add(1);
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

/// A value with a guard of its own. See [`Slab::get`](crate::Slab::get).
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
        // SAFETY: looked at under the guard, which is still there (Invariant 11).
        unsafe { self.value.as_ref() }
    }
}

impl<T: Send + Sync + fmt::Debug + 'static, M> fmt::Debug for Ref<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Send + Sync + 'static, M> fmt::Debug for Guard<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

impl<T: Send + Sync + 'static, M> fmt::Debug for Iter<'_, '_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Iter")
    }
}
