//! The only door to atomics, cells, locks, and threads.
//!
//! The rest of the crate says `crate::sync::…`, on the real machine and inside a checker alike.
//! The alias `model` (`build.rs`) says which. A dependent that runs its own loom tests with
//! `--cfg loom` alone leaves this crate on the real machine.
//!
//! - `cell`: a cell that is reached through closures, as loom's is
//! - `boxed`: allocation that may be refused
//! - `arc`: a counted reference, whose allocation may be refused
//! - `native`: the real atomics, locks, and thread-locals
//! - `checker`: the checker that runs observed models: loom, or shuttle
//! - `either`: loom's atomics inside a model, the real ones outside: `loom-tests/harness/either.rs`
//! - `observed`: a checker's atomics that note each access: `loom-tests/harness/observed.rs`
//! - `checked`: loom's atomics, or shuttle's: `loom-tests/harness/checked.rs`
//! - `lock`: locks: without regard to poison, and one that knows its holder
//! - `placed`: boxes whose contents have a place in their page
//! - `clock`: the time since a moment
//!
//! `--cfg slotarena_observed` notes each access of a model. `--cfg slotarena_shuttle` also has
//! shuttle run what is otherwise made for loom. Shuttle ignores orderings: all are SeqCst.
//!
//! This part deliberately knows nothing of slots. It renames, and adds what the standard library
//! lacks: memory that may be refused, and a lock that answers its own holder.

#[cfg(any(not(model), slotarena_shuttle, not(slotarena_observed)))]
pub(crate) mod cell;
mod boxed;
mod arc;
#[cfg(not(model))]
mod native;
#[cfg(all(model, slotarena_observed))]
mod checker;
#[cfg(all(model, not(slotarena_observed)))]
use cell as native_cell;
#[cfg(all(model, not(slotarena_observed)))]
#[path = "../../loom-tests/harness/either.rs"]
mod either;
#[cfg(all(model, slotarena_observed))]
#[path = "../../loom-tests/harness/observed.rs"]
pub mod observed;
#[cfg(model)]
#[path = "../../loom-tests/harness/checked.rs"]
mod checked;
mod lock;
mod placed;
mod clock;

pub(crate) use boxed::{make_room, try_box, try_slice, try_zeros};
#[cfg(model)]
pub(crate) use checked::*;
pub(crate) use clock::Since;
pub(crate) use lock::{Held, HeldByCaller, Lock};
#[cfg(not(model))]
pub(crate) use native::*;
pub(crate) use placed::{InPage, Place, Placed, SHARED_BYTES};

/// Atomics that carry no data between threads: hints and figures. No checker sees them. In models
/// they must not decide what a thread touches next, since a checker would miss the dependency.
pub(crate) mod unmodelled {
    pub(crate) use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};

    // Of what the owners of a mapping share: models join their threads before the last one goes.
    pub(crate) use super::arc::{Arc, into_inner, try_arc};
    // Of what is set once, under a lock.
    pub(crate) use std::sync::OnceLock;
}
