//! A copy of the crate, as small as the models, or the stress test, can be built from.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::iter;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::lexer::essence;
use crate::run::{ROOT, context};

/// Texts of files by their paths from the root, with `/`.
pub type Tree = BTreeMap<String, String>;

const MODELS: &str = "loom-tests";
pub const LOOM_PATCH: &str = "loom-tests/loom.patch";

/// What the crate's documentation includes, and what it is built by.
const TEXTS: [&str; 5] =
    ["README.md", "docs/DESIGN.md", "docs/MIGRATION.md", "docs/SANDBOX.md", "build.rs"];

/// Returns what the library and the models are made of.
pub fn for_models() -> Result<Tree> {
    let mut suite = read_folder(&ROOT, MODELS, &[".rs"])?;
    // A program of its own.
    suite.retain(|path, _| !path.starts_with("loom-tests/gap/"));
    // The corrections of loom are not built, but outcomes depend on them.
    lean(suite, &[LOOM_PATCH], Some("loom"))
}

/// Returns what the library and the stress test are made of.
pub fn for_stress() -> Result<Tree> {
    let mut suite = Tree::new();
    for folder in ["tests/threads", "tests/common"] {
        suite.extend(read_folder(&ROOT, folder, &[".rs"])?);
    }
    // Cargo finds the test by its place.
    lean(suite, &[], None)
}

pub fn crate_only() -> Result<Tree> {
    read_folder(&ROOT, "src", &[".rs"])
}

/// Returns the crate, a suite, more files, and a manifest with what the suite needs.
fn lean(suite: Tree, more: &[&str], test: Option<&str>) -> Result<Tree> {
    let manifest = context::read("Cargo.toml")?;
    let uses: String = suite.values().map(String::as_str).collect();
    let mut tree = crate_only()?;
    tree.extend(suite);
    tree.insert("Cargo.toml".to_owned(), lean_manifest(&manifest, &uses, test));
    for file in TEXTS.iter().chain(more) {
        tree.insert((*file).to_owned(), context::read(file)?);
    }
    Ok(tree)
}

/// Returns all files below a folder whose names end so, apart from build output and hidden folders.
pub fn read_folder(root: &Path, folder: &str, endings: &[&str]) -> Result<Tree> {
    let mut tree = Tree::new();
    for entry in fs::read_dir(root.join(folder))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if entry.path().is_dir() {
            if name != "target" && !name.starts_with('.') {
                tree.extend(read_folder(root, &path, endings)?);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            tree.insert(path.clone(), context::read(root.join(path))?);
        }
    }
    Ok(tree)
}

/// Makes a folder hold the tree and nothing else of Rust, and touches only what differs, so that
/// no more than need be is built again.
pub fn write(tree: &Tree, folder: &Path) -> Result<()> {
    let mut old = Tree::new();
    for part in ["src", MODELS, "tests"] {
        // Not there at first.
        old.extend(read_folder(folder, part, &[".rs"]).unwrap_or_default());
    }
    for path in old.keys().filter(|path| !tree.contains_key(*path)) {
        fs::remove_file(folder.join(path))?;
    }
    for (path, text) in tree {
        context::write(folder.join(path), text)?;
    }
    // The same versions of the dependencies; cargo takes out what the copy does not need.
    let [lock, copy] = [&*ROOT, folder].map(|folder| folder.join("Cargo.lock"));
    if lock.exists() && !copy.exists() {
        fs::copy(lock, copy)?;
    }
    Ok(())
}

/// Returns a number that changes with anything that a model's outcome depends on.
pub fn fingerprint(tree: &Tree) -> String {
    let mut hasher = DefaultHasher::new();
    for (path, text) in tree {
        match path.rsplit('.').next() {
            Some("rs") => (path, essence(text)).hash(&mut hasher),
            Some("toml" | "patch") => (path, text).hash(&mut hasher),
            _ => {}
        }
    }
    format!("{:016x}", hasher.finish())
}

/// Returns the manifest of a package of its own, without what the suite does not use. Of the tests
/// that are named in it, only this one is kept.
fn lean_manifest(manifest: &str, suite: &str, test: Option<&str>) -> String {
    let is_used = |line: &str| {
        let name = line.split(['=', ' ', '.']).next().unwrap_or_default();
        !name.is_empty() && suite.contains(&format!("{}::", name.replace('-', "_")))
    };
    let lean = manifest.trim_end().split("\n[").filter_map(|section| {
        let (head, lines) = section.split_once('\n')?;
        let is_kept = match head {
            "[bench]]" | "[example]]" => false,
            "[test]]" => test.is_some_and(|test| section.contains(&format!("name = \"{test}\""))),
            head => !head.starts_with("workspace"),
        };
        let needs_use = head.ends_with("dev-dependencies]");
        let lines = lines.split('\n').filter(|line| !needs_use || is_used(line));
        is_kept.then(|| iter::once(head).chain(lines).collect::<Vec<_>>().join("\n"))
    });
    lean.collect::<Vec<_>>().join("\n[") + "\n\n[workspace]\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_keeps_what_the_suite_uses() {
        let manifest = "[package]\nname = \"a\"\n\n[workspace]\nmembers = [\"x\"]\n\n\
            [dev-dependencies]\nslab = \"1\"\nin-use = \"2\"\n\n[[test]]\nname = \"loom\"\n\n\
            [[test]]\nname = \"api\"\n\n[[bench]]\nname = \"b\"\n";
        let lean = "[package]\nname = \"a\"\n\n[dev-dependencies]\nin-use = \"2\"\n\
            [[test]]\nname = \"loom\"\n\n\n[workspace]\n";
        assert_eq!(lean_manifest(manifest, "use in_use::x;", Some("loom")), lean);
        assert!(!lean_manifest(manifest, "", None).contains("loom"));
    }

    #[test]
    fn comments_do_not_count() {
        let tree = |text: &str| Tree::from([("a.rs".to_owned(), text.to_owned())]);
        assert_eq!(fingerprint(&tree("a\n")), fingerprint(&tree("// b\na\n")));
        assert_ne!(fingerprint(&tree("a\n")), fingerprint(&tree("b\n")));
    }
}
