//! The lock of the thread that makes the process-wide table of code pointers.

use crate::sync::Lock;

/// A child of the process has it anew.
pub(crate) static MAKER: Lock<()> = Lock::new(());
