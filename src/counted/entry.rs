//! References to values: those that borrow the slab, and those that do not.

use core::marker::PhantomData;
use core::ops::Deref;

use super::common::Inner;
use super::held::Held;
use crate::bits::key::Key;

/// Borrows a slab with a mark.
pub(super) type Mark<'s, T, M> = PhantomData<(&'s Inner<T>, fn(M) -> M)>;

/// A counted reference to a value of a [`CountedSlab`](super::CountedSlab) or
/// [`CountedPool`](super::CountedPool). It borrows the slab.
///
/// The value stays while a reference to it lives, whichever thread removes it. If it has been
/// removed, the drop of the last reference drops it, or clears it in a pool. That runs `T`'s code.
///
/// A reference that is forgotten (`mem::forget`) keeps its value and the slab's memory forever.
///
/// ```
/// use slotarena::CountedSlab;
///
/// let slab = CountedSlab::<String>::builder().capacity(100).build()?;
/// let key = slab.insert("kept".to_owned())?;
/// let entry = slab.get(key).expect("live");
/// assert!(slab.remove(key));
/// assert!(slab.get(key).is_none()); // no new reference
/// assert_eq!((&**entry, entry.key()), ("kept", key));
/// drop(entry); // drops the value
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct Entry<'s, T: Send + Sync + 'static, M = ()> {
    held: Held<T>,
    mark: Mark<'s, T, M>,
}

/// A counted reference like an [`Entry`], which does not borrow the slab. So it may be stored, and
/// sent to another thread.
///
/// When the slab is dropped, the value stays until its last reference is dropped, and with it the
/// addresses of the slab. All other values are dropped with the slab.
///
/// ```
/// use slotarena::CountedSlab;
///
/// let slab = CountedSlab::<String>::builder().capacity(100).build()?;
/// let key = slab.insert("sent".to_owned())?;
/// let entry = slab.get_owned(key).expect("live");
/// drop(slab);
/// let thread = std::thread::spawn(move || entry.len());
/// assert_eq!(thread.join().expect("a number"), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct OwnedEntry<T: Send + Sync + 'static, M = ()> {
    held: Held<T>,
    mark: PhantomData<fn(M) -> M>,
}

/// What all references do. `$end` is how the reference ends.
macro_rules! reference {
    ([$($of:tt)*] $type:ty, $end:ident) => {
        impl<$($of)* T: Send + Sync + 'static, M> $type {
            /// # Safety
            ///
            /// The result takes the reference over. The slab lives as long as the type says.
            #[inline(always)]
            pub(super) unsafe fn new(held: Held<T>) -> Self {
                Self { held, mark: PhantomData }
            }

            /// Returns the value's key. Wait-free.
            #[must_use]
            pub fn key(&self) -> Key<M> {
                self.held.key.cast()
            }
        }

        impl<$($of)* T: Send + Sync + 'static, M> Deref for $type {
            type Target = T;

            #[inline(always)]
            fn deref(&self) -> &T {
                self.held.value()
            }
        }

        impl<$($of)* T: Send + Sync + 'static, M> Drop for $type {
            /// Lock-free, but for `T`'s code.
            #[inline(always)]
            fn drop(&mut self) {
                // SAFETY: not used any more, and of this kind.
                unsafe { self.held.$end() };
            }
        }

        fmt!([$($of)* T: Send + Sync + core::fmt::Debug + 'static, M] Debug for $type,
            |this, f| (**this).fmt(f));
    };
}
pub(super) use reference;

reference!(['s,] Entry<'s, T, M>, release);
reference!([] OwnedEntry<T, M>, release_owned);

macro_rules! shared {
    ([$($of:tt)*] $type:ty) => {
        impl<$($of)* T: Send + Sync + 'static, M> Clone for $type {
            /// Makes one more reference to the value, also to a removed one. Lock-free.
            ///
            /// # Panics
            ///
            /// If the value has 2^28 - 1 references.
            #[inline]
            fn clone(&self) -> Self {
                Self { held: self.held.share(), mark: PhantomData }
            }
        }
    };
}

shared!(['s,] Entry<'s, T, M>);
shared!([] OwnedEntry<T, M>);
