//! The slab, through its public interface.
//!
//! - `basics`: each operation by itself.
//! - `dropping`: values of every size, and when they are dropped.
//! - `pool`: values that are used again.
//! - `stale`: keys of values that are gone.
//! - `properties`: random sequences of operations against a map.
//! - `stress`: up to 32 threads; no value is torn, stale, or dropped twice.
#![cfg(not(all(loom, feature = "loom")))]

mod basics;
mod dropping;
mod pool;
mod properties;
mod stale;
mod stress;
