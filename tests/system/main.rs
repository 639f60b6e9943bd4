//! What a process may do to itself around the tables that it has: each case in a process of its
//! own.
//!
//! - `ended`: what threads that have ended leave behind.
//! - `exhausted`: memory is refused, at each allocation in turn.
//! - `fork`: the process forks, at rest and with threads at work.
//! - `signals`: a signal handler uses a table that its thread is using.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(any(miri, slotarena_heap))))]

#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;

mod ended;
mod exhausted;
mod fork;
mod signals;
