//! What a program does with a slab that it has for itself: `&mut`, or by value. No guard exists
//! then, since guards borrow the slab.

use core::iter::FusedIterator;
use core::marker::PhantomData;

use super::inner::Inner;
use super::slab::Slab;
use super::word::SlabWord;
use crate::arena::Slot;
use crate::bits::key::Key;

impl<T: Send + Sync + 'static> Inner<T> {
    /// Moves a cursor to the next slot that has a live value. `None` at the end.
    fn next_live<M>(&self, cursor: &mut u32) -> Option<(Key<M>, &Slot<SlabWord<T>>)> {
        while let Some(index) = self.next_slot(cursor) {
            let slot = self.allocator.space.arena.slot(index);
            let word = slot.load();
            if word.is_live() {
                // SAFETY: a live slot's index is not 0, and the generation is a word's.
                return Some((unsafe { Key::new(index, word.generation()) }, slot));
            }
        }
        None
    }
}

impl<T: Send + Sync + 'static, M> Slab<T, M> {
    /// Returns the value that a key names, to be changed. Wait-free.
    ///
    /// ```
    /// let mut slab = slotarena::Slab::<u64>::builder().capacity(100).build()?;
    /// let key = slab.insert(1)?;
    /// *slab.get_mut(key).expect("live") += 1;
    /// assert_eq!(*slab.get(key).expect("live"), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn get_mut(&mut self, key: Key<M>) -> Option<&mut T> {
        let (slot, _) = self.inner().find(key)?;
        // SAFETY: live, and nothing else uses the slab while the result lives.
        Some(unsafe { slot.payload().get_mut() })
    }

    /// Returns several values, to be changed. `None` if a key names none, or two are equal.
    ///
    /// ```
    /// let mut slab = slotarena::Slab::<u64>::builder().capacity(100).build()?;
    /// let keys = [slab.insert(1)?, slab.insert(2)?];
    /// let [one, two] = slab.get_disjoint_mut(keys).expect("both are live");
    /// std::mem::swap(one, two);
    /// assert_eq!(*slab.get(keys[0]).expect("live"), 2);
    /// assert!(slab.get_disjoint_mut([keys[0], keys[0]]).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn get_disjoint_mut<const N: usize>(&mut self, keys: [Key<M>; N]) -> Option<[&mut T; N]> {
        let is_live = |key: &Key<M>| self.contains(*key);
        let is_new = |(at, key): (usize, &Key<M>)| !keys[..at].contains(key);
        if !keys.iter().all(is_live) || !keys.iter().enumerate().all(is_new) {
            return None;
        }
        let arena = &self.inner().allocator.space.arena;
        // SAFETY: live, no two of them one slot, and nothing else uses the slab while they live.
        Some(keys.map(|key| unsafe { arena.slot(key.index()).payload().get_mut() }))
    }

    /// Iterates over the values, to be changed, each with its key, by ascending index.
    ///
    /// Linear in the number of committed slots.
    ///
    /// ```
    /// let mut slab = slotarena::Slab::<u64>::builder().capacity(100).build()?;
    /// let key = slab.insert(1)?;
    /// for (_, value) in &mut slab {
    ///     *value *= 10;
    /// }
    /// assert_eq!(*slab.get(key).expect("live"), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter_mut(&mut self) -> IterMut<'_, T, M> {
        IterMut { inner: self.inner(), next: 1, mark: PhantomData }
    }

    /// Removes every value for which `keep` returns `false`, by ascending index, and drops it now.
    /// `keep` may change the others.
    ///
    /// ```
    /// let mut slab = slotarena::Slab::<u64>::builder().capacity(100).build()?;
    /// let keys = [slab.insert(1)?, slab.insert(2)?];
    /// slab.retain_mut(|_, value| {
    ///     *value += 1;
    ///     *value != 2
    /// });
    /// assert!(!slab.contains(keys[0]));
    /// assert_eq!(*slab.get(keys[1]).expect("live"), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `keep` does.
    pub fn retain_mut(&mut self, mut keep: impl FnMut(Key<M>, &mut T) -> bool) {
        let mut next = 1;
        while let Some((key, slot)) = self.inner().next_live(&mut next) {
            // SAFETY: live, and nothing else uses the slab.
            if !keep(key, unsafe { slot.payload().get_mut() }) {
                drop(self.take_now(key));
            }
        }
    }

    /// Removes all values, and returns them one by one. The iterator's drop drops the rest.
    ///
    /// ```
    /// let mut slab = slotarena::Slab::<u64>::builder().capacity(100).build()?;
    /// let key = slab.insert(1)?;
    /// assert!(slab.drain().eq([(key, 1)]));
    /// assert!(slab.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn drain(&mut self) -> Drain<'_, T, M> {
        Drain { slab: self, next: 1 }
    }

    /// Removes and drops all values, and those that wait to be dropped.
    pub fn clear(&mut self) {
        self.drain().for_each(drop);
        self.flush();
    }

    /// Removes a value. `None` if there is none, or if no operation can begin.
    fn take_now(&mut self, key: Key<M>) -> Option<T> {
        // SAFETY: guards borrow the slab, so none exists.
        self.with(|mut owner| unsafe { owner.take_unseen(key) }).ok()?
    }

    fn take_next(&mut self, cursor: &mut u32) -> Option<(Key<M>, T)> {
        let (key, _) = self.inner().next_live(cursor)?;
        Some((key, self.take_now(key)?))
    }
}

