//! The table of the whole process.

use super::table::CodePointerTable;
use crate::error::BuildError;
use crate::safepoint::MAKER;
use crate::sync::{AtomicPtr, Ordering, try_box};

impl CodePointerTable {
    /// Returns the table of the whole process. The first call makes it, and others wait for it.
    ///
    /// It has an entry for each 32-bit number, or as many as the system allows. It is never torn
    /// down.
    ///
    /// # Errors
    ///
    /// Same as [`new`](Self::new). The next call tries again.
    pub fn process_wide() -> Result<&'static Self, BuildError> {
        static TABLE: AtomicPtr<CodePointerTable> = AtomicPtr::new(core::ptr::null_mut());
        let find = || {
            // Acquire: the table is found whole. Partner: process_wide.process_wide.store.
            let table = TABLE.load(Ordering::Acquire);
            // SAFETY: null, or a table that is never dropped.
            unsafe { table.as_ref() }
        };
        if let Some(table) = find() {
            return Ok(table);
        }
        // Two tables that are made simultaneously would take addresses from each other.
        let _maker = MAKER.lock().map_err(|_| BuildError::Reentered)?;
        if let Some(table) = find() {
            return Ok(table);
        }
        let table = Self::builder().index_bits_at_most(32).build()?;
        let table = Box::leak(try_box(table).ok_or(BuildError::OutOfMemory)?);
        // Release: hands the table to the threads that find it. Partner:
        // process_wide.process_wide.load.
        TABLE.store(table, Ordering::Release);
        Ok(table)
    }
}
