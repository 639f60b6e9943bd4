//! What the texts refer to is there.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{File, Misses, comment, files, files_of, none, root};
use crate::run::context::paths;

fn read(path: &Path) -> File {
    let text = std::fs::read_to_string(path);
    File::new("", &text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

/// Returns the numbers of the design's list of invariants.
fn invariants() -> BTreeSet<u32> {
    let design = read(&root().join(paths::DESIGN));
    let section = design.lines.iter().skip_while(|line| *line != "## Invariants").skip(1);
    let number = |line: &String| line.split_once(". **")?.0.parse().ok();
    section.take_while(|line| !line.starts_with("## ")).filter_map(number).collect()
}

/// Returns the numbers cited in a text: `Invariant 3`, `Invariants 1, 2 and 5`.
fn cited(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    for (start, word) in text.match_indices("Invariant") {
        let rest = text[start + word.len()..].trim_start_matches('s').trim_start();
        let list = rest.find(|c: char| !c.is_ascii_digit() && !" ,andto".contains(c));
        let list = &rest[..list.unwrap_or(rest.len())];
        let words = list.split([',', ' ']).filter(|word| !word.is_empty());
        let words = words.skip_while(|&word| word == "and").map(|word| word.parse().ok());
        // An `and` within the list stands between numbers; any other word ends it.
        let and = |number: &Option<u32>| number.is_some();
        numbers.extend(words.filter(and).flatten());
    }
    numbers
}

#[test]
fn the_design_numbers_its_invariants_from_1() {
    let numbers = invariants();
    assert!(numbers.len() >= 9, "{numbers:?}");
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u32), "{numbers:?}");
}

#[test]
fn every_invariant_that_is_cited_is_in_the_design() {
    let known = invariants();
    let mut misses = Misses::new();
    let mut citations = 0;
    for file in files_of(&["src", "tests", "loom-tests", "examples"], ".rs") {
        // Joined, since a citation may be broken over two lines.
        let text: Vec<&str> = file.lines.iter().map(|line| comment(line)).collect();
        for number in cited(&text.join(" ")) {
            citations += 1;
            if !known.contains(&number) {
                misses.push(file.at(1, format!("cites Invariant {number}, which there is not")));
            }
        }
    }
    assert!(citations > 10, "only {citations} found");
    none(misses);
}

#[test]
fn citations_are_read() {
    assert_eq!(cited("by Invariant 3. 4"), [3]);
    assert_eq!(cited("(Invariants 2, 5 and 6)"), [2, 5, 6]);
    assert_eq!(cited("Invariants 1 and 2: 7"), [1, 2]);
    assert_eq!(cited("the Invariants section, Invariant 8, and more"), [8]);
    assert!(cited("## Invariants").is_empty());
}

/// Returns the local targets of a Markdown line's links.
fn targets(line: &str) -> Vec<String> {
    let inside = line.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let reference = line.split_once("]: ").filter(|(label, _)| label.starts_with('['));
    let all = inside.chain(reference.map(|(_, target)| target.trim()));
    all.filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

/// Returns a heading's anchor as GitHub and rustdoc make it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|&c| c.is_alphanumeric() || " -_".contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Returns the lines of a Markdown file that are not in a fenced block.
fn prose(file: &File) -> impl Iterator<Item = (usize, &String)> {
    let mut fenced = false;
    file.lines.iter().enumerate().filter_map(move |(i, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((i + 1, line))
    })
}

#[test]
fn every_local_link_leads_somewhere() {
    let mut misses = Misses::new();
    for file in files("", ".md") {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        for (number, line) in prose(&file) {
            for target in targets(line) {
                let (name, place) = target.split_once('#').unwrap_or((&target, ""));
                let path =
                    if name.is_empty() { file.path.clone().into() } else { folder.join(name) };
                let path = root().join(path);
                let there = path.exists()
                    && (place.is_empty()
                        || prose(&read(&path))
                            .any(|(_, line)| line.starts_with('#') && anchor(line) == place));
                if !there {
                    misses.push(file.at(number, format!("leads nowhere: {target}")));
                }
            }
        }
    }
    none(misses);
}

#[test]
fn every_example_in_the_documentation_is_compiled() {
    let mut misses = Misses::new();
    for file in files("src", ".rs").into_iter().chain(files("", ".md")) {
        for (i, line) in file.lines.iter().enumerate() {
            let text = comment(line);
            if text.starts_with("```") && text.contains("ignore") {
                misses.push(file.at(i + 1, "an example that no compiler sees"));
            }
        }
    }
    none(misses);
}

#[test]
fn links_are_read() {
    assert_eq!(targets("see [a](b.md#c) and [d](https://e) [f](#g)"), ["b.md#c", "#g"]);
    assert_eq!(anchor("## What is *not* guaranteed"), "what-is-not-guaranteed");
}