/// An iterator over the values of a slab, to be changed. See [`Slab::iter_mut`].
pub struct IterMut<'s, T: Send + Sync + 'static, M = ()> {
    inner: &'s Inner<T>,
    /// The next index. 0 at the end.
    next: u32,
    mark: PhantomData<&'s mut Slab<T, M>>,
}

impl<'s, T: Send + Sync + 'static, M> Iterator for IterMut<'s, T, M> {
    type Item = (Key<M>, &'s mut T);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, slot) = self.inner.next_live(&mut self.next)?;
        // SAFETY: live, reached once, and nothing else uses the slab while the results live.
        Some((key, unsafe { slot.payload().get_mut() }))
    }
}

impl<T: Send + Sync + 'static, M> FusedIterator for IterMut<'_, T, M> {}

fmt!([T: Send + Sync + 'static, M] Debug for IterMut<'_, T, M>, |_, f| f.write_str("IterMut"));

/// An iterator that removes the values of a slab. See [`Slab::drain`].
pub struct Drain<'s, T: Send + Sync + 'static, M = ()> {
    slab: &'s mut Slab<T, M>,
    /// The next index. 0 at the end.
    next: u32,
}

impl<T: Send + Sync + 'static, M> Iterator for Drain<'_, T, M> {
    type Item = (Key<M>, T);

    fn next(&mut self) -> Option<Self::Item> {
        self.slab.take_next(&mut self.next)
    }
}

impl<T: Send + Sync + 'static, M> FusedIterator for Drain<'_, T, M> {}

impl<T: Send + Sync + 'static, M> Drop for Drain<'_, T, M> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

fmt!([T: Send + Sync + 'static, M] Debug for Drain<'_, T, M>, |_, f| f.write_str("Drain"));

/// The values of a slab that is used up, each with its key. See [`Slab::into_iter`].
pub struct IntoIter<T: Send + Sync + 'static, M = ()> {
    slab: Slab<T, M>,
    /// The next index. 0 at the end.
    next: u32,
}

impl<T: Send + Sync + 'static, M> Iterator for IntoIter<T, M> {
    type Item = (Key<M>, T);

    fn next(&mut self) -> Option<Self::Item> {
        self.slab.take_next(&mut self.next)
    }
}

impl<T: Send + Sync + 'static, M> FusedIterator for IntoIter<T, M> {}

fmt!([T: Send + Sync + 'static, M] Debug for IntoIter<T, M>, |_, f| f.write_str("IntoIter"));

impl<T: Send + Sync + 'static, M> IntoIterator for Slab<T, M> {
    type Item = (Key<M>, T);
    type IntoIter = IntoIter<T, M>;

    /// Returns the values one by one, each with its key, by ascending index. The iterator's drop
    /// drops the rest.
    ///
    /// ```
    /// let slab: slotarena::Slab<u64> = [1, 2].into_iter().collect();
    /// assert!(slab.into_iter().map(|(_, value)| value).eq([1, 2]));
    /// ```
    fn into_iter(self) -> IntoIter<T, M> {
        IntoIter { slab: self, next: 1 }
    }
}

impl<'s, T: Send + Sync + 'static, M> IntoIterator for &'s mut Slab<T, M> {
    type Item = (Key<M>, &'s mut T);
    type IntoIter = IterMut<'s, T, M>;

    fn into_iter(self) -> IterMut<'s, T, M> {
        self.iter_mut()
    }
}

impl<T: Send + Sync + 'static, M> Extend<T> for Slab<T, M> {
    /// Inserts values, whose keys [`Guard::iter`](crate::slab::Guard::iter) tells.
    ///
    /// # Panics
    ///
    /// If the slab is full or the system refuses memory, with the
    /// [`AllocError`](crate::AllocError). The value that did not fit, and those that follow, are
    /// dropped.
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        for value in values {
            if let Err(refused) = self.insert(value) {
                panic!("slotarena: no room for a value: {}", refused.error());
            }
        }
    }
}

impl<T: Send + Sync + 'static, M> FromIterator<T> for Slab<T, M> {
    /// Makes a slab like [`Slab::new`], and inserts values.
    ///
    /// ```
    /// let slab: slotarena::Slab<&str> = ["a", "b"].into_iter().collect();
    /// assert_eq!(slab.len(), 2);
    /// ```
    ///
    /// # Panics
    ///
    /// Same as [`Slab::default`], and as [`extend`](Extend::extend).
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut slab = Self::default();
        slab.extend(values);
        slab
    }
}
