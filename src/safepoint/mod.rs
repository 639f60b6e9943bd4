//! The safepoint: how all threads are stopped, and how each is known.
//!
//! A stop waits until no thread is inside an operation, and keeps new operations out. HotSpot and
//! Go call this a safepoint with a handshake. Here an operation costs two plain stores and a load.
//!
//! - `fence`: an asymmetric fence: free for operations, a system call for a stop
//! - `record`: one participant: its busy flag and its local store
//! - `safepoint`: the handshake: enter an operation, stop the world, resume
//! - `threads`: a participant for each thread that uses a table without a mutator
//!
//! This part owns Invariant 8 (exclusive use of local stores) and 9 (progress). It
//! deliberately knows no slot: it hands out the use of a store and looks into none.

mod fence;
mod record;
#[allow(clippy::module_inception)]
mod safepoint;
mod threads;

pub(crate) use fence::{AsymmetricFence, LightSide};
pub(crate) use record::Record;
pub(crate) use safepoint::{Operation, Registration, Safepoint, Stopped, Sweeper, this_thread};
pub(crate) use threads::{Shared, ThreadRegistry};
