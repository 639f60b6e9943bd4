//! A copy of loom with its search corrected by `loom-tests/loom.patch`, which says why.
//!
//! Cargo takes the copy in loom's place with `--config "paths=['FOLDER']"`, which leaves the
//! lockfile as it is. `loom-tests/gap` shows what loom misses, and that the copy does not.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use diffy::patch_set::{ParseOptions, PatchSet};
use diffy::{Patch, apply};
use serde_json::Value;

use crate::run::command::{Command, cargo};
use crate::run::context::{self, Context, paths};
use crate::run::process::output_of;

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
    let make = cargo("run --quiet --package xtask -- loom-patch").path(&copy);
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
    let text = context.read(paths::LOOM_PATCH)?;
    let patches = patches(&text).map_err(|error| format!("{}: {error}", paths::LOOM_PATCH))?;
    if let Some(file) = patches.keys().find(|file| !source.join(file).exists()) {
        return Err(format!("{}: loom has no {file}", paths::LOOM_PATCH));
    }
    copy(&source, folder, "", &patches)
}

/// Returns loom's folder, from what `cargo metadata` says.
fn source_in(metadata: &str) -> Option<PathBuf> {
    let metadata: Value = serde_json::from_str(metadata).ok()?;
    let mut packages = metadata["packages"].as_array()?.iter();
    let loom = packages.find(|package| {
        package["name"] == "loom" && RELEASES.iter().any(|release| package["version"] == *release)
    })?;
    Path::new(loom["manifest_path"].as_str()?).parent().map(Path::to_path_buf)
}

/// Returns what is changed in each file.
fn patches(text: &str) -> Result<BTreeMap<String, Patch<'_, str>>, String> {
    let diff = text.find("\n--- a/").map_or("", |at| &text[at + 1..]);
    let mut patches = BTreeMap::new();
    for patch in PatchSet::parse(diff, ParseOptions::unidiff()) {
        let patch = patch.map_err(|error| error.to_string())?.into_patch();
        let patch = patch.as_text().ok_or("a file that is no text")?.clone();
        let file = patch.original().and_then(|file| file.strip_prefix("a/")).unwrap_or_default();
        patches.insert(file.to_owned(), patch);
    }
    if patches.is_empty() {
        Err("no hunk, expected a unified diff".to_owned())
    } else {
        Ok(patches)
    }
}

/// Copies a folder below loom's, corrected.
fn copy(
    source: &Path,
    target: &Path,
    below: &str,
    patches: &BTreeMap<String, Patch<'_, str>>,
) -> Result<(), String> {
    let wrong = |error| format!("{}: {error}", source.join(below).display());
    context::make_folder(&target.join(below))?;
    for entry in fs::read_dir(source.join(below)).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().map_err(wrong)?.is_dir() {
            copy(source, target, &path, patches)?;
        } else if let Some(patch) = patches.get(&path) {
            let text = context::read(&entry.path())?;
            let text = apply(&text, patch)
                .map_err(|error| format!("{}: {path}: {error}", paths::LOOM_PATCH))?;
            context::write(&target.join(path), &text)?;
        } else {
            let (bytes, file) = (fs::read(entry.path()).map_err(wrong)?, target.join(path));
            if fs::read(&file).ok().as_ref() != Some(&bytes) {
                fs::write(&file, bytes).map_err(wrong)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_found() {
        let metadata = r#"{"packages":[{"name":"a","manifest_path":"/a/b/Cargo.toml"},
            {"name":"loom","version":"0.7.2","manifest_path":"/r/loom-0.7.2/Cargo.toml"}]}"#;
        assert_eq!(source_in(metadata), Some(PathBuf::from("/r/loom-0.7.2")));
        assert_eq!(source_in(&metadata.replace("0.7.2", "0.7.9")), None);
    }

    #[test]
    fn what_does_not_match_is_refused() {
        let text = "Why.\n\n--- a/x.rs\n+++ b/x.rs\n@@ -1 +1 @@\n-old\n+new\n";
        let patches = patches(text).unwrap();
        assert_eq!(apply("old\n", &patches["x.rs"]).unwrap(), "new\n");
        assert!(apply("other\n", &patches["x.rs"]).is_err());
        assert!(super::patches("Why.\n").is_err());
    }
}
