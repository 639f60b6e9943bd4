//! Words that the prose does without: a thread, an owner, or a caller does something, never a
//! person.

use super::files::{File, Misses, none, some};
use crate::source::lexer::{is_comment, is_word, tokens};

const FORBIDDEN: [&str; 10] =
    ["who", "whoever", "whom", "he", "his", "him", "somebody", "nobody", "anybody", "everybody"];

/// Returns the lines of prose in a text, with their numbers: comments, or Markdown outside of
/// fenced blocks.
fn prose(file: &File) -> Vec<(usize, &str)> {
    if file.path.ends_with(".rs") {
        let comments = tokens(&file.text).into_iter().filter(|(kind, _)| is_comment(*kind));
        let lines = comments.flat_map(|(_, range)| {
            let first = file.text[..range.start].matches('\n').count() + 1;
            file.text[range].lines().enumerate().map(move |(at, line)| (first + at, line))
        });
        return lines.collect();
    }
    let mut fenced = false;
    let lines = file.lines.iter().enumerate().filter(|(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.map(|(at, line)| (at + 1, &**line)).collect()
}

/// Returns the forbidden words in a line, apart from what stands in code spans.
fn forbidden(line: &str) -> Vec<String> {
    let spoken: String = line.split('`').step_by(2).collect::<Vec<_>>().join(" ").to_lowercase();
    let words = spoken.split(|c| !is_word(c)).filter(|word| FORBIDDEN.contains(word));
    words.map(str::to_owned).collect()
}

fn misses(file: &File) -> Misses {
    let lines = prose(file).into_iter();
    let found = lines.flat_map(|(n, line)| forbidden(line).into_iter().map(move |w| (n, w)));
    found.map(|(number, word)| file.at(number, format!("says `{word}`"))).collect()
}

#[test]
fn the_prose_is_about_threads_and_not_about_people() {
    none([".rs", ".md"].into_iter().flat_map(|e| some("", e)).flat_map(|f| misses(&f)).collect());
}

#[test]
fn forbidden_words_are_found() {
    let found = |path: &str, text: &str| misses(&File::new(path, text));
    assert_eq!(
        found("a.rs", "// Who sweeps.\nlet who = \"he\"; // `he` is\n"),
        ["a.rs:1: says `who`"]
    );
    assert_eq!(found("a.md", "Then\n```\nwho\n```\nwhoever\n"), ["a.md:5: says `whoever`"]);
    assert!(found("a.rs", "/// The whole of this shows.\n").is_empty());
}
