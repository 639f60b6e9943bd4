//! Known mistakes: unified diffs with a few words above them.
//!
//! ```text
//! The mistake in one line.
//!
//! Where it has been seen, and what comes of it.
//!
//! invariant: 3
//! killer: allocator::double_free
//!
//! --- a/src/memory.rs
//! +++ b/src/memory.rs
//! @@ -7,3 +7,3 @@
//! …
//! ```
//!
//! `killer` may be left out. A hunk is found by its text, wherever
//! that is now. Comment lines, blank lines, and the names of accesses in a proof do not count: a
//! mistake is one in the code, and outlives every change of its comments.

use anyhow::{Context, Result, bail, ensure};
use diffy::Line;
use diffy::patch_set::{FileOperation, ParseOptions, PatchSet};

use super::tree::{self, Tree};
use crate::run::ROOT;

/// Where the known mistakes of the crate are.
pub const MISTAKES: &str = "loom-tests/mistakes";

pub struct Mistake {
    pub name: String,
    pub what: String,
    pub invariants: String,
    /// The test that is tried first.
    pub killer: Option<String>,
    changes: Vec<Change>,
}

/// A hunk: lines of code that are there once, and those that take their place.
#[derive(Debug, PartialEq)]
struct Change {
    file: String,
    number: usize,
    old: Vec<String>,
    new: Vec<String>,
}

/// Returns all mistakes in a folder of patches, by name.
pub fn mistakes(folder: &str) -> Result<Vec<Mistake>> {
    let patches = tree::read_folder(&ROOT, folder, &[".patch"])?;
    patches.iter().map(|(path, text)| Mistake::read(path, text)).collect()
}

impl Mistake {
    /// Reads the text of a mistake; it is called what its file is.
    pub fn read(path: &str, text: &str) -> Result<Self> {
        let mistake = Self::patch(path, text)?;
        let is_said = !mistake.invariants.is_empty();
        ensure!(is_said, "{path}: no line `invariant: N`, expected one above the diff");
        Ok(mistake)
    }

    /// Reads the text of a patch, perhaps without an invariant.
    pub fn patch(path: &str, text: &str) -> Result<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".patch");
        let begin = text.find("\n--- a/").map_or(text.len(), |at| at + 1);
        let (prose, diff) = text.split_at(begin);
        let field = |name: &str| prose.lines().find_map(|l| Some(l.strip_prefix(name)?.to_owned()));
        let mut changes = Vec::new();
        for patch in PatchSet::parse(diff, ParseOptions::unidiff()) {
            let patch = patch.with_context(|| path.to_owned())?;
            let FileOperation::Modify { modified, .. } = patch.operation().strip_prefix(1) else {
                bail!("{path}: a file is made or removed, expected changes only");
            };
            let file = modified.to_string();
            let hunks = patch.patch().as_text().map_or(&[][..], |patch| patch.hunks());
            for (at, hunk) in hunks.iter().enumerate() {
                let side = |is_old: bool| {
                    let lines = hunk.lines().iter().filter_map(|line| match line {
                        Line::Context(line) => Some(*line),
                        Line::Delete(line) => is_old.then_some(*line),
                        Line::Insert(line) => (!is_old).then_some(*line),
                    });
                    lines.filter_map(|line| bare(&file, line)).map(str::to_owned).collect()
                };
                let (old, new) = (side(true), side(false));
                changes.push(Change { file: file.clone(), number: at + 1, old, new });
            }
        }
        let is_none = changes.is_empty();
        ensure!(!is_none, "{path}: no hunk, expected a unified diff from `--- a/` on");
        let what = text.lines().next().unwrap_or_default().trim().to_owned();
        let (invariants, killer) = (field("invariant: ").unwrap_or_default(), field("killer: "));
        Ok(Self { name: name.to_owned(), what, invariants, killer, changes })
    }

    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.changes.iter().map(|change| &*change.file)
    }

    /// Returns the tree with this mistake in it, and without comments where it was made.
    pub fn applied(&self, base: &Tree) -> Result<Tree> {
        let mut tree = base.clone();
        for Change { file, number, old, new } in &self.changes {
            let hunk = format!("{}.patch: {file}, hunk {number}", self.name);
            let text = tree.get_mut(file);
            let text = text.with_context(|| format!("{hunk}: the file is gone"))?;
            let mut lines: Vec<&str> = text.lines().filter_map(|line| bare(file, line)).collect();
            let windows = lines.windows(old.len().max(1)).enumerate();
            let places: Vec<usize> =
                windows.filter(|(_, lines)| *lines == *old).map(|(at, _)| at).collect();
            let [place] = places[..] else {
                let (times, old) = (places.len(), old.join("\n"));
                bail!("{hunk}: its old lines are there {times} times, expected once:\n{old}");
            };
            lines.splice(place..place + old.len(), new.iter().map(|line| &**line));
            *text = lines.join("\n") + "\n";
        }
        Ok(tree)
    }
}

/// Returns a line as it counts, or nothing if it does not.
fn bare<'l>(file: &str, line: &'l str) -> Option<&'l str> {
    let line = line.trim_end();
    if file.ends_with(".v") {
        return Some(line.split("(* site: ").next().unwrap_or(line).trim_end());
    }
    let counts = !line.is_empty() && !line.trim_start().starts_with("//");
    (counts || !file.ends_with(".rs")).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A mistake.\n\nMore of it.\n\ninvariant: 3\nkiller: a::b\n\n--- a/src/a.rs\n\
        +++ b/src/a.rs\n@@ -1,3 +1,3 @@\n {\n-    one\n+    two\n }\n--- a/src/b.rs\n\
        +++ b/src/b.rs\n@@ -1,3 +1,1 @@\n-x\n-// old words\n y\n";

    fn tree(a: &str, b: &str) -> Tree {
        [("a.rs", a), ("b.rs", b)].map(|(name, text)| (format!("src/{name}"), text.into())).into()
    }

    #[test]
    fn a_mistake_is_made_wherever_its_lines_are_once() {
        let mistake = Mistake::read("m/name.patch", TEXT).unwrap_or_else(|wrong| panic!("{wrong}"));
        let Mistake { name, what, invariants, killer, .. } = &mistake;
        assert_eq!((&**name, &**what, &**invariants), ("name", "A mistake.", "3"));
        assert_eq!(killer.as_deref(), Some("a::b"));
        let base = tree("z\n{\n    // new words\n\n    one\n}\n", "x\ny\n");
        assert_eq!(mistake.applied(&base).unwrap(), tree("z\n{\n    two\n}\n", "y\n"));
        for (text, times) in [("{\n    two\n}\n", 0), (&*"{\n    one\n}\n".repeat(2), 2)] {
            let refusal = mistake.applied(&tree(text, "x\ny\n")).unwrap_err().to_string();
            let place = "name.patch: src/a.rs, hunk 1: its old lines are there";
            assert!(refusal.starts_with(&format!("{place} {times} times, expected once:\n")));
        }
    }

    #[test]
    fn what_makes_no_mistake_is_refused() {
        for wrong in [
            "A mistake.\ninvariant: 3\n\n--- a/x\n+++ b/x\n",
            &TEXT.replace("invariant", "i"),
            &TEXT.replace("+    two\n", ""),
        ] {
            assert!(Mistake::read("n", wrong).is_err());
        }
        assert_eq!(bare("a.v", "  a;  (* site: x.y.load Acquire *)"), Some("  a;"));
        assert_eq!((bare("a.rs", "  // x"), bare("a.pml", "// x")), (None, Some("// x")));
    }
}
