//! The checker that runs the models: loom, or shuttle in its place.

#[cfg(slotarena_shuttle)]
pub(crate) use super::cell;
#[cfg(all(slotarena_observed, not(slotarena_shuttle)))]
pub(crate) use loom::sync;
#[cfg(not(slotarena_shuttle))]
pub(crate) use loom::{cell, thread, thread_local};
#[cfg(slotarena_shuttle)]
pub(crate) use shuttle::{sync, thread, thread_local};
