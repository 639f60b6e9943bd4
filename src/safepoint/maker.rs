//! The lock of the thread that makes the process-wide table of code pointers.

use crate::sync::Lock;

/// A thread that forks holds it, so that no child finds the table half made.
pub(crate) static MAKER: Lock<()> = Lock::new(());
