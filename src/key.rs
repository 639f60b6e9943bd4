//! What names a value of a slab.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU64;

/// Names one value of a [`Slab`](crate::Slab): the index of its slot, and the slot's generation.
///
/// A slot's generation grows with each value, and never begins again: once its value is removed, a
/// key is dead for ever. It is a plain number of 64 bits, never 0, that may be stored, sent and
/// made up; the slab checks it. `M` is a mark of the program's own: a slab with a mark takes keys
/// with that mark alone.
///
/// ```
/// use slotarena::Key;
/// assert_eq!(size_of::<Option<Key>>(), 8);
/// assert_eq!(Key::<()>::from_bits(0), None);
/// let key = Key::<()>::from_bits(3 << 32 | 7).expect("a key");
/// assert_eq!((key.index(), key.generation(), key.to_bits()), (7, 3, 3 << 32 | 7));
/// ```
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
/// while those of one do:
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
    bits: NonZeroU64,
    mark: PhantomData<fn(M) -> M>,
}

/// The greatest generation that a key can have: 2^31 - 1.
#[cfg_attr(not(feature = "std"), allow(dead_code))]
pub(crate) const GENERATION_MAX: u32 = (1 << 31) - 1;

impl<M> Key<M> {
    /// The key with these bits; `None` if no key has them: the lower half is 0, or bit 63 is set.
    /// Wait-free.
    #[must_use]
    #[inline]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        if bits as u32 == 0 || bits >> 63 != 0 {
            return None;
        }
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self { bits, mark: PhantomData }),
            None => None,
        }
    }

    /// The key's number: [`from_bits`](Self::from_bits) undoes it. Wait-free.
    #[must_use]
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.bits.get()
    }

    /// The index of the slot, from 1 on. Of all live values, no two have the same. Wait-free.
    #[must_use]
    #[inline]
    pub const fn index(self) -> u32 {
        self.to_bits() as u32
    }

    /// How many values the slot has held before, at most. Wait-free.
    #[must_use]
    #[inline]
    pub const fn generation(self) -> u32 {
        (self.to_bits() >> 32) as u32
    }

    /// # Safety
    ///
    /// `index` is not 0, and `generation` is at most [`GENERATION_MAX`].
    #[inline(always)]
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    pub(crate) const unsafe fn new(index: u32, generation: u32) -> Self {
        let bits = (generation as u64) << 32 | index as u64;
        // SAFETY: the index is not 0.
        let bits = unsafe { NonZeroU64::new_unchecked(bits) };
        Self { bits, mark: PhantomData }
    }

    /// The same key for a slab with another mark.
    #[must_use]
    #[inline]
    pub const fn cast<N>(self) -> Key<N> {
        Key { bits: self.bits, mark: PhantomData }
    }
}

impl<M> Clone for Key<M> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Key<M> {}

impl<M> PartialEq for Key<M> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.bits == other.bits
    }
}

impl<M> Eq for Key<M> {}

impl<M> PartialOrd for Key<M> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<M> Ord for Key<M> {
    /// By generation, then by index.
    fn cmp(&self, other: &Self) -> Ordering {
        self.bits.cmp(&other.bits)
    }
}

impl<M> Hash for Key<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bits.hash(state);
    }
}

impl<M> fmt::Debug for Key<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}v{})", self.index(), self.generation())
    }
}

#[cfg(feature = "serde")]
impl<M> serde::Serialize for Key<M> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.to_bits())
    }
}

#[cfg(feature = "serde")]
impl<'de, M> serde::Deserialize<'de> for Key<M> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = u64::deserialize(deserializer)?;
        Self::from_bits(bits).ok_or_else(|| {
            serde::de::Error::custom(format_args!("{bits:#x} is the number of no key"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    quickcheck::quickcheck! {
        fn bits_round_trip(bits: u64) -> bool {
            match Key::<()>::from_bits(bits) {
                Some(key) => {
                    // SAFETY: an index that is not 0 and a generation, of a key.
                    let again = unsafe { Key::new(key.index(), key.generation()) };
                    key.to_bits() == bits && again == key && key.generation() <= GENERATION_MAX
                }
                None => bits as u32 == 0 || bits >> 63 == 1,
            }
        }
    }
}
