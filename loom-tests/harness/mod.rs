//! The harness of the models.
//!
//! | file | contents |
//! |---|---|
//! | `checker` | loom, or shuttle in place of loom |
//! | `outcome` | the outcome of an execution, for the comparison of the two |
//! | `model` | a model: its name, invariants, bounds, and its line in the output |
//! | `stage` | a table with actors on it, audited after every execution |
//! | `observed` | the crate's atomics under a checker, with each access recorded (a part of `src/sync`) |
//! | `scheduler`, `search` | a search on shuttle without a history of objects, and its tests |

pub mod checker;
pub mod outcome;
pub mod model;
pub mod stage;
#[cfg(slotarena_shuttle)]
mod scheduler;
#[cfg(slotarena_shuttle)]
mod search;
