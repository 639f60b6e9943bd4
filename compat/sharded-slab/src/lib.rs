//! The public interface of `sharded-slab` 0.1.7, on slotarena's slabs with counted references.
//!
//! Two lines in the `Cargo.toml` of a program put all its dependencies on slotarena that use
//! `sharded-slab`, such as `tracing-subscriber`:
//!
//! ```toml
//! [patch.crates-io]
//! sharded-slab = { path = "slotarena/compat/sharded-slab" }
//! ```
//!
//! # What differs
//!
//! - Values are `Send + Sync + 'static`.
//! - Keys need a `usize` of 64 bits. A key never comes again, where the original's do after some
//!   thousand values in one slot.
//! - Of a [`Config`], [`RESERVED_BITS`](Config::RESERVED_BITS) is kept, up to 31. There is no limit
//!   on threads. `MAX_PAGES` and `INITIAL_PAGE_SIZE` mean nothing: a slab has up to 2^28 - 1 values
//!   and 4 GiB.
//! - A value that a [`VacantEntry`] or a `RefMut` makes cannot be removed before it is there.
//! - An owned reference keeps its own value. The other values go with the last `Arc` of the slab.
//! - Memory goes back after a peak, where the original keeps all of it. A call that frees a value
//!   then takes longer: see [`Builder::trim`](slotarena::Builder::trim).
//! - `Debug` of a slab writes its capacity alone.
//! - Making a slab panics if the system grants it no addresses.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("keys of sharded-slab on slotarena need a usize of 64 bits");

mod clear;
mod config;
mod key;
pub mod pool;
mod slab;

pub use clear::Clear;
pub use config::{Config, DefaultConfig};
pub use pool::Pool;
pub use slab::{Entry, OwnedEntry, Slab, UniqueIter, VacantEntry};

/// What differs from the original is on [the front page](crate).
pub mod implementation {}
