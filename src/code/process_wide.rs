//! The table of the whole process.

use super::table::CodePointerTable;
use crate::error::BuildError;
use crate::safepoint::MAKER;
use crate::sync::OnceLock;

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
        static TABLE: OnceLock<CodePointerTable> = OnceLock::new();
        if let Some(table) = TABLE.get() {
            return Ok(table);
        }
        // Two tables that are made simultaneously would take addresses from each other.
        let _maker = MAKER.lock().map_err(|_| BuildError::Reentered)?;
        match TABLE.get() {
            Some(table) => Ok(table),
            None => {
                let table = Self::builder().index_bits_at_most(32).build()?;
                Ok(TABLE.get_or_init(|| table))
            }
        }
    }
}
