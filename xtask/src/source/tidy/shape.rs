//! Sizes, and how files begin.

use super::files::{Misses, check, files, none};
use crate::run::context;

const LINES_MAX: usize = 400;
const CORE_LINES_MAX: usize = 3_400;
const COLUMNS_MAX: usize = 100;

#[test]
fn files_are_short() {
    let long = ["src", "xtask"].into_iter().flat_map(|folder| files(folder, &[".rs"]));
    let long = long.filter(|file| file.lines.len() > LINES_MAX);
    none(long.map(|f| f.at(1, format!("{} lines, of {LINES_MAX}", f.lines.len()))).collect());
}

#[test]
fn the_core_is_an_evening_of_reading() {
    let text = |path: &str| context::read(path).expect("a file");
    let page = text("ARCHITECTURE.md");
    let (_, list) = page.split_once("## An evening").expect("a list of files");
    let rows = list.lines().filter(|line| line.starts_with("| `"));
    let names = rows.flat_map(|row| row.split('`').filter(|name| name.ends_with(".rs")));
    let lengths: Vec<_> = names.map(|name| text(&format!("src/{name}")).lines().count()).collect();
    assert_eq!(lengths.len(), 18);
    let lines: usize = lengths.iter().sum();
    assert!(lines <= CORE_LINES_MAX, "{lines} lines, of {CORE_LINES_MAX}");
}

#[test]
fn lines_are_short() {
    let folders = ["src", "tests", "loom-tests", "examples", "benches", "xtask"];
    check(
        &folders,
        |file| &file.lines,
        |_, _, line| {
            let columns = line.chars().count();
            // A row of a table cannot be broken.
            let row = line.trim_start().starts_with("//") && line.ends_with('|');
            (columns > COLUMNS_MAX && !row).then(|| format!("{columns} columns, of {COLUMNS_MAX}"))
        },
    );
}

#[test]
fn every_file_says_what_it_is() {
    let mut misses = Misses::new();
    for file in ["src", "tests", "xtask"].into_iter().flat_map(|folder| files(folder, &[".rs"])) {
        let first = file.lines.iter().find(|line| !line.starts_with("#!["));
        let said = first.is_some_and(|line| line.starts_with("//!"));
        if !said && file.path != "src/lib.rs" {
            misses.push(file.at(1, "no //! at its top"));
        }
    }
    none(misses);
}

/// On loom's atomics, only the models are run.
#[test]
fn every_test_stands_aside_for_loom() {
    let mut misses = Misses::new();
    for file in files("tests", &[".rs"]) {
        let name = file.path.trim_start_matches("tests/");
        let program = !name.contains('/') || name.ends_with("/main.rs");
        let gates = ["#![cfg(not(all(loom, feature = \"loom\")))]", "#![cfg(not(model))]"];
        let mut top = file.lines.iter().skip_while(|line| line.starts_with("//!"));
        if program && top.next().is_none_or(|line| !gates.contains(&&**line)) {
            misses.push(file.at(1, format!("no {} below what it says it is", gates[1])));
        }
    }
    none(misses);
}

#[test]
fn no_test_is_passed_over_and_none_measures_time() {
    check(
        &["src", "tests", "loom-tests"],
        |file| &file.lines,
        |_, _, line| {
            let is_timed = line.contains("assert") && line.contains("elapsed");
            let is_ignored = line.contains("#[ignore");
            let what =
                if is_timed { "of how long an operation takes" } else { "that is passed over" };
            (is_ignored || is_timed).then(|| format!("a test {what}"))
        },
    );
}
