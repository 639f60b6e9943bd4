//! Code pointer tables: untrusted code names an entry instead of an address.
//!
//! The one hot path of a [`CodePointerTable`] is [`entry_point`](CodePointerTable::entry_point). A
//! [`WriteScope`] is the right to write to it, and a [`ReadOnlyScope`] to its read-only segments.
//! An entry is a [`CodePointer`]: an [`EntryPoint`] and a [`Signature`]. Generated code needs the
//! [`EntryLayout`].

// - `word`: an entry's bits: entry point and signature in one word
// - `entry_layout`: the layout of a table, for generated code
// - `error`: what can go wrong
// - `host_functions`: one handle for each function of the host
// - `read_only`: the read-only slots of a table
// - `table`: the facade
// - `process_wide`: the table of the whole process
// - `write_scope`, `read_only_scope`: the rights to write
//
// This part owns no invariant. It takes its rights (13) from `sys`. It is an ordinary client of
// `table`.

mod word;
mod entry_layout;
mod error;
mod host_functions;
mod read_only;
mod table;
#[cfg(not(model))]
mod process_wide;
mod write_scope;
mod read_only_scope;

pub use entry_layout::EntryLayout;
pub use error::CodePointerError;
pub use read_only_scope::ReadOnlyScope;
pub use table::CodePointerTable;
pub use word::{CodePointer, EntryPoint, Signature};
pub use write_scope::WriteScope;
