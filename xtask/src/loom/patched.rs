//! A copy of loom with its search corrected by `loom-tests/loom.patch`, which says why.
//!
//! Cargo takes the copy in loom's place with `--config "paths=['FOLDER']"`, which leaves the
//! lockfile as it is. `loom-tests/gap` shows what loom misses, and that the copy does not.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run::{Command, TARGET, cargo, context, output_of, own};
use crate::source::{LOOM_PATCH, Mistake, read_folder};

/// The releases that the corrections are for: those with the same search.
const RELEASES: [&str; 2] = ["0.7.2", "0.7.3"];

/// Returns two commands: one makes the copy, the other is cargo with it, with these variables, in
/// a build folder of this name.
pub fn patched(build: &str, variables: &str, line: &str) -> [Command; 2] {
    let variables = format!("CARGO_TARGET_DIR=$TARGET/loom-patched/{build} {variables}");
    [own("loom-patch"), with_copy(&variables, line)]
}

/// Returns a cargo command with the copy in loom's place.
pub fn with_copy(variables: &str, line: &str) -> Command {
    cargo(&format!("{variables} --config paths=['$TARGET/loom-patched/loom'] {line}"))
}

/// Makes the copy. What is there already and right is not touched, so that cargo does not build it
/// again.
pub fn patch() -> Result<()> {
    let metadata = output_of(&cargo("metadata --format-version 1 --all-features"))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let is_loom = |package: &&Value| {
        package["name"] == "loom" && RELEASES.iter().any(|release| package["version"] == *release)
    };
    let loom = metadata["packages"].as_array().and_then(|packages| packages.iter().find(is_loom));
    let source = loom.and_then(|loom| Path::new(loom["manifest_path"].as_str()?).parent());
    let source = source.with_context(|| {
        format!("the lockfile has another loom, expected {}", RELEASES.join(" or "))
    })?;
    let patch = Mistake::patch(LOOM_PATCH, &context::read(LOOM_PATCH)?)?;
    let folder = TARGET.join("loom-patched/loom");
    let loom = patch.applied(&read_folder(source, "", &[""])?)?;
    loom.iter().try_for_each(|(path, text)| context::write(folder.join(path), text))
}
