//! The files of the repository, and what is code in a line and what is comment.

use crate::run::ROOT;
use crate::source::lexer::{is_comment, shipped, tokens};
use crate::source::sites::is_tests;
use crate::source::tree::read_folder;

pub struct File {
    /// From the root of the repository, with forward slashes.
    pub path: String,
    pub text: String,
    pub lines: Vec<String>,
    /// The lines without comments, literals, and tests, if this is Rust.
    pub code: Vec<String>,
}

/// What is not as it should be: where, and what.
pub type Misses = Vec<String>;

/// Returns all files below a folder of the repository whose name ends so. There must be some.
pub fn files(folder: &str, endings: &[&str]) -> Vec<File> {
    let tree = read_folder(&ROOT, folder, endings).unwrap_or_else(|error| panic!("{error}"));
    assert!(!tree.is_empty(), "no {endings:?} in {folder}");
    tree.iter().map(|(path, text)| File::new(path, text)).collect()
}

impl File {
    pub fn new(path: &str, text: &str) -> Self {
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        let is_code = path.ends_with(".rs") && !is_tests(path);
        let code = if is_code { lines(&shipped(text)) } else { Vec::new() };
        Self { path: path.to_owned(), text: text.to_owned(), lines: lines(text), code }
    }

    pub fn at(&self, number: usize, what: impl std::fmt::Display) -> String {
        format!("{}:{number}: {what}", self.path)
    }

    /// Returns all comment lines as one text, since a citation may be broken over two lines.
    pub fn comments(&self) -> String {
        self.lines.iter().map(|line| comment(line)).collect::<Vec<_>>().join(" ")
    }

    /// Returns the comment lines that come last before a line of code, as one text: not more than
    /// `reach` lines of code further up, and not outside of the function. Empty if there are none.
    pub fn comment_above(&self, number: usize, reach: usize) -> String {
        let is_comment = |line: &String| line.trim_start().starts_with("//");
        let above = || (0..number - 1).rev();
        let passed = above().take_while(|at| !is_comment(&self.lines[*at])).count();
        if passed > reach || above().take(passed).any(|at| self.code[at].contains("fn ")) {
            return String::new();
        }
        let block = above().skip(passed).map(|at| &self.lines[at]);
        let mut block: Vec<&str> =
            block.take_while(|l| is_comment(l)).map(|l| comment(l)).collect();
        block.reverse();
        block.join(" ")
    }

    /// Returns the lines of prose, with their numbers: comments, or Markdown outside of fenced
    /// blocks.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        if self.path.ends_with(".rs") {
            let comments = tokens(&self.text).into_iter().filter(|(kind, _)| is_comment(*kind));
            let lines = comments.flat_map(|(_, range)| {
                let first = self.text[..range.start].matches('\n').count() + 1;
                self.text[range].lines().enumerate().map(move |(at, line)| (first + at, line))
            });
            return lines.collect();
        }
        let mut fenced = false;
        let lines = self.lines.iter().enumerate().filter(|(_, line)| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            !fenced && !fence
        });
        lines.map(|(at, line)| (at + 1, &**line)).collect()
    }
}

pub fn comment(line: &str) -> &str {
    line.trim_start().trim_start_matches(['/', '!']).trim()
}

/// Checks lines of Rust below some folders, all or those of the code: says what is wrong with one,
/// by its number, if anything is.
#[track_caller]
pub fn check(
    folders: &[&str],
    part: fn(&File) -> &[String],
    wrong: impl Fn(&File, usize, &str) -> Option<String>,
) {
    let mut misses = Misses::new();
    for file in folders.iter().flat_map(|folder| files(folder, &[".rs"])) {
        for (at, line) in part(&file).iter().enumerate() {
            misses.extend(wrong(&file, at + 1, line).map(|what| file.at(at + 1, what)));
        }
    }
    none(misses);
}

/// Fails if there are misses, with all of them.
#[track_caller]
pub fn none(misses: Misses) {
    assert!(misses.is_empty(), "{} misses:\n{}", misses.len(), misses.join("\n"));
}
