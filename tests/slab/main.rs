//! The slab, through its public interface.
//!
//! - `basics`: each operation by itself.
//! - `dropping`: values of every size, and when they are dropped.
//! - `everyday`: what users of slabs write every day.
//! - `exclusive`: what needs the slab for itself.
//! - `format`: `Debug`, `Display`, conversions, serde, and `source()` of errors.
//! - `pool`: values that are reused.
//! - `serialized`: slabs that are written and read by serde.
//! - `stale`: keys of removed values.
//! - `properties`: random sequences of operations against a map.
//! - `stress`: up to 32 threads. No value is torn, stale, or dropped twice.
#![cfg(not(all(loom, feature = "loom")))]

#[path = "../common/mod.rs"]
mod common;

mod basics;
mod dropping;
mod everyday;
mod exclusive;
mod format;
mod pool;
mod properties;
#[cfg(feature = "serde")]
mod serialized;
mod stale;
mod stress;
#[path = "../common/stamped.rs"]
mod stamped;
