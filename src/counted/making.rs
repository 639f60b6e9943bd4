//! Slots and values in the making, which no key finds yet.

use core::marker::PhantomData;
use core::mem::forget;
use core::ops::{Deref, DerefMut};

use super::common::{Inner, Mine};
use super::entry::{Entry, Mark, OwnedEntry, reference};
use super::held::Held;
use super::word::CountedWord;
use crate::bits::key::Key;
use crate::error::AllocError;

/// A slot that is filling. If it is dropped, its value is dropped or cleared, and its key never
/// names a value.
pub(super) struct Making<'a, T: Send + Sync + 'static> {
    inner: &'a Inner<T>,
    mine: Mine<'a, T>,
}

impl<'a, T: Send + Sync + 'static> Making<'a, T> {
    #[inline(always)]
    pub(super) fn new(inner: &'a Inner<T>) -> Result<Self, AllocError> {
        Ok(Self { inner, mine: inner.reserve()? })
    }

    /// Makes a slot with a value: a cleared one, or a default one. Runs user code.
    #[inline(always)]
    pub(super) fn with_value(inner: &'a Inner<T>) -> Result<Self, AllocError>
    where
        T: Default,
    {
        let making = Self::new(inner)?;
        let content = making.mine.slot.payload();
        // SAFETY: the slot is the caller's.
        if !unsafe { content.has_value() } {
            if inner.trimming.is_some() && inner.is_shrinking() {
                inner.want_values();
            }
            let value = T::default();
            // SAFETY: the slot is the caller's, without a value.
            unsafe { content.fill(value) };
        }
        Ok(making)
    }

    pub(super) fn key<M>(&self) -> Key<M> {
        self.mine.key.cast()
    }

    /// # Safety
    ///
    /// There is a value.
    pub(super) unsafe fn value(&mut self) -> &mut T {
        // SAFETY: the slot is the caller's, and has a value.
        unsafe { self.mine.slot.payload().get_mut() }
    }

    /// Puts a value in, and lets its key find it.
    ///
    /// # Safety
    ///
    /// There is no value.
    #[inline(always)]
    pub(super) unsafe fn insert<M>(self, value: T) -> Key<M> {
        // SAFETY: the slot is the caller's, without a value.
        unsafe { self.mine.slot.payload().fill(value) };
        self.publish()
    }

    /// Lets the key find the value, which is there.
    #[inline(always)]
    pub(super) fn publish<M>(self) -> Key<M> {
        let Mine { slot, key } = self.mine;
        forget(self);
        slot.publish(CountedWord::live(key.generation()));
        key.cast()
    }

    /// Turns this into the right to make the value, which is there.
    pub(super) fn into_held(self) -> Held<T> {
        let (inner, Mine { slot, key }) = (self.inner, self.mine);
        forget(self);
        // SAFETY: a slot that is filling counts one reference.
        unsafe { Held::new(inner, slot, key, CountedWord::filling(key.generation())) }
    }
}

impl<T: Send + Sync + 'static> Drop for Making<'_, T> {
    fn drop(&mut self) {
        // SAFETY: the slot is filling, and the slab is borrowed.
        unsafe { self.inner.finish(self.mine) };
    }
}

/// A slot of a [`CountedSlab`](super::CountedSlab) for a value that is still to come.
///
/// Made by [`CountedSlab::vacant_entry`](super::CountedSlab::vacant_entry). If it is dropped
/// unused, its key never names a value.
///
/// ```
/// # let slab = slotarena::CountedSlab::<(u64, &str)>::builder().capacity(100).build()?;
/// let entry = slab.vacant_entry()?;
/// let key = entry.key();
/// assert!(!slab.contains(key)); // not yet
/// entry.insert((key.to_raw(), "knows its own key"));
/// assert_eq!(slab.get(key).expect("now it is").0, key.to_raw());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct VacantEntry<'s, T: Send + Sync + 'static, M = ()> {
    pub(super) making: Making<'s, T>,
    pub(super) mark: PhantomData<fn(M) -> M>,
}

impl<T: Send + Sync + 'static, M> VacantEntry<'_, T, M> {
    /// Returns the key that the value will have. Wait-free.
    #[must_use]
    pub fn key(&self) -> Key<M> {
        self.making.key()
    }

    /// Puts the value in, and returns its key. Wait-free.
    pub fn insert(self, value: T) -> Key<M> {
        // SAFETY: a slab's slot has no value before.
        unsafe { self.making.insert(value) }
    }
}

fmt!([T: Send + Sync + 'static, M] Debug for VacantEntry<'_, T, M>, |this, f| {
    f.debug_tuple("VacantEntry").field(&this.key()).finish()
});

/// A value of a [`CountedPool`](super::CountedPool) in the making. It borrows the pool.
///
/// No key finds the value until this is dropped, or becomes an [`Entry`].
///
/// ```
/// let pool = slotarena::CountedPool::<String>::builder().capacity(100).build()?;
/// let mut value = pool.create()?;
/// value.push_str("made");
/// let key = value.key();
/// assert!(pool.get(key).is_none()); // not yet
/// drop(value);
/// assert_eq!(*pool.get(key).expect("now it is"), "made");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct RefMut<'s, T: Send + Sync + 'static, M = ()> {
    held: Held<T>,
    mark: Mark<'s, T, M>,
}

/// A value of a [`CountedPool`](super::CountedPool) in the making, like a [`RefMut`]. It does not
/// borrow the pool.
///
/// ```
/// let pool = slotarena::CountedPool::<String>::builder().capacity(100).build()?;
/// let mut value = pool.create_owned()?;
/// let thread = std::thread::spawn(move || {
///     value.push_str("made elsewhere");
///     value.downgrade()
/// });
/// assert_eq!(*thread.join().expect("a reference"), "made elsewhere");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct OwnedRefMut<T: Send + Sync + 'static, M = ()> {
    held: Held<T>,
    mark: PhantomData<fn(M) -> M>,
}

reference!(['s,] RefMut<'s, T, M>, release);
reference!([] OwnedRefMut<T, M>, release_owned);

macro_rules! making {
    ([$($of:tt)*] $type:ty, $shared:ty) => {
        impl<$($of)* T: Send + Sync + 'static, M> $type {
            /// Ends the making: the key finds the value, and the result is a reference to it.
            /// Lock-free.
            pub fn downgrade(mut self) -> $shared {
                self.held.make_shared();
                let this = core::mem::ManuallyDrop::new(self);
                // SAFETY: read once, and `drop` does not run.
                let held = unsafe { core::ptr::read(&raw const this.held) };
                // SAFETY: the one reference, which is of the same kind.
                unsafe { <$shared>::new(held) }
            }
        }

        impl<$($of)* T: Send + Sync + 'static, M> DerefMut for $type {
            #[inline(always)]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the slot is filling until this is used up.
                unsafe { self.held.value_mut() }
            }
        }
    };
}

making!(['s,] RefMut<'s, T, M>, Entry<'s, T, M>);
making!([] OwnedRefMut<T, M>, OwnedEntry<T, M>);
