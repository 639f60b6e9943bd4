//! The number that names a slot.

use core::fmt;
use core::num::NonZeroU32;

/// Names a slot of a [`Table`](crate::Table): its index. Zero is *null* and is never handed
/// out, so `Option<Handle>` takes 4 bytes.
///
/// A handle is a plain number. It may be stored anywhere, sent anywhere and made up by
/// anybody: every operation checks it against the table. What cannot be told apart are the
/// successive owners of one slot, so a handle that is kept after `free` may name a later entry.
///
/// ```
/// use slotarena::Handle;
/// assert_eq!(size_of::<Option<Handle>>(), 4);
/// assert_eq!(Handle::from_raw(7).map(Handle::to_raw), Some(7));
/// assert_eq!(Handle::from_raw(0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The handle with this number; `None` for 0, the null handle. Wait-free.
    #[must_use]
    #[inline]
    pub const fn from_raw(raw: u32) -> Option<Handle> {
        match NonZeroU32::new(raw) {
            Some(raw) => Some(Handle(raw)),
            None => None,
        }
    }

    /// The handle of a slot.
    ///
    /// # Safety
    ///
    /// `index` is not 0.
    #[inline(always)]
    #[cfg_attr(not(feature = "std"), allow(dead_code))]
    pub(crate) const unsafe fn from_index(index: u32) -> Handle {
        // SAFETY: by the contract of this function.
        Handle(unsafe { NonZeroU32::new_unchecked(index) })
    }

    /// The handle's number, which is the slot's index. Wait-free.
    #[must_use]
    #[inline]
    pub const fn to_raw(self) -> u32 {
        self.0.get()
    }
}

/// The handle does not name a slot that is in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidHandle {
    raw: u32,
}

impl InvalidHandle {
    pub(crate) const fn new(raw: u32) -> Self {
        Self { raw }
    }

    /// The number of the handle.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.raw
    }
}

impl fmt::Display for InvalidHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.raw {
            0 => write!(f, "the null handle names no slot"),
            raw => write!(f, "handle {raw} does not name a slot in use"),
        }
    }
}

impl core::error::Error for InvalidHandle {}

impl TryFrom<u32> for Handle {
    type Error = InvalidHandle;

    /// The handle with this number; null is an error that says so.
    fn try_from(raw: u32) -> Result<Handle, InvalidHandle> {
        Handle::from_raw(raw).ok_or(InvalidHandle::new(raw))
    }
}

impl From<Handle> for InvalidHandle {
    /// Says that this handle does not name a slot in use.
    fn from(handle: Handle) -> InvalidHandle {
        InvalidHandle::new(handle.to_raw())
    }
}

impl From<Handle> for u32 {
    fn from(handle: Handle) -> u32 {
        handle.to_raw()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({})", self.0)
    }
}
