//! The table of external pointers.

use core::ptr::NonNull;

use super::access::wait;
use super::entry::{ExternalEntry, address};
use super::error::EntryError;
use super::owned::{Orphan, keep, unwrap};
use super::space::Space;
use super::state::State;
use super::table::CollectedTable;
use super::tag::{Tag, TagRange};
use super::word::{OWNED, bits, owns, pointer, tag};
use crate::arena::Memory;
use crate::bits::handle::{Handle, HandleError, OperationError};
use crate::bits::word::LIVE_BIT;

/// A table of pointers to objects of the host, which untrusted code names by handle and tag.
///
/// A read is an address computation, one load, and one comparison, for any handle whatever: it
/// gives a pointer that was stored with that tag, or nothing. See the [module](super) for an
/// example.
pub type ExternalPointerTable = CollectedTable<ExternalEntry>;

/// An object that got no entry.
pub struct Rejected<T> {
    /// The object.
    pub object: Box<T>,
    /// The reason.
    pub error: EntryError,
}

fmt!([T] Debug for Rejected<T>, |this, f| f.debug_tuple("Rejected").field(&this.error).finish());
fmt!([T] Display for Rejected<T>, |this, f| this.error.fmt(f));
impl<T> core::error::Error for Rejected<T> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl Space<ExternalEntry> {
    /// Makes an entry for an object that belongs to the program. Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Alloc`], [`EntryError::Pointer`]. [`EntryError::Owned`] for the tag of objects
    /// that entries own.
    pub fn allocate<T>(&self, tag: Tag<T>, object: NonNull<T>) -> Result<Handle, EntryError> {
        if tag.number() >= OWNED {
            return Err(EntryError::Owned { raw: 0 });
        }
        let word = LIVE_BIT | bits(tag.number(), address(object)?);
        self.0.spaces.allocate(self.state(), word)
    }

    /// Makes an entry that owns an object. The object is dropped once: when the entry dies, when it
    /// is emptied or freed, or with its space. That happens when no [`with`] is inside the object
    /// any more. Moves the object behind a word of its own. Lock-free but for the system's
    /// allocator.
    ///
    /// [`with`]: CollectedTable::with
    ///
    /// # Errors
    ///
    /// [`Rejected`], with the object and the reason.
    pub fn allocate_owned<T: Send + Sync + 'static>(
        &self,
        tag: Tag<T>,
        object: Box<T>,
    ) -> Result<Handle, Rejected<T>> {
        if tag.number() < OWNED {
            let found = tag.number();
            return Err(Rejected { object, error: EntryError::Tag { raw: 0, found } });
        }
        let kept = keep(object).map_err(|(object, error)| Rejected { object, error })?;
        let address = kept.as_ptr().expose_provenance() as u64;
        self.state().set_owns();
        let word = LIVE_BIT | bits(tag.number(), address);
        self.0.spaces.allocate(self.state(), word).map_err(|error| {
            // SAFETY: kept above, and no entry has it.
            let object = Box::new(unsafe { unwrap(kept) });
            Rejected { object, error }
        })
    }
}

impl CollectedTable<ExternalEntry> {
    /// Returns the pointer that any number names, if its entry has the tag. Total, wait-free: an
    /// address computation, one load, and one comparison. See [`Tag`].
    ///
    /// The object of an entry that owns it may be dropped at any time. [`with`](Self::with) keeps
    /// it.
    #[must_use]
    #[inline(always)]
    pub fn get<T>(&self, raw: u32, tag: Tag<T>) -> Option<NonNull<T>> {
        self.get_in(raw, tag.range()).map(NonNull::cast)
    }

    /// Returns the pointer that any number names, if its entry has a tag of the range. Total and
    /// wait-free, as [`get`](Self::get).
    #[must_use]
    #[inline(always)]
    pub fn get_in(&self, raw: u32, tags: TagRange) -> Option<NonNull<()>> {
        let word = if Memory::<u64>::LOADS_RESERVED {
            // SAFETY: the arena lives, and reserved slots can be loaded.
            unsafe { self.view.slot(raw) }?.load()
        } else {
            self.spaces.load(raw)
        };
        let object = core::ptr::with_exposed_provenance_mut(pointer(word) as usize);
        if tags.admits(word) { NonNull::new(object) } else { None }
    }

