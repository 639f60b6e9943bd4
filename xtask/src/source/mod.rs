//! The repository's source as text: what is code in it, what its atomic accesses are called, what
//! could be wrong in it, and whether it keeps to the project's style.
//!
//! - `lexer`: code, comments, items for tests, and the function that a place is in
//! - `tree`: copies of the crate, as small as the models or the stress test can be built from
//! - `sites`: the names of the atomic accesses, and the source with one weakened
//! - `patch`: known mistakes as unified diffs, and how they are applied
//! - `expand`: macros and what they make
//! - `items`: parsed items
//! - `declared`: public items, how they are declared, and their list
//! - `surface`: the public items of a crate
//! - `lists`: text files with a reason for each name
//! - `tidy`: the project's style, as tests

pub mod lexer;
pub mod tree;
pub mod sites;
pub mod patch;
pub mod expand;
pub mod items;
pub mod declared;
pub mod surface;
pub mod lists;
#[cfg(test)]
mod tidy;

pub use lists::{List, read_reasons, rows};
pub use patch::{MISTAKES, Mistake, mistakes};
pub use sites::{Site, mutants, sites};
pub use tree::{Tree, crate_only, fingerprint, read_folder};
