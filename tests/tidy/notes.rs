//! Notes at the line: orderings, unsafe code, and what must not be there.

use crate::source::{File, Misses, files, has_word, none};

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// How many lines of code may come between a note and what it is about: the statement's own.
const REACH: usize = 8;

/// `Relaxed: …`, `Relaxed on failure: …`.
fn labels(text: &str, ordering: &str) -> bool {
    let endings = [":", " on success:", " on failure:"];
    let labelled = |ending: &&str| {
        let label = format!("{ordering}{ending}");
        text.match_indices(&label).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
    };
    endings.iter().any(labelled)
}

/// The accesses of a file whose ordering no note explains, and how many accesses it has.
fn unexplained(file: &File) -> (Misses, usize) {
    let (mut misses, mut sites) = (Misses::new(), 0);
    for (number, code) in file.code().filter(|(_, code)| !code.trim_start().starts_with("use ")) {
        for ordering in ORDERINGS {
            if has_word(&code, &format!("Ordering::{ordering}")) {
                sites += 1;
                if !labels(&file.comment_above(number, REACH), ordering) {
                    misses.push(file.at(number, format!("no note labelled {ordering}: above")));
                }
            }
        }
    }
    (misses, sites)
}

#[test]
fn every_ordering_is_explained_just_above() {
    let found = files("src", ".rs").iter().map(unexplained).collect::<Vec<_>>();
    let sites: usize = found.iter().map(|(_, sites)| sites).sum();
    assert!(sites > 20, "only {sites} found");
    none(found.into_iter().flat_map(|(misses, _)| misses).collect());
}

#[test]
fn orderings_are_not_renamed() {
    let mut misses = Misses::new();
    for file in files("src", ".rs") {
        for (number, code) in file.code() {
            let imported = code.contains("Ordering::*") || code.contains("Ordering as");
            if imported || (code.contains("use ") && code.contains("Ordering::")) {
                misses.push(file.at(number, "an ordering by another name escapes the check above"));
            }
        }
    }
    none(misses);
}

/// Does a line begin a block or an impl that needs a note?
fn is_unsafe(code: &str) -> bool {
    has_word(code, "unsafe") && (code.contains("unsafe {") || code.contains("unsafe impl"))
}

#[test]
fn every_unsafe_block_and_impl_says_why_it_is_sound() {
    let mut misses = Misses::new();
    for folder in ["src", "tests", "loom-tests", "examples", "benches"] {
        for file in files(folder, ".rs") {
            for (number, code) in file.code().filter(|(_, code)| is_unsafe(code)) {
                let here = &file.lines[number - 1];
                if !file.comment_above(number, 3).contains("SAFETY: ") && !here.contains("SAFETY: ")
                {
                    misses.push(file.at(number, format!("no SAFETY note: {}", code.trim())));
                }
            }
        }
    }
    none(misses);
}

#[test]
fn every_unsafe_function_and_trait_says_what_it_asks_for() {
    let mut misses = Misses::new();
    for file in files("src", ".rs") {
        for (number, code) in file.code() {
            let public = code.trim_start().starts_with("pub");
            let function = public && code.contains("unsafe fn ");
            if function || code.contains("unsafe trait ") {
                // Attributes may come between.
                if !file.comment_above(number, 3).contains("# Safety") {
                    misses.push(file.at(number, "no section Safety in its documentation"));
                }
            }
        }
    }
    none(misses);
}

#[test]
fn nothing_unfinished_and_nothing_printed() {
    let mut misses = Misses::new();
    for file in files("src", ".rs") {
        for (number, code) in file.code() {
            for name in ["todo!", "unimplemented!", "dbg!", "print!", "println!", "eprintln!"] {
                if code.contains(name) {
                    misses.push(file.at(number, name));
                }
            }
        }
    }
    none(misses);
}

#[test]
fn a_missing_note_is_noticed() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect();
    let file = |text: &str| File { path: "x.rs".to_owned(), lines: lines(text) };
    let good = "fn f() {\n    // Acquire: why. Relaxed on failure: why.\n    x.swap(\n        \
                Ordering::Acquire,\n        Ordering::Relaxed,\n    );\n}";
    assert_eq!(unexplained(&file(good)), (vec![], 2));
    let misses = |text: &str| unexplained(&file(text)).0.len();
    assert_eq!(misses(&good.replace("Relaxed on failure", "Else")), 1);
    assert_eq!(misses("// Relaxed: outside.\nfn f() {\n    x.load(Ordering::Relaxed);\n}"), 1);
    assert_eq!(misses("    // Relaxed: why.\n    // More.\n    x.load(Ordering::Relaxed);"), 0);
    assert_eq!(misses("    // Unrelaxed: no.\n    // More.\n    x.load(Ordering::Relaxed);"), 1);
    assert!(is_unsafe("let x = unsafe { y() };") && !is_unsafe("unsafe fn f()"));
}