    /// Calls `f` with the object that the entry owns. The object stays until `f` returns, whatever
    /// other threads do.
    ///
    /// `f` runs inside an operation of the entry's space: a collection's stop of that space waits
    /// for it, so it is to be short. In it, calls that change the space give errors.
    ///
    /// # Errors
    ///
    /// [`EntryError::Tag`], also for the tag of objects that belong to the program.
    /// [`EntryError::Handle`].
    pub fn with<T: Send + Sync + 'static, R>(
        &self,
        raw: u32,
        tag: Tag<T>,
        f: impl FnOnce(&T) -> R,
    ) -> Result<R, EntryError> {
        if tag.number() < OWNED {
            return Err(EntryError::Tag { raw, found: tag.number() });
        }
        let is_it = |word| self::tag(word) == tag.number();
        self.spaces.inspect(raw, is_it, |word| {
            let object: *const T = core::ptr::with_exposed_provenance(pointer(word) as usize);
            // SAFETY: an entry with this tag was made by `allocate_owned` with a `T`, since the
            // process has bound the tag to it. The thread that takes the pointer out of the entry
            // waits for this operation before it drops the object (Invariant 16).
            f(unsafe { &*object })
        })
    }

    /// Replaces the pointer of an entry with this tag, and returns the old one. Keeps the mark.
    /// Lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Tag`], [`EntryError::Handle`], [`EntryError::ReadOnly`],
    /// [`EntryError::Pointer`]. [`EntryError::Owned`] if entries with the tag own their objects.
    pub fn exchange<T>(
        &self,
        raw: u32,
        tag: Tag<T>,
        object: NonNull<T>,
    ) -> Result<NonNull<T>, EntryError> {
        let old = self.put(raw, tag.range(), tag.number(), address(object)?)?;
        NonNull::new(core::ptr::with_exposed_provenance_mut(pointer(old) as usize))
            .ok_or(EntryError::Handle(HandleError::new(raw)))
    }

    /// Replaces the tag and the pointer of an entry whose tag is in the range. Keeps the mark.
    /// Lock-free.
    ///
    /// # Errors
    ///
    /// Same as [`exchange`](Self::exchange).
    pub fn set<T>(
        &self,
        raw: u32,
        tags: impl Into<TagRange>,
        tag: Tag<T>,
        object: NonNull<T>,
    ) -> Result<(), EntryError> {
        self.put(raw, tags.into(), tag.number(), address(object)?).map(drop)
    }

    fn put(&self, raw: u32, tags: TagRange, number: u16, address: u64) -> Result<u64, EntryError> {
        if number >= OWNED || tags.last() >= OWNED {
            return Err(EntryError::Owned { raw });
        }
        let new = |word| tags.contains(tag(word)).then(|| bits(number, address));
        self.spaces.change(raw, new).map(|(old, _)| old)
    }

    /// Empties an entry with a tag of the range: reads find nothing, and the slot is freed when the
    /// entry dies. If the entry owns an object, that is dropped on this thread, once no
    /// [`with`](Self::with) is inside it any more. That stops the space for a moment. Else
    /// lock-free.
    ///
    /// # Errors
    ///
    /// [`EntryError::Tag`], [`EntryError::Handle`], [`EntryError::ReadOnly`].
    pub fn zap(&self, raw: u32, tags: impl Into<TagRange>) -> Result<(), EntryError> {
        let (word, state) = self.spaces.zap(raw, tags.into())?;
        drop_owned(word, state);
        Ok(())
    }

    /// Frees an entry with a tag of the range now, and not when it dies. The handle may name
    /// another entry afterwards. An object that the entry owns is dropped as by [`zap`](Self::zap).
    ///
    /// # Errors
    ///
    /// Same as [`zap`](Self::zap).
    pub fn free(&self, raw: u32, tags: impl Into<TagRange>) -> Result<(), EntryError> {
        let tags = tags.into();
        let (word, state) = self.spaces.free(raw, |word| tags.contains(tag(word)))?;
        drop_owned(word, state);
        Ok(())
    }

    /// Frees the entry, and returns the object that it owns, once no [`with`](Self::with) is inside
    /// it any more. Stops the space for a moment.
    ///
    /// # Errors
    ///
    /// Same as [`with`](Self::with), and [`EntryError::ReadOnly`].
    pub fn take<T: Send + Sync + 'static>(&self, raw: u32, tag: Tag<T>) -> Result<T, EntryError> {
        if tag.number() < OWNED {
            return Err(EntryError::Tag { raw, found: tag.number() });
        }
        let (word, state) = self.spaces.free(raw, |word| self::tag(word) == tag.number())?;
        let object = core::ptr::with_exposed_provenance_mut(pointer(word) as usize);
        match NonNull::new(object).filter(|_| wait(state)) {
            // SAFETY: a `T`, as in `with`. This thread took it out of its entry, and has waited for
            // the operations that may have found it there.
            Some(object) => Ok(unsafe { unwrap(object) }),
            None => Err(EntryError::Handle(HandleError::refused(raw, OperationError::Reentered))),
        }
    }

    /// Makes another entry with the same tag and pointer, in a space of this table. Lock-free.
    ///
    /// # Errors
    ///
    /// Same as [`exchange`](Self::exchange), and [`EntryError::Alloc`].
    pub fn duplicate(
        &self,
        raw: u32,
        tags: impl Into<TagRange>,
        space: &Space,
    ) -> Result<Handle, EntryError> {
        let tags = tags.into();
        if tags.last() >= OWNED {
            return Err(EntryError::Owned { raw });
        }
        let word = self.spaces.inspect(raw, |word| tags.contains(tag(word)), |word| word)?;
        space.0.spaces.allocate(space.state(), word)
    }
}

/// Drops what the entry owned whose word the calling thread has just taken, in an entry of this
/// space: once no operation is under way that may have found it.
fn drop_owned(word: u64, state: &State<ExternalEntry>) {
    if owns::<ExternalEntry>(word) && wait(state) {
        // SAFETY: this thread took it out of its entry, and has waited for the operations that may
        // have found it there.
        drop(unsafe { Orphan::new(pointer(word)) });
    }
}
