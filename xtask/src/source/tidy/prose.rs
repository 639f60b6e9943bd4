//! The prose: what it refers to is there, and a thread, an owner, or a caller does something, never
//! a person.

use std::collections::BTreeSet;
use std::path::Path;

use regex_lite::Regex;

use super::files::{File, Misses, files, none};
use crate::run::{ROOT, context};
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

fn read(path: impl AsRef<Path>) -> File {
    File::new("", &context::read(path).unwrap_or_else(|error| panic!("{error}")))
}

/// Returns the numbers of the design's list of invariants.
fn invariants() -> BTreeSet<u32> {
    let design = read("docs/DESIGN.md");
    let section = design.lines.iter().skip_while(|line| *line != "## Invariants").skip(1);
    let number = |line: &String| line.split_once(". **")?.0.parse().ok();
    section.take_while(|line| !line.starts_with("## ")).filter_map(number).collect()
}

/// Returns the numbers cited in a text: `Invariant 3`, `Invariants 1, 2 and 5`.
fn cited(text: &str) -> Vec<u32> {
    let lists = Regex::new(r"Invariants? (\d+(?:(?:,|,? and| to) \d+)*)").unwrap();
    let lists = lists.captures_iter(text).map(|list| list[1].to_owned());
    let numbers = lists.flat_map(|list| list.split([',', ' ']).map(str::parse).collect::<Vec<_>>());
    numbers.flatten().collect()
}

#[test]
fn the_design_numbers_its_invariants_from_1() {
    let numbers = invariants();
    assert!(numbers.len() >= 9, "{numbers:?}");
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u32), "{numbers:?}");
}

#[test]
fn every_invariant_that_is_cited_is_in_the_design() {
    let (known, mut misses, mut citations) = (invariants(), Misses::new(), 0);
    for folder in ["src", "tests", "loom-tests", "examples"] {
        for file in files(folder, &[".rs"]) {
            let cited = cited(&file.comments());
            citations += cited.len();
            let unknown = cited.iter().filter(|number| !known.contains(number));
            let what = |number| format!("cites Invariant {number}, which there is not");
            misses.extend(unknown.map(|number| file.at(1, what(number))));
        }
    }
    assert!(citations > 10, "only {citations} found");
    none(misses);
}

/// Returns the local targets of a Markdown line's links.
fn targets(line: &str) -> Vec<&str> {
    let inside = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line.split_once("]: ").filter(|(label, _)| label.starts_with('['));
    let all = inside.chain(reference.map(|(_, target)| target.trim()));
    all.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).collect()
}

/// Returns a heading's anchor as GitHub and rustdoc make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_local_link_leads_somewhere() {
    let mut misses = Misses::new();
    for file in files("", &[".md"]) {
        let path = ROOT.join(&file.path);
        for (number, line) in file.prose() {
            for target in targets(line) {
                let (name, place) = target.split_once('#').unwrap_or((target, ""));
                let path = if name.is_empty() { path.clone() } else { path.with_file_name(name) };
                let is_place = |line: &str| line.starts_with('#') && anchor(line) == place;
                let has_place = || read(&path).prose().iter().any(|(_, line)| is_place(line));
                if !path.exists() || !(place.is_empty() || has_place()) {
                    misses.push(file.at(number, format!("leads nowhere: {target}")));
                }
            }
        }
    }
    none(misses);
}

#[test]
fn forbidden_words_are_found() {
    let found = |path: &str, text: &str| misses(&File::new(path, text));
    let code = "// Who sweeps.\nlet who = \"he\"; // `he` is\n/// The whole of this shows.\n";
    assert_eq!(found("a.rs", code), ["a.rs:1: says `who`"]);
    assert_eq!(found("a.md", "Then\n```\nwho\n```\nwhoever\n"), ["a.md:5: says `whoever`"]);
}

#[test]
fn citations_and_links_are_read() {
    assert_eq!(cited("by Invariant 3. 4"), [3]);
    assert_eq!(cited("(Invariants 2, 5 and 6)"), [2, 5, 6]);
    assert_eq!(cited("Invariants 1 and 2: 7"), [1, 2]);
    assert_eq!(cited("the Invariants section, Invariant 8, and more"), [8]);
    assert!(cited("## Invariants").is_empty());
    assert_eq!(targets("see [a](b.md#c) and [d](https://e) [f](#g)"), ["b.md#c", "#g"]);
    assert_eq!(anchor("## What is *not* guaranteed"), "what-is-not-guaranteed");
}
