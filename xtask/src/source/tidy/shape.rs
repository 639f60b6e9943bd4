//! Sizes, how files begin, and what no line has.

use regex_lite::Regex;

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
    assert_eq!(lengths.len(), 19);
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

/// How files begin: which of them, with what, and what is wrong else. On loom's atomics, only the
/// models are run.
#[test]
fn files_begin_as_they_should() {
    let is_program = |path: &str| path.ends_with("/main.rs") || path.matches('/').count() == 1;
    let gate = r#"^(//!.*\n)*#!\[cfg\(not\((model|all\(loom, feature = "loom"\))\)\)\]\n"#;
    let (all, tests) = (&["src", "tests", "xtask"][..], &["tests"][..]);
    let mut misses = Misses::new();
    for (folders, begin, what) in [
        (all, r"^(#!\[.*\n)*//!", "no //! at its top"),
        (tests, gate, "no #![cfg(not(model))] below what it says it is"),
    ] {
        let (begin, is_gate) = (Regex::new(begin).unwrap(), begin == gate);
        let files = folders.iter().flat_map(|folder| files(folder, &[".rs"]));
        let files = files.filter(|file| !begin.is_match(&file.text) && file.path != "src/lib.rs");
        let wrong = files.filter(|file| !is_gate || is_program(&file.path));
        misses.extend(wrong.map(|file| file.at(1, what)));
    }
    none(misses);
}

/// What no line has: in which folders, apart from which; in its code, or anywhere; and why not.
const FORBIDDEN: [(&[&str], &str, bool, &str, &str); 7] = [
    (SRC, "-", true, r"Ordering::\*|Ordering as|use .*Ordering::", "an ordering by another name"),
    (SRC, "-", true, r"todo!|unimplemented!|dbg!|print!|println!", "unfinished, or printing"),
    (SRC, "src/sync/", true, r"\bcore::sync|\batomic::|\bportable_atomic", "not by `sync`"),
    (SRC, "src/sync/", true, r"\bloom::|\bshuttle::", "not by `sync`"),
    (SRC, "src/sys/", true, r"\blibc|\bwindows_sys", "not by `sys`"),
    (TESTED, "-", false, r"#\[ignore|assert.*elapsed|elapsed.*assert", "passed over, or timed"),
    (&[""], "-", false, r"^[\s/!]*```.*ignore", "an example that no compiler sees"),
];

const SRC: &[&str] = &["src"];
const TESTED: &[&str] = &["src", "tests", "loom-tests"];

#[test]
fn no_line_has_what_is_forbidden() {
    let mut misses = Misses::new();
    for (folders, but, is_code, pattern, why) in FORBIDDEN {
        let pattern = Regex::new(pattern).unwrap();
        let files = folders.iter().flat_map(|folder| files(folder, &[".rs", ".md"]));
        for file in files.filter(|file| !file.path.starts_with(but)) {
            let lines = if is_code { &file.code } else { &file.lines };
            let wrong = lines.iter().enumerate().filter(|(_, l)| pattern.is_match(l.trim_end()));
            misses.extend(wrong.map(|(at, line)| file.at(at + 1, format!("{why}: {line}"))));
        }
    }
    none(misses);
}
