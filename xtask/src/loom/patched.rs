//! A copy of loom with its search corrected by `loom-tests/loom.patch`, which says why.
//!
//! Cargo takes the copy in loom's place with `--config "paths=['FOLDER']"`, which leaves the
//! lockfile as it is. `loom-tests/gap` shows what loom misses, and that the copy does not.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use diffy::apply;
use diffy::patch_set::{ParseOptions, PatchSet};
use serde_json::Value;

use crate::run::command::{Command, cargo, own};
use crate::run::context::{self, TARGET, paths};
use crate::run::process::output_of;
use crate::source::tree::{Tree, read_folder};

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
    let mut loom = read_folder(source, "", &[""])?;
    correct(&mut loom, &context::read(paths::LOOM_PATCH)?).context(paths::LOOM_PATCH)?;
    let folder = TARGET.join("loom-patched/loom");
    loom.iter().try_for_each(|(path, text)| context::write(folder.join(path), text))
}

fn correct(loom: &mut Tree, text: &str) -> Result<()> {
    let at = text.find("\n--- a/").context("no hunk, expected a unified diff")?;
    for patch in PatchSet::parse(&text[at + 1..], ParseOptions::unidiff()) {
        let patch = patch?.into_patch();
        let patch = patch.as_text().context("a file that is no text")?;
        let file = patch.original().and_then(|file| file.strip_prefix("a/")).unwrap_or_default();
        let text = loom.get_mut(file).ok_or_else(|| anyhow!("loom has no {file}"))?;
        *text = apply(text, patch).with_context(|| file.to_owned())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_match_is_refused() {
        let diff = "Why.\n\n--- a/x.rs\n+++ b/x.rs\n@@ -1 +1 @@\n-old\n+new\n";
        let tree = |file: &str, text: &str| Tree::from([(file.to_owned(), text.to_owned())]);
        let mut loom = tree("x.rs", "old\n");
        assert!(correct(&mut loom, diff).is_ok());
        assert_eq!(loom, tree("x.rs", "new\n"));
        assert!(correct(&mut loom, diff).is_err());
        assert!(correct(&mut tree("y.rs", "old\n"), diff).is_err());
        assert!(correct(&mut loom, "Why.\n").is_err());
    }
}
