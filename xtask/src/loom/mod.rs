//! The models: a corrected copy of loom to explore them with, their index, and a second checker.
//!
//! - `patched`: makes the copy, and commands that use it
//! - `index`: the list of the models, and which of them a quick run explores
//! - `compare`: loom finds what shuttle does

pub mod patched;
pub mod index;
pub mod compare;
