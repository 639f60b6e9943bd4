//! The types of a table's entries.

use core::ptr::NonNull;

use crate::bits::word::Word;

/// A plain value of one or two words that a [`Table`](crate::Table) can hold.
///
/// An entry becomes a word: `u64` for one word, `u128` for two. Bit 63 of the (low) word belongs to
/// the table: it tells a live slot from a free one. The implementations treat it as follows.
///
/// | entry | word | values that set the bit |
/// |---|---|---|
/// | `u8` to `u32`, `i8` to `i32`, `char`, `bool`, `()` | `u64` | none |
/// | [`Pointer<T>`], `usize` | `u64` | no address of a user's program on today's systems, else refused |
/// | `u64` | `u64` | values from 2^63: refused |
/// | `[u64; 2]`, `(u64, u64)` | `u128` | a first word from 2^63: refused. The second is free |
///
/// *Refused* means that `allocate` and `set` return an error that names the word, and change
/// nothing.
///
/// An implementation makes no `unsafe` promise. `to_word` may return anything, since the table
/// checks the bit. The table calls `from_word` only with words that `to_word` returned.
///
/// ```
/// use slotarena::{Packed, Table};
///
/// /// A node of a graph: kind and payload.
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// struct Node { kind: u8, payload: u32 }
///
/// impl Packed for Node {
///     type Word = u64;
///     fn to_word(self) -> u64 {
///         u64::from(self.kind) << 32 | u64::from(self.payload)
///     }
///     unsafe fn from_word(word: u64) -> Self {
///         Node { kind: (word >> 32) as u8, payload: word as u32 }
///     }
/// }
///
/// let table = Table::<Node>::builder().capacity(100).build()?;
/// let handle = table.allocate(Node { kind: 3, payload: 14 })?;
/// assert_eq!(table.get(handle), Some(Node { kind: 3, payload: 14 }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Packed: Copy + Send + Sync + 'static {
    /// `u64` for a one-word entry, `u128` for a two-word one.
    type Word: Word;

    /// Returns the bits of this entry. Called outside of the table's critical sections. May panic.
    fn to_word(self) -> Self::Word;

    /// Makes the entry with these bits. Called outside of the table's critical sections, except by
    /// [`Table::for_each_live`](crate::Table::for_each_live). May panic.
    ///
    /// # Safety
    ///
    /// `word` was returned by [`to_word`](Packed::to_word) of this type.
    unsafe fn from_word(word: Self::Word) -> Self;
}

macro_rules! entry {
    ($t:ty, $word:ty, |$s:ident| $to:expr, |$w:ident| $from:expr) => {
        impl Packed for $t {
            type Word = $word;
            #[inline(always)]
            fn to_word(self) -> $word {
                let $s = self;
                $to
            }
            #[inline(always)]
            unsafe fn from_word($w: $word) -> Self {
                $from
            }
        }
    };
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        // Sign-extended to 32 bits at most, so bit 63 stays clear.
        entry!($t, u64, |s| s as u32 as u64, |w| w as $t);
    )*};
}
integers!(u8, u16, u32, i8, i16, i32);

entry!(u64, u64, |s| s, |w| w);
entry!(usize, u64, |s| s as u64, |w| w as usize);
entry!((), u64, |_s| 0, |_w| ());
entry!(bool, u64, |s| u64::from(s), |w| w != 0);
entry!(char, u64, |s| u64::from(u32::from(s)), |w| char::from_u32(w as u32)
    .unwrap_or(char::REPLACEMENT_CHARACTER));
entry!([u64; 2], u128, |s| pair(s[0], s[1]), |w| [w as u64, (w >> 64) as u64]);
entry!((u64, u64), u128, |s| pair(s.0, s.1), |w| (w as u64, (w >> 64) as u64));

const fn pair(low: u64, high: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

/// A pointer that threads may share, stored as its address.
///
/// A raw pointer is neither `Send` nor `Sync`, and an entry is both. Code that reads the pointer
/// back is responsible for its use. Storing the pointer exposes its provenance.
#[derive(Debug)]
#[repr(transparent)]
pub struct Pointer<T>(NonNull<T>);

impl<T> Pointer<T> {
    /// Wraps a pointer.
    #[must_use]
    pub const fn new(pointer: NonNull<T>) -> Self {
        Pointer(pointer)
    }

    /// Returns the pointer.
    #[must_use]
    pub const fn get(self) -> NonNull<T> {
        self.0
    }
}

copy!([T] Pointer<T>);
eq!([T] Pointer<T>, 0);

// SAFETY: threads share only the address. Its use is `unsafe`, and the user's responsibility.
unsafe impl<T> Send for Pointer<T> {}
// SAFETY: same as for `Send`.
unsafe impl<T> Sync for Pointer<T> {}

impl<T: 'static> Packed for Pointer<T> {
    type Word = u64;

    #[inline(always)]
    fn to_word(self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        let pointer = core::ptr::with_exposed_provenance_mut(word as usize);
        // SAFETY: the word came from a `NonNull`, by the contract of `from_word`.
        Pointer(unsafe { NonNull::new_unchecked(pointer) })
    }
}
