//! What the models stand on.
//!
//! | file | what it holds |
//! |---|---|
//! | `checker` | loom, or shuttle in its place |
//! | `outcome` | what an execution came to, noted for the comparison of the two |
//! | `model` | a model: its name, invariants, bounds, and its line in the output |
//! | `stage` | a table with actors on it, audited after every execution |
//! | `observed` | the crate's atomics under a checker, each access noted (by `src/sync`) |
//! | `scheduler`, `search` | shuttle's search that keeps no history of an object |

pub mod checker;
pub mod outcome;
pub mod model;
pub mod stage;
#[cfg(slotarena_shuttle)]
mod scheduler;
#[cfg(slotarena_shuttle)]
mod search;
