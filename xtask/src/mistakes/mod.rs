//! Wrong variants of the crate, and whether each is noticed: orderings made weaker, and known
//! mistakes, both by the models; known mistakes also by the stress test and by a sanitizer.
//!
//! - `trial`: builds the models from a copy of the source and runs one after another
//! - `campaign`: tries many variants, and keeps what came of them
//! - `verdicts`: weakened orderings, known mistakes, and their tables
//! - `stress`: known mistakes without loom

pub mod trial;
pub mod campaign;
pub mod verdicts;
pub mod stress;
