//! Words that the prose does without: a thread, an owner, or a caller does something, never a
//! person.

use super::files::{File, Misses, files, none};
use crate::source::lexer::is_word;

const FORBIDDEN: [&str; 10] =
    ["who", "whoever", "whom", "he", "his", "him", "somebody", "nobody", "anybody", "everybody"];

/// Returns the forbidden words in a file, apart from what stands in code spans.
fn misses(file: &File) -> Misses {
    let mut misses = Misses::new();
    for (number, line) in file.prose() {
        let spoken = line.split('`').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
        let words = spoken.split(|c| !is_word(c)).filter(|word| FORBIDDEN.contains(word));
        misses.extend(words.map(|word| file.at(number, format!("says `{word}`"))));
    }
    misses
}

#[test]
fn the_prose_is_about_threads_and_not_about_people() {
    none(files("", &[".rs", ".md"]).iter().flat_map(misses).collect());
}

#[test]
fn forbidden_words_are_found() {
    let found = |path: &str, text: &str| misses(&File::new(path, text));
    let code = "// Who sweeps.\nlet who = \"he\"; // `he` is\n/// The whole of this shows.\n";
    assert_eq!(found("a.rs", code), ["a.rs:1: says `who`"]);
    assert_eq!(found("a.md", "Then\n```\nwho\n```\nwhoever\n"), ["a.md:5: says `whoever`"]);
}
