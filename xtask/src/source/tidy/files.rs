//! The files of the repository, and what is code in a line and what is comment.

use std::path::Path;

use crate::source::lexer::shipped;
use crate::source::sites::is_tests;
use crate::source::tree::{Tree, read_folder};

/// A text file.
pub struct File {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    pub text: String,
    pub lines: Vec<String>,
    /// The lines without comments, literals, and tests, if this is Rust.
    code: Vec<String>,
}

/// What is not as it should be: where, and what.
pub type Misses = Vec<String>;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder above the package")
}

/// Returns all files below a folder of the repository whose name ends so. There must be some.
pub fn files(folder: &str, ending: &str) -> Vec<File> {
    let files = some(folder, ending);
    assert!(!files.is_empty(), "no {ending} in {folder}");
    files
}

/// Returns all files below a folder whose name ends so, if there are any.
pub fn some(folder: &str, ending: &str) -> Vec<File> {
    let mut tree = Tree::new();
    read_folder(root(), folder, &[ending], &mut tree).unwrap_or_else(|error| panic!("{error}"));
    tree.iter().map(|(path, text)| File::new(path, text)).collect()
}

/// Returns all files below some folders.
pub fn files_of(folders: &[&str], ending: &str) -> Vec<File> {
    folders.iter().flat_map(|folder| files(folder, ending)).collect()
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let is_code = path.ends_with(".rs") && !is_tests(path);
        let code = if is_code { lines(&shipped(text)) } else { Vec::new() };
        Self { path: path.to_owned(), text: text.to_owned(), lines: lines(text), code }
    }

    /// Returns the code of each line, with its number from 1.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.iter().enumerate().map(|(at, line)| (at + 1, &**line))
    }

    pub fn at(&self, number: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{number}: {what}", self.path)
    }

    /// Returns the comment lines that come last before a line of code, as one text: not more than
    /// `reach` lines of code further up, and not outside of the function. Empty if there are none.
    pub fn comment_above(&self, number: usize, reach: usize) -> String {
        let is_comment = |line: &str| line.trim_start().starts_with("//");
        let mut next = number - 1;
        let mut passed = 0;
        while next > 0 && !is_comment(&self.lines[next - 1]) {
            if passed == reach || self.code[next - 1].contains("fn ") {
                return String::new();
            }
            passed += 1;
            next -= 1;
        }
        let block = self.lines[..next].iter().rev().take_while(|line| is_comment(line));
        let mut block: Vec<&str> = block.map(|line| comment(line)).collect();
        block.reverse();
        block.join(" ")
    }
}

/// Returns a comment line without its marker.
pub fn comment(line: &str) -> &str {
    line.trim_start().trim_start_matches(['/', '!']).trim()
}

/// Fails if there are misses, with all of them.
#[track_caller]
pub fn none(misses: Misses) {
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}
