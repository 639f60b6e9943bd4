//! The slab, through its public interface.
//!
//! - `basics`: each operation by itself.
//! - `dropping`: values of every size, and when they are dropped.
//! - `format`: `Debug`, `Display`, conversions, serde, and `source()` of errors.
//! - `pool`: values that are reused.
//! - `stale`: keys of removed values.
//! - `properties`: random sequences of operations against a map.
//! - `stress`: up to 32 threads. No value is torn, stale, or dropped twice.
#![cfg(not(all(loom, feature = "loom")))]

#[path = "../common/mod.rs"]
mod common;

mod basics;
mod dropping;
mod format;
mod pool;
mod properties;
mod stale;
mod stress;
