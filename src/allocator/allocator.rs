//! What the threads of one table share.

use core::ptr::NonNull;

use crate::arena::{Arena, Refusal};
use crate::bias::Bias;
use crate::bits::handle::OperationError;
use crate::bits::word::Word;
use crate::error::AllocError;
use crate::safepoint::{Record, Registration, Safepoint, Shared};
use crate::sweep::Space;
use crate::sync::{InPage, Place};

/// All slots of one table, and all that is known of them.
///
/// Its place in a page is away from that of a [`Record`], which operations store to.
#[derive(Debug)]
#[cfg_attr(not(model), repr(C))]
pub(crate) struct Allocator<W: Word> {
    pub(crate) space: Space<W>,
    /// The most slots in the stack of a local store. With the LIFO slot that makes two magazines.
    pub(super) store_limit: u32,
    /// `true` if a child of the process has a copy that it may write to.
    pub(crate) is_inherited: bool,
    /// The most slots in the overflow of a local store.
    pub(crate) overflow_limit: u32,
}

impl<W: Word> InPage for Allocator<W> {
    const AT: usize = 0xb00;
}

#[cfg(not(model))]
const _: () = assert!(size_of::<Record>() <= <Allocator<u64> as InPage>::AT);

impl<W: Word> Allocator<W> {
    /// `None` if there is no memory.
    pub(crate) fn new(
        arena: Arena<W>,
        bias: Bias,
        stripes: usize,
        magazine_size: u32,
        overflow_limit: u32,
    ) -> Option<Self> {
        Some(Self {
            space: Space::new(arena, bias, stripes, magazine_size)?,
            store_limit: 2 * magazine_size - 1,
            is_inherited: true,
            overflow_limit,
        })
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.space.arena.geometry().capacity()
    }

    /// Where the parts of the table lie.
    pub(crate) fn place(&self) -> Place {
        self.space.arena.place()
    }

    /// Turns a refusal into the error for the caller.
    pub(super) fn explain(&self, refusal: Refusal) -> AllocError {
        match refusal {
            Refusal::Full => AllocError::CapacityExhausted { capacity: self.capacity() },
            Refusal::OutOfMemory(code) => {
                AllocError::OutOfMemory { code, bytes: self.space.arena.segment_bytes() }
            }
        }
    }
}

impl<W: Word> Shared for Allocator<W> {
    type Record = Record;
    type Registration = Registration;

    fn register(&self) -> Result<Registration, OperationError> {
        self.space.safepoint.register()
    }

    fn record(&self, registration: &Registration) -> NonNull<Record> {
        registration.record()
    }

    /// Ends a participation. The slots of the local store go to a free list. With a bias, up to two
    /// magazines stay for the next owner of the record, toward which their ranges are biased.
    fn unregister(&self, registration: Registration) {
        // A thread may end outside of any scope (Invariant 13).
        let _rights = self.space.arena.rights();
        self.space.safepoint.unregister(registration, |store, is_kept| {
            if !is_kept || !self.space.bias.is_on() || store.has_overflow() {
                self.spill_all(store);
            }
        });
    }

    fn safepoint(&self) -> &Safepoint {
        &self.space.safepoint
    }

    fn adopt(&self) -> bool {
        // A child that shares the memory finds nothing in it.
        self.space.arena.after_fork();
        self.is_inherited
    }
}
