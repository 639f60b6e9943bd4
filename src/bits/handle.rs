//! The number that names a slot.

use core::num::NonZeroU32;

/// The index of a slot of a [`Table`]. Zero is *null* and is never allocated, so
/// `Option<Handle>` takes 4 bytes.
///
/// A handle is a plain number, which a program may store, send, and make up. Every operation checks
/// it against the table. The successive owners of one slot have the same handle, so a handle that
/// is kept after `free` may name a later entry.
///
/// ```
/// use slotarena::Handle;
/// assert_eq!(size_of::<Option<Handle>>(), 4);
/// assert_eq!(Handle::from_raw(7).map(Handle::to_raw), Some(7));
/// assert_eq!(Handle::from_raw(0), None);
/// ```
///
#[cfg_attr(feature = "std", doc = "[`Table`]: crate::Table")]
#[cfg_attr(not(feature = "std"), doc = "[`Table`]: crate")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// Makes the handle with this number. `None` for 0, the null handle. Wait-free.
    #[must_use]
    #[inline]
    pub const fn from_raw(raw: u32) -> Option<Handle> {
        match NonZeroU32::new(raw) {
            Some(raw) => Some(Handle(raw)),
            None => None,
        }
    }

    /// Makes the handle of a slot.
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

    /// Returns the handle's number, which is the slot's index. Wait-free.
    #[must_use]
    #[inline]
    pub const fn to_raw(self) -> u32 {
        self.0.get()
    }
}

/// The reason why a call could not begin its operation. Nothing is changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OperationError {
    /// The calling thread is inside another call on the same table: a signal handler or an
    /// allocator's hook interrupted that call, or a closure runs while the table is stopped.
    Reentered,
    /// The process is a child, and its parent forked while another of the parent's threads was
    /// inside the table. Or the table is protected, and belongs to the parent.
    Forked,
    /// There was no memory to make the calling thread a participant.
    OutOfMemory,
}

fmt!([] Display for OperationError, |this, f| f.write_str(match this {
    Self::Reentered => "the thread is inside another call on this table",
    Self::Forked => "the table is that of the parent process",
    Self::OutOfMemory => "no memory to make the thread a participant of the table",
}));
impl core::error::Error for OperationError {}

/// The error for a handle that was refused: it names no slot in use, or no operation could begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HandleError {
    raw: u32,
    operation: Option<OperationError>,
}

impl HandleError {
    /// Makes the error for the handle with this number, which names no slot in use.
    #[must_use]
    pub const fn new(raw: u32) -> Self {
        Self { raw, operation: None }
    }

    #[cfg(feature = "std")]
    pub(crate) const fn refused(raw: u32, error: OperationError) -> Self {
        Self { raw, operation: Some(error) }
    }

    /// Returns the number of the handle.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.raw
    }

    /// Returns why no operation could begin. `None` if the handle names no slot in use.
    #[must_use]
    pub const fn operation(self) -> Option<OperationError> {
        self.operation
    }
}

fmt!([] Display for HandleError, |this, f| match *this {
    Self { raw, operation: Some(error) } => write!(f, "handle {raw} was refused: {error}"),
    Self { raw: 0, .. } => write!(f, "the null handle names no slot"),
    Self { raw, .. } => write!(f, "handle {raw} names no slot in use"),
});
impl core::error::Error for HandleError {}

impl TryFrom<u32> for Handle {
    type Error = HandleError;

    /// Makes the handle with this number. 0, the null handle, is an error.
    fn try_from(raw: u32) -> Result<Handle, HandleError> {
        Handle::from_raw(raw).ok_or(HandleError::new(raw))
    }
}

as_number!([] Handle, u32);

fmt!([] Display for Handle, |this, f| this.0.fmt(f));
fmt!([] Debug for Handle, |this, f| write!(f, "Handle({})", this.0));
