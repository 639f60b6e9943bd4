//! The safepoint: how all threads are stopped, and how each is known.
//!
//! A stop waits until no thread is inside an operation, and keeps new operations out. HotSpot and
//! Go call this a safepoint with a handshake. Here an operation costs two plain stores and two
//! loads.
//!
//! - `fence`: an asymmetric fence: free for operations, a system call for a stop
//! - `maker`: the lock of the thread that makes the process-wide table
//! - `number`: a hash of a table's number
//! - `record`: one participant: its busy flag and its local store
//! - `refused`: the records of mutators that could not register
//! - `registry`: the records of a table, those in use and a few spare ones
//! - `safepoint`: the handshake, and how an operation enters
//! - `sweeper`: the thread that sweeps
//! - `join`: how participants come and go
//! - `stop`: the stopper's side of it
//! - `stops`: stops for a purpose: a search for a free slot, a closure
//! - `fork`: what a child process gets
//! - `threads`: a participant for each thread that uses a table without a mutator
//!
//! This part owns Invariant 8 (exclusive use of local stores) and 9 (progress). It
//! deliberately knows no slot: it hands out the use of a store and looks into none.

mod fence;
#[cfg(not(model))]
mod maker;
mod number;
mod record;
mod refused;
mod registry;
#[allow(clippy::module_inception)]
mod safepoint;
mod sweeper;
mod join;
mod stop;
mod stops;
#[cfg(all(unix, not(model)))]
mod fork;
mod threads;

pub(crate) use fence::{AsymmetricFence, LightSide};
#[cfg(not(model))]
pub(crate) use maker::MAKER;
pub(crate) use record::Record;
pub(crate) use registry::Registration;
pub(crate) use safepoint::{Operation, Safepoint};
pub(crate) use stop::Stopped;
pub(crate) use sweeper::Sweeper;
pub(crate) use threads::{Shared, ThreadRegistry};
