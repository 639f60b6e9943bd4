//! The right to write to the read-only segments of a code pointer table.

use super::error::CodePointerError;
use super::table::CodePointerTable;
use super::word::{CodeWord, EntryPoint, Signature};
use crate::bits::handle::{Handle, HandleError};
use crate::bits::word;
use crate::code::read_only::Free;
use crate::sync::Held;
use crate::sys::Rights;
use crate::table::ops;

/// The read-only segments of a table, unsealed while this lives. It is the evidence for every write
/// to them. Only one exists at a time, and it stays on its thread.
///
/// ```
/// use slotarena::code::{CodePointerTable, EntryPoint, Signature};
/// let table = CodePointerTable::builder().index_bits(16).read_only_segments(1).build()?;
/// let signature = Signature::new(4).expect("a small number");
/// let entry_point = EntryPoint::new(0x1000 as *const u8).expect("not null");
/// let mut unsealed = table.unseal()?;
/// let handle = unsealed.allocate(entry_point, signature)?;
/// drop(unsealed);
/// assert_eq!(table.entry_point(handle.to_raw(), signature), Some(entry_point));
/// assert!(table.write_scope().free(handle).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReadOnlyScope<'t> {
    table: &'t CodePointerTable,
    free: Held<'t, Free>,
    has_ended: bool,
    _rights: Rights,
}

impl CodePointerTable {
    /// Unseals the read-only segments while the result lives. Blocks while another thread has them
    /// unsealed.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::AlreadyUnsealed`] if the calling thread has them unsealed already.
    /// [`CodePointerError::Seal`] if the system refuses, or has refused to seal them after an
    /// earlier scope. [`CodePointerError::Forked`].
    pub fn unseal(&self) -> Result<ReadOnlyScope<'_>, CodePointerError> {
        self.check_process()?;
        let free = self.read_only.free.lock().map_err(|_| CodePointerError::AlreadyUnsealed)?;
        if let Some(code) = free.seal_refused {
            return Err(CodePointerError::Seal { code });
        }
        let scope =
            ReadOnlyScope { table: self, free, has_ended: false, _rights: self.arena().rights() };
        // If the system refuses, dropping the scope seals what it may have unsealed.
        scope.set_sealed(false)?;
        Ok(scope)
    }
}

impl ReadOnlyScope<'_> {
    /// Ends the scope, and seals the segments. Dropping the scope does so too, and ignores errors.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::Seal`] if the system refuses. Then the segments stay writable, and
    /// [`CodePointerTable::unseal`] returns this error from then on. [`CodePointerError::Forked`].
    pub fn seal(mut self) -> Result<(), CodePointerError> {
        let sealed = self.end();
        // The rest of `drop` has been done.
        self.has_ended = true;
        sealed
    }

    fn end(&mut self) -> Result<(), CodePointerError> {
        let sealed = self.set_sealed(true);
        if let Err(CodePointerError::Seal { code }) = sealed {
            self.free.seal_refused = Some(code);
        }
        sealed
    }

    fn set_sealed(&self, sealed: bool) -> Result<(), CodePointerError> {
        self.table.check_process()?;
        let segments = self.table.read_only.segments;
        if segments == 0 {
            return Ok(());
        }
        let sealed = self.table.arena().seal_lowest(segments, sealed);
        sealed.map_err(|code| CodePointerError::Seal { code })
    }

    /// Puts an entry into a slot without one: the last freed, or else the lowest unused.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::ReadOnlyFull`], [`CodePointerError::EntryPoint`],
    /// [`CodePointerError::Forked`].
    pub fn allocate(
        &mut self,
        entry_point: EntryPoint,
        signature: Signature,
    ) -> Result<Handle, CodePointerError> {
        self.table.check_process()?;
        let end = self.table.read_only.end;
        let fresh = Handle::from_raw(self.free.next).filter(|handle| handle.to_raw() < end);
        let handle = self.free.freed.last().copied().or(fresh);
        let handle = handle.ok_or(CodePointerError::ReadOnlyFull { slots: end - 1 })?;
        let word = CodeWord::compiled(entry_point, signature)
            .ok_or(CodePointerError::EntryPoint { address: entry_point.address() })?
            .live();
        let put = |old| ops::is_uninitialized(old).then_some(word);
        // SAFETY: `put` returns `None` for a free slot's word.
        let put = unsafe { ops::update(self.table.table(), handle, put) };
        put.map_err(|_| self.table.refused(handle))?;
        if self.free.freed.pop().is_none() {
            self.free.next += 1;
        }
        Ok(handle)
    }

    /// Removes an entry.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::InvalidHandle`] if the handle names no entry of a read-only segment.
    /// [`CodePointerError::Forked`].
    pub fn free(&mut self, handle: Handle) -> Result<(), CodePointerError> {
        self.table.check_process()?;
        let take = |old| word::is_live(old).then(word::uninitialized);
        if handle.to_raw() >= self.table.read_only.end {
            return Err(CodePointerError::InvalidHandle(HandleError::new(handle.to_raw())));
        }
        // SAFETY: `take` returns `None` for a free slot's word.
        let taken = unsafe { ops::update(self.table.table(), handle, take) };
        taken.map_err(|_| self.table.refused(handle))?;
        self.free.freed.push(handle);
        Ok(())
    }
}

impl Drop for ReadOnlyScope<'_> {
    /// Seals the segments again. If the system refuses, they stay writable, and the next
    /// [`unseal`](CodePointerTable::unseal) says so.
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = self.end();
        }
    }
}
