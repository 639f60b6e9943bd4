//! A copy of loom with its search corrected by `loom-tests/loom.patch`, which says why.
//!
//! Cargo takes the copy in loom's place with `--config "paths=['FOLDER']"`, which leaves the
//! lockfile as it is. `loom-tests/gap` shows what loom misses, and that the copy does not.

use crate::run::{Command, TARGET, cargo, program};

/// Returns two commands: one makes the copy, the other is cargo with it, with these variables, in
/// a build folder of this name.
pub fn patched(build: &str, variables: &str, line: &str) -> [Command; 2] {
    let variables = format!("CARGO_TARGET_DIR=$TARGET/loom-patched/{build} {variables}");
    [patch(), with_copy(&variables, line)]
}

/// Returns a cargo command with the copy in loom's place.
pub fn with_copy(variables: &str, line: &str) -> Command {
    cargo(&format!("{variables} --config paths=['$TARGET/loom-patched/loom'] {line}"))
}

/// Returns the command that makes the copy.
pub fn patch() -> Command {
    program("sh", "loom-tests/patch-loom.sh").argument(TARGET.join("loom-patched/loom"))
}
