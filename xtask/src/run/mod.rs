//! What every command stands on: the user's choices, places, processes, and what their output says.
//!
//! - `context`: the user's choices, the repository's root, and where its parts are
//! - `command`: a command line to run, and what a check consists of
//! - `process`: runs one, hands on its output, and ends it when its time is up
//! - `display`: shows which check is running; times and numbers for the reader
//! - `tally`: what a check's output says about how much it checked

pub mod context;
pub mod command;
pub mod process;
pub mod display;
pub mod tally;

pub use command::{Command, Plan, cargo, own, program};
pub use context::{Options, ROOT, TARGET, all_right};
pub use display::{Display, counted, grouped, print, seconds};
pub use process::{in_lanes, output_of, share_out};
pub use tally::{Model, Tally, fields};
