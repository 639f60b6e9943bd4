//! A copy of loom with its search corrected by `loom-tests/loom.patch`, which says why.
//!
//! Cargo takes the copy in loom's place with `--config "paths=['FOLDER']"`, which leaves the
//! lockfile as it is. `loom-tests/gap` shows what loom misses, and that the copy does not.

use std::path::{Path, PathBuf};

use diffy::apply;
use diffy::patch_set::{ParseOptions, PatchSet};
use serde_json::Value;

use crate::run::command::{Command, cargo};
use crate::run::context::{self, Context, paths};
use crate::run::process::output_of;
use crate::source::tree::{Tree, read_folder};

/// The releases that the corrections are for: those with the same search.
const RELEASES: [&str; 2] = ["0.7.2", "0.7.3"];

/// Returns the command on loom's atomics, in a build folder of its own: the flag concerns every
/// dependency, so in a shared one each side would undo the other's work.
pub fn stock_loom(command: Command, context: &Context) -> Command {
    command.target_dir(&context.target.join("loom")).env_append("RUSTFLAGS", "--cfg loom")
}

/// Returns two commands: one makes the copy, the other is cargo with it, with these flags, in a
/// build folder of this name.
pub fn patched_loom(arguments: &str, flags: &str, context: &Context, build: &str) -> [Command; 2] {
    let folder = context.target.join("loom-patched");
    let copy = folder.join("loom");
    let loom = with_copy(arguments, &copy).target_dir(&folder.join(build));
    let make = cargo("run --quiet --package xtask -- loom-patch").argument(&copy);
    [make, loom.env_append("RUSTFLAGS", flags)]
}

/// Returns a cargo command with the copy in loom's place.
pub fn with_copy(arguments: &str, copy: &Path) -> Command {
    let paths = format!("paths=['{}']", copy.display());
    cargo("--config").argument(&paths).arguments(arguments)
}

/// Puts the copy into a folder. What is there already and right is not touched, so that cargo
/// does not build it again.
pub fn patch(context: &Context, folder: &Path) -> Result<(), String> {
    let metadata = cargo("metadata --format-version 1 --all-features");
    let source = source_in(&output_of(&metadata, &context.root)?).ok_or_else(|| {
        format!("the lockfile has another loom, expected {}", RELEASES.join(" or "))
    })?;
    let mut loom = read_folder(&source, "", &[""])?;
    correct(&mut loom, &context.read(paths::LOOM_PATCH)?)
        .map_err(|error| format!("{}: {error}", paths::LOOM_PATCH))?;
    loom.iter().try_for_each(|(path, text)| context::write(&folder.join(path), text))
}

fn source_in(metadata: &str) -> Option<PathBuf> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let mut packages = metadata["packages"].as_array()?.iter();
    let loom = packages.find(|package| {
        package["name"] == "loom" && RELEASES.iter().any(|release| package["version"] == *release)
    })?;
    Path::new(loom["manifest_path"].as_str()?).parent().map(Path::to_path_buf)
}

fn correct(loom: &mut Tree, text: &str) -> Result<(), String> {
    let at = text.find("\n--- a/").ok_or("no hunk, expected a unified diff")?;
    for patch in PatchSet::parse(&text[at + 1..], ParseOptions::unidiff()) {
        let patch = patch.map_err(|error| error.to_string())?.into_patch();
        let patch = patch.as_text().ok_or("a file that is no text")?;
        let file = patch.original().and_then(|file| file.strip_prefix("a/")).unwrap_or_default();
        let text = loom.get_mut(file).ok_or_else(|| format!("loom has no {file}"))?;
        *text = apply(text, patch).map_err(|error| format!("{file}: {error}"))?;
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
        assert_eq!(correct(&mut loom, diff), Ok(()));
        assert_eq!(loom, tree("x.rs", "new\n"));
        assert!(correct(&mut loom, diff).is_err());
        assert!(correct(&mut tree("y.rs", "old\n"), diff).is_err());
        assert!(correct(&mut loom, "Why.\n").is_err());
    }
}
