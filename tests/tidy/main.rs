//! The project's own style, as tests. Each says what it found, and where.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(not(miri))]

mod citations;
mod layering;
mod notes;
mod shape;
mod source;
