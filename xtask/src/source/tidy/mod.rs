//! The project's own style, as tests. Each says what it found, and where.
//!
//! - `files`: the files of the repository, their code and their comments
//! - `shape`: sizes, how files begin, and what no line has
//! - `notes`: notes at the line: orderings and their partners, unsafe code
//! - `surface`: the public items, of the crate and of its peers
//! - `layering`: each file uses only what is above it
//! - `prose`: what the texts refer to is there; words that they do without

mod files;
mod shape;
mod notes;
mod surface;
mod layering;
mod prose;
