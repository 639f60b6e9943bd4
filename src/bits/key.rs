//! The names of a slab's values.

use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU64;

/// The name of one value of a [`Slab`]: the index of its slot, and the slot's
/// generation.
///
/// A slot's generation grows with each value and never begins again. Once its value is removed, a
/// key is dead forever. A key is a plain number of 64 bits, never 0, which a program may store,
/// send, and make up. The slab checks it. `M` is the program's mark: a slab with a mark takes only
/// keys with that mark.
///
/// ```
/// use slotarena::Key;
/// assert_eq!(size_of::<Option<Key>>(), 8);
/// assert_eq!(Key::<()>::from_raw(0), None);
/// let key = Key::<()>::from_raw(3 << 32 | 7).expect("a key");
/// assert_eq!((key.index(), key.generation(), key.to_raw()), (7, 3, 3 << 32 | 7));
/// ```
///
#[cfg_attr(feature = "std", doc = "[`Slab`]: crate::Slab")]
#[cfg_attr(not(feature = "std"), doc = "[`Slab`]: crate")]
///
/// Keys of differently marked slabs do not mix:
///
/// ```compile_fail,E0308
/// # use slotarena::Slab;
/// struct Users;
/// struct Files;
/// let users: Slab<u8, Users> = Slab::builder().capacity(9).build()?;
/// let files: Slab<u8, Files> = Slab::builder().capacity(9).build()?;
/// let key = users.insert(1)?;
/// files.remove(key);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Keys with one mark do:
///
/// ```
/// # use slotarena::Slab;
/// struct Users;
/// let users: Slab<u8, Users> = Slab::builder().capacity(9).build()?;
/// let key = users.insert(1)?;
/// users.remove(key);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct Key<M = ()> {
    /// The generation in bits 62 to 32, the index, never 0, below.
    raw: NonZeroU64,
    mark: PhantomData<fn(M) -> M>,
}

/// The bits of a generation.
#[cfg_attr(not(feature = "std"), allow(dead_code))]
pub(crate) const GENERATION_MASK: u32 = (1 << 31) - 1;

/// The greatest generation of a value. One above it is [`Key::NULL`]'s.
#[cfg_attr(not(feature = "std"), allow(dead_code))]
pub(crate) const GENERATION_MAX: u32 = GENERATION_MASK - 1;

/// Defines a mark, and the type of the keys of slabs with that mark.
///
/// ```
/// use slotarena::Slab;
///
/// slotarena::key_type!(pub Users => UserKey);
/// slotarena::key_type!(
///     /// The files of a process.
///     Files => FileKey
/// );
///
/// let users: Slab<&str, Users> = Slab::builder().capacity(100).build()?;
/// let key: UserKey = users.insert("a")?;
/// assert!(users.contains(key));
/// assert_eq!(FileKey::default(), FileKey::NULL); // keys of another type
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[macro_export]
macro_rules! key_type {
    ($(#[$attribute:meta])* $vis:vis $mark:ident => $key:ident) => {
        $(#[$attribute])*
        $vis enum $mark {}

        #[doc = concat!("The key of a value in a slab marked `", stringify!($mark), "`.")]
        $vis type $key = $crate::Key<$mark>;
    };
}

impl<M> Key<M> {
    /// Makes the key with this number. `None` if no key has it: the lower half is 0, or bit 63 is
    /// set. Wait-free.
    #[must_use]
    #[inline]
    pub const fn from_raw(raw: u64) -> Option<Self> {
        if raw as u32 == 0 || raw >> 63 != 0 {
            return None;
        }
        match NonZeroU64::new(raw) {
            Some(raw) => Some(Self { raw, mark: PhantomData }),
            None => None,
        }
    }

    /// Returns the key's number. [`from_raw`](Self::from_raw) undoes it. Wait-free.
    #[must_use]
    #[inline]
    pub const fn to_raw(self) -> u64 {
        self.raw.get()
    }

    /// Returns the index of the slot, from 1 on. No two live values have the same. Wait-free.
    #[must_use]
    #[inline]
    pub const fn index(self) -> u32 {
        self.to_raw() as u32
    }

    /// Returns the slot's generation: it has held at most this many values before. Wait-free.
    #[must_use]
    #[inline]
    pub const fn generation(self) -> u32 {
        (self.to_raw() >> 32) as u32
    }

    /// The key that no value ever has: for a field that must hold some key. It is the default.
    ///
    /// `Option<Key>` has the same size, and the compiler checks it.
    ///
    /// ```
    /// use slotarena::{Key, Slab};
    ///
    /// #[derive(Default)]
    /// struct Node {
    ///     next: Key,
    /// }
    ///
    /// let slab = Slab::<Node>::builder().capacity(100).build()?;
    /// let key = slab.insert(Node::default())?;
    /// let next = slab.get(key).expect("live").next;
    /// assert!(next.is_null() && !slab.contains(next));
    /// assert_eq!(Key::<()>::from_raw(Key::<()>::NULL.to_raw()), Some(Key::NULL));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    // SAFETY: the index is not 0.
    pub const NULL: Self = unsafe { Self::new(u32::MAX, GENERATION_MASK) };

    /// Returns `true` for [`NULL`](Self::NULL). Wait-free.
    #[must_use]
    #[inline]
    pub const fn is_null(self) -> bool {
        self.to_raw() == Self::NULL.to_raw()
    }

    /// # Safety
    ///
    /// `index` is not 0, and `generation` is at most [`GENERATION_MASK`].
    #[inline(always)]
    pub(crate) const unsafe fn new(index: u32, generation: u32) -> Self {
        let raw = (generation as u64) << 32 | index as u64;
        // SAFETY: the index is not 0.
        let raw = unsafe { NonZeroU64::new_unchecked(raw) };
        Self { raw, mark: PhantomData }
    }

    /// Returns the same key for a slab with another mark.
    #[must_use]
    #[inline]
    pub const fn cast<N>(self) -> Key<N> {
        Key { raw: self.raw, mark: PhantomData }
    }
}

impl<M> Default for Key<M> {
    fn default() -> Self {
        Self::NULL
    }
}

copy!([M] Key<M>);
eq!([M] Key<M>, raw);

impl<M> PartialOrd for Key<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Key<M> {
    /// Compares by generation, then by index.
    fn cmp(&self, other: &Self) -> Ordering {
        self.raw.cmp(&other.raw)
    }
}

impl<M> Hash for Key<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.raw.hash(state);
    }
}

fmt!([M] Debug for Key<M>, |this, f| write!(f, "Key({}v{})", this.index(), this.generation()));
fmt!(
    /// Writes the index and the generation, for example `7v3`.
    [M] Display for Key<M>, |this, f| write!(f, "{}v{}", this.index(), this.generation())
);

/// The error for a number that no key has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyError {
    raw: u64,
}

impl KeyError {
    /// Returns the number that is no key.
    #[must_use]
    pub const fn raw(self) -> u64 {
        self.raw
    }
}

fmt!([] Display for KeyError, |KeyError { raw }, f| {
    write!(f, "{raw:#x} is no key: the lower 32 bits must not be 0, and bit 63 must be clear")
});
impl core::error::Error for KeyError {}

impl<M> TryFrom<u64> for Key<M> {
    type Error = KeyError;

    /// Makes the key with this number.
    fn try_from(raw: u64) -> Result<Self, KeyError> {
        Self::from_raw(raw).ok_or(KeyError { raw })
    }
}

as_number!([M] Key<M>, u64);

#[cfg(test)]
#[path = "../../tests/unit/key.rs"]
mod tests;
