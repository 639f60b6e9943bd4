//! The right to write to a code pointer table.

use super::error::CodePointerError;
use super::table::CodePointerTable;
use super::word::{CodePointer, CodeWord, EntryPoint, Signature};
use crate::bits::handle::{Handle, HandleError};
use crate::bits::word::{self, State};
use crate::sweep::SweepReport;
use crate::sys::Rights;
use crate::table::{Packed, ops};

/// Evidence of the right to write to a [`CodePointerTable`]. All calls that write are its methods.
///
/// Scopes nest, and may end in any order. The first one gives the calling thread the right to
/// write, and the end of the last takes it back. With protection keys each takes tens of cycles
/// (`wrpkru`), else it is a count. To batch several calls, open a scope around them. A scope stays
/// on its thread:
///
/// ```compile_fail,E0277
/// # let table = slotarena::CodePointerTable::new().unwrap();
/// let scope = table.write_scope();
/// std::thread::scope(|threads| { threads.spawn(|| drop(scope)); });
/// ```
///
/// The table itself is usable from any thread:
///
/// ```
/// # let table = slotarena::CodePointerTable::new().unwrap();
/// std::thread::scope(|threads| { threads.spawn(|| drop(table.write_scope())); });
/// ```
///
/// Do not start threads inside a scope: with keys, a new thread has the rights of its creator.
///
/// A child of the process (`fork`) has no right to write to a protected table, whether it inherits
/// a scope or opens one. All calls then return [`CodePointerError::Forked`].
///
/// # Progress
///
/// Same as the operations of a [`Table`](crate::Table): lock-free while no thread stops the world.
#[derive(Debug)]
pub struct WriteScope<'t> {
    table: &'t CodePointerTable,
    _rights: Rights,
}

impl CodePointerTable {
    /// Gives the calling thread the right to write, while the result lives.
    #[must_use]
    pub fn write_scope(&self) -> WriteScope<'_> {
        // In a child that was made without the C library's `fork`, all calls are refused from here
        // on.
        let _ = self.check_process();
        WriteScope { table: self, _rights: self.arena().rights() }
    }
}

impl WriteScope<'_> {
    /// Puts an entry into a free slot.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::Alloc`], [`CodePointerError::EntryPoint`].
    pub fn allocate(
        &self,
        entry_point: EntryPoint,
        signature: Signature,
    ) -> Result<Handle, CodePointerError> {
        let word = compiled(entry_point, signature)?;
        Ok(self.table.table().allocate(word)?)
    }

    /// Hands out a slot without an entry. Readers find nothing in it until
    /// [`publish`](Self::publish).
    ///
    /// # Errors
    ///
    /// [`CodePointerError::Alloc`].
    pub fn allocate_uninitialized(&self) -> Result<Handle, CodePointerError> {
        Ok(self.table.table().allocate_uninitialized()?)
    }

    /// Puts an entry into a slot that was handed out without one. A reader that finds the entry
    /// sees all that was written before.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::AlreadyPublished`], [`CodePointerError::InvalidHandle`],
    /// [`CodePointerError::ReadOnly`], [`CodePointerError::EntryPoint`].
    pub fn publish(
        &self,
        handle: Handle,
        entry_point: EntryPoint,
        signature: Signature,
    ) -> Result<(), CodePointerError> {
        let word = compiled(entry_point, signature)?.live();
        let put = |old| ops::is_uninitialized(old).then_some(word);
        match self.update(handle, put)? {
            Ok(_) => Ok(()),
            Err(old) if word::is_live(old) => {
                Err(CodePointerError::AlreadyPublished { raw: handle.to_raw() })
            }
            Err(old) => Err(self.complaint(handle, old)),
        }
    }

    /// Removes an entry. The slot stays handed out.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::NotPublished`], [`CodePointerError::InvalidHandle`],
    /// [`CodePointerError::Native`], [`CodePointerError::ReadOnly`].
    pub fn unpublish(&self, handle: Handle) -> Result<CodePointer, CodePointerError> {
        let take = |old| is_compiled(old).then(word::uninitialized);
        let old = self.update(handle, take)?.map_err(|old| self.complaint(handle, old))?;
        entry(old).read().ok_or(CodePointerError::InvalidHandle(HandleError::new(handle.to_raw())))
    }

    /// Replaces the entry point of an entry under the same signature, and returns the old one.
    /// Readers find the old one or the new one.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::SignatureChanged`] if the entry has another signature.
    /// [`CodePointerError::EntryPoint`]. Else same as [`unpublish`](Self::unpublish).
    pub fn set(
        &self,
        handle: Handle,
        entry_point: EntryPoint,
        signature: Signature,
    ) -> Result<EntryPoint, CodePointerError> {
        let word = compiled(entry_point, signature)?.live();
        let under = |old| word::is_live(old).then(|| entry(old).under(signature)).flatten();
        match self.update(handle, |old| under(old).map(|_| word))? {
            Ok(old) => {
                under(old).ok_or(CodePointerError::InvalidHandle(HandleError::new(handle.to_raw())))
            }
            Err(old) if is_compiled(old) => {
                let stored = entry(old).read().and_then(|read| read.signature);
                Err(CodePointerError::SignatureChanged { stored, given: signature })
            }
            Err(old) => Err(self.complaint(handle, old)),
        }
    }

    /// Frees a slot with or without an entry. Of several threads that free one handle
    /// simultaneously, one succeeds.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::InvalidHandle`], [`CodePointerError::Native`],
    /// [`CodePointerError::ReadOnly`].
    pub fn free(&self, handle: Handle) -> Result<(), CodePointerError> {
        self.table.read_only.check(handle)?;
        let expected = |word| is_compiled(word) || ops::is_uninitialized(word);
        // SAFETY: `expected` returns `false` for a free slot's word.
        let old = unsafe { ops::free_if(self.table.table(), handle, expected) };
        if expected(old) { Ok(()) } else { Err(self.complaint(handle, old)) }
    }

    /// Sweeps the table. See [`CodePointerTable::sweep`].
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        self.table.sweep(threshold)
    }

    fn update(
        &self,
        handle: Handle,
        new: impl Fn(u64) -> Option<u64>,
    ) -> Result<Result<u64, u64>, CodePointerError> {
        self.table.read_only.check(handle)?;
        // SAFETY: `new` of all callers returns `None` for a free slot's word, and else a live or
        // uninitialized word.
        Ok(unsafe { ops::update(self.table.table(), handle, new) })
    }

    /// Returns the error for a slot without a compiled function's entry.
    fn complaint(&self, handle: Handle, old: u64) -> CodePointerError {
        let raw = handle.to_raw();
        match word::state(old) {
            State::Live => CodePointerError::Native { raw },
            State::Uninitialized => CodePointerError::NotPublished { raw },
            State::Free => self.table.refused(handle),
        }
    }
}

fn compiled(entry_point: EntryPoint, signature: Signature) -> Result<CodeWord, CodePointerError> {
    let word = CodeWord::compiled(entry_point, signature);
    word.ok_or(CodePointerError::EntryPoint { address: entry_point.address() })
}

/// Returns the entry in a live slot's word.
fn entry(live: u64) -> CodeWord {
    // SAFETY: `CodeWord`s take any bits but the table's own.
    unsafe { CodeWord::from_word(word::bits(live)) }
}

fn is_compiled(word: u64) -> bool {
    word::is_live(word) && entry(word).as_native().is_none()
}
