//! A copy of the crate, as small as the loom suite, or the stress test, can be built from.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use crate::source::essence;

/// What the library's documentation includes.
const TEXTS: [&str; 4] = ["README.md", "docs/DESIGN.md", "docs/MIGRATION.md", "docs/SANDBOX.md"];

/// Texts of files by their paths from the root, with `/`.
pub type Tree = BTreeMap<String, String>;

/// What the library and the loom suite are made of.
pub fn read(root: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    // The corrections of loom are not built, but outcomes depend on them.
    for folder in ["src", "loom-tests", "xtask/src/loom_patch"] {
        read_folder(root, folder, &mut tree, Programs::Not)?;
    }
    for file in TEXTS.into_iter().chain(["Cargo.toml", "xtask/src/loom_patch.rs"]) {
        tree.insert(file.to_owned(), read_file(root, file)?);
    }
    let suite: String =
        tree.iter().filter(|(path, _)| path.starts_with("loom-tests")).map(|(_, t)| &**t).collect();
    if let Some(manifest) = tree.get_mut("Cargo.toml") {
        *manifest = lean_manifest(manifest, &suite, Some("loom"));
    }
    Ok(tree)
}

/// What the library and the stress test are made of.
pub fn read_for_stress(root: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    for folder in ["src", "tests/threads", "tests/common"] {
        read_folder(root, folder, &mut tree, Programs::Too)?;
    }
    let suite: String =
        tree.iter().filter(|(path, _)| path.starts_with("tests")).map(|(_, t)| &**t).collect();
    for file in TEXTS {
        tree.insert(file.to_owned(), read_file(root, file)?);
    }
    // Cargo finds the test by its place.
    let manifest = lean_manifest(&read_file(root, "Cargo.toml")?, &suite, None);
    tree.insert("Cargo.toml".to_owned(), manifest);
    Ok(tree)
}

/// Folders with a `main.rs` are programs of their own: are they read?
#[derive(Clone, Copy, PartialEq)]
enum Programs {
    Too,
    Not,
}

fn read_folder(
    root: &Path,
    folder: &str,
    tree: &mut Tree,
    programs: Programs,
) -> Result<(), String> {
    let entries = fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    for entry in entries.flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if programs == Programs::Too || !entry.path().join("main.rs").exists() {
                read_folder(root, &path, tree, programs)?;
            }
        } else if path.ends_with(".rs") {
            tree.insert(path.clone(), read_file(root, &path)?);
        }
    }
    Ok(())
}

/// The text of a file of the repository.
pub fn read_file(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}

/// Makes a folder hold the tree and nothing else of Rust, and touches only what differs, so that
/// no more than need be is built again.
pub fn write(tree: &Tree, folder: &Path, lock: &Path) -> Result<(), String> {
    let mut old = Tree::new();
    for part in ["src", "loom-tests", "tests"] {
        // Not there at first.
        let _ = read_folder(folder, part, &mut old, Programs::Too);
    }
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for path in old.keys().filter(|path| !tree.contains_key(*path)) {
        fs::remove_file(folder.join(path)).map_err(failed)?;
    }
    for (path, text) in tree {
        let file = folder.join(path);
        if fs::read_to_string(&file).is_ok_and(|old| old == *text) {
            continue;
        }
        fs::create_dir_all(file.parent().unwrap_or(folder)).map_err(failed)?;
        fs::write(file, text).map_err(failed)?;
    }
    // The same versions of the dependencies; cargo takes out what the copy does not need.
    let copy = folder.join("Cargo.lock");
    if lock.exists() && !copy.exists() {
        fs::copy(lock, copy).map_err(failed)?;
    }
    Ok(())
}

/// A number that changes with anything that a model's outcome depends on.
pub fn fingerprint(tree: &Tree) -> String {
    let mut hasher = DefaultHasher::new();
    for (path, text) in tree {
        match path.rsplit('.').next() {
            Some("rs") => (path, essence(text)).hash(&mut hasher),
            Some("toml") => (path, text).hash(&mut hasher),
            _ => {}
        }
    }
    format!("{:016x}", hasher.finish())
}

/// The manifest of a package of its own, without what the suite does not use; of the tests that
/// are named in it, only this one is kept.
fn lean_manifest(manifest: &str, suite: &str, test: Option<&str>) -> String {
    let mut sections = vec![String::new()];
    for line in manifest.lines() {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            *section += line;
            section.push('\n');
        }
    }
    let mut lean = String::new();
    for section in sections {
        let head = section.lines().next().unwrap_or_default();
        if head.starts_with("[workspace") || head == "[[bench]]" || head == "[[example]]" {
            continue;
        }
        let kept = |test| section.contains(&format!("name = \"{test}\""));
        if head == "[[test]]" && !test.is_some_and(kept) {
            continue;
        }
        if head.ends_with("dev-dependencies]") {
            let used = |line: &&str| {
                let name = line.split(['=', ' ', '.']).next().unwrap_or_default();
                let path = format!("{}::", name.replace('-', "_"));
                line.starts_with('[') || (!name.is_empty() && suite.contains(&path))
            };
            section.lines().filter(used).for_each(|line| lean += &format!("{line}\n"));
        } else {
            lean += &section;
        }
    }
    lean + "\n[workspace]\n"
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
