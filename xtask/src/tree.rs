//! A copy of the crate, as small as the loom suite can be built from.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

use crate::source::essence;

/// Texts of files by their paths from the root, with `/`.
pub type Tree = BTreeMap<String, String>;

/// What the library and the loom suite are made of.
pub fn read(root: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    // The corrections of loom are not built, but outcomes depend on them.
    for folder in ["src", "loom-tests", "xtask/src/loom_patch"] {
        read_folder(root, folder, &mut tree)?;
    }
    for file in ["README.md", "docs/DESIGN.md", "Cargo.toml", "xtask/src/loom_patch.rs"] {
        tree.insert(file.to_owned(), read_file(root, file)?);
    }
    let suite: String =
        tree.iter().filter(|(path, _)| path.starts_with("loom-tests")).map(|(_, t)| &**t).collect();
    if let Some(manifest) = tree.get_mut("Cargo.toml") {
        *manifest = lean_manifest(manifest, &suite);
    }
    Ok(tree)
}

fn read_folder(root: &Path, folder: &str, tree: &mut Tree) -> Result<(), String> {
    let entries = fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
    for entry in entries.flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            // One with a `main.rs` is a program of its own.
            if !entry.path().join("main.rs").exists() {
                read_folder(root, &path, tree)?;
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
    for part in ["src", "loom-tests"] {
        // Not there at first.
        let _ = read_folder(folder, part, &mut old);
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

/// The manifest of a package of its own, without what the loom suite does not use.
fn lean_manifest(manifest: &str, suite: &str) -> String {
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
        if head == "[[test]]" && !section.contains("name = \"loom\"") {
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
        assert_eq!(lean_manifest(manifest, "use in_use::x;"), lean);
    }

    #[test]
    fn comments_do_not_count() {
        let tree = |text: &str| Tree::from([("a.rs".to_owned(), text.to_owned())]);
        assert_eq!(fingerprint(&tree("a\n")), fingerprint(&tree("// b\na\n")));
        assert_ne!(fingerprint(&tree("a\n")), fingerprint(&tree("b\n")));
    }
}
