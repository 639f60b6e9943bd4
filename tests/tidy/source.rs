//! The files of the repository, and what is code in a line and what is comment.

use std::fs;
use std::path::{Path, PathBuf};

/// A text file.
pub struct File {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    pub lines: Vec<String>,
}

/// Something that is not as it should be: where, and what.
pub type Misses = Vec<String>;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the repository whose name ends so, build output and hidden folders
/// apart. There must be some.
pub fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut paths = Vec::new();
    collect(&root().join(folder), ending, &mut paths);
    paths.sort();
    assert!(!paths.is_empty(), "no {ending} in {folder}");
    paths.iter().map(|path| File::read(path)).collect()
}

fn collect(folder: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry of the folder").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, ending, paths);
            }
        } else if name.ends_with(ending) {
            paths.push(path);
        }
    }
}

impl File {
    pub fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let relative = path.strip_prefix(root()).expect("below the root");
        let path = relative.to_string_lossy().replace('\\', "/");
        Self { path, lines: text.lines().map(str::to_owned).collect() }
    }

    /// The code of each line, with its number from 1, up to the file's unit tests.
    pub fn code(&self) -> impl Iterator<Item = (usize, String)> + '_ {
        let tests = self.lines.windows(2).position(|pair| {
            pair[0].starts_with("#[cfg(") && pair[0].contains("test") && pair[1].starts_with("mod ")
        });
        let lines = self.lines.iter().take(tests.unwrap_or(self.lines.len()));
        lines.enumerate().map(|(i, line)| (i + 1, code(line)))
    }

    pub fn at(&self, number: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{number}: {what}", self.path)
    }

    /// The comment lines that come last before a line of code, as one text: not more than `reach`
    /// lines of code further up, and not outside of the function. Empty if there are none.
    pub fn comment_above(&self, number: usize, reach: usize) -> String {
        let above = |i: &usize| self.lines[i - 1].trim_start();
        let mut next = number - 1;
        let mut passed = 0;
        while next > 0 && !above(&next).starts_with("//") {
            let starts_function = code(above(&next)).contains("fn ");
            if passed == reach || starts_function {
                return String::new();
            }
            passed += 1;
            next -= 1;
        }
        let mut block: Vec<&str> = Vec::new();
        while next > 0 && above(&next).starts_with("//") {
            block.push(comment(above(&next)));
            next -= 1;
        }
        block.reverse();
        block.join(" ")
    }
}

/// A comment line without its marker.
pub fn comment(line: &str) -> &str {
    line.trim_start().trim_start_matches(['/', '!']).trim()
}

/// A line without its comment and without what is in its string literals.
pub fn code(line: &str) -> String {
    let mut code = String::new();
    let mut characters = line.replace("'\"'", "' '").chars().collect::<Vec<_>>().into_iter();
    let mut quoted = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' if quoted => drop(characters.next()),
            '"' => {
                quoted = !quoted;
                code.push('"');
            }
            _ if quoted => {}
            '/' if characters.as_slice().first() == Some(&'/') => break,
            _ => code.push(character),
        }
    }
    code
}

/// Does the text hold this word, not as a part of another one?
pub fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + word.len()..]);
        !before.ends_with(part) && !after.starts_with(part)
    })
}

/// Fails if there are misses, with all of them.
#[track_caller]
pub fn none(misses: Misses) {
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}

#[test]
fn code_is_told_from_comments_and_strings() {
    assert_eq!(code("let x = 1; // Relaxed: no"), "let x = 1; ");
    assert_eq!(code(r#"say("// \" no"); yes"#), r#"say(""); yes"#);
    assert_eq!(code("'\"' // a quote"), "' ' ");
    assert!(has_word("a.free(b)", "free") && !has_word("free_many", "free"));
    assert_eq!(comment("    //! Text."), "Text.");
}
