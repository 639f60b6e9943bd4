//! Notes at the line: orderings and their partners, unsafe code, and what must not be there.

use std::collections::BTreeSet;

use super::files::{File, Misses, comment, files, files_of, none, root};
use crate::source::lexer::{has_word, is_word};
use crate::source::sites::{Site, sites};
use crate::source::tree::crate_only;

const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];

/// The orderings whose notes name a partner.
const PAIRED: [&str; 3] = ["Acquire", "Release", "AcqRel"];

/// How many lines of code may come between a note and what it is about: the statement's own.
const REACH: usize = 8;

/// Returns `true` for `Relaxed: …`, `Relaxed on failure: …`.
fn labels(text: &str, ordering: &str) -> bool {
    let endings = [":", " on success:", " on failure:"];
    let labeled = |ending: &&str| {
        let label = format!("{ordering}{ending}");
        text.match_indices(&label).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
    };
    endings.iter().any(labeled)
}

/// Returns the accesses of a file whose ordering no note explains, and how many accesses it has.
fn unexplained(file: &File) -> (Misses, usize) {
    let (mut misses, mut sites) = (Misses::new(), 0);
    for (number, code) in file.code().filter(|(_, code)| !code.trim_start().starts_with("use ")) {
        for ordering in ORDERINGS {
            if has_word(code, &format!("Ordering::{ordering}")) {
                sites += 1;
                if !labels(&file.comment_above(number, REACH), ordering) {
                    misses.push(file.at(number, format!("no note labeled {ordering}: above")));
                }
            }
        }
    }
    (misses, sites)
}

/// Returns the names behind `Partner: a.b.load` and `Partners: a.b.load, c.d.store` in a note.
fn partners(note: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for (at, marker) in note.match_indices("Partner: ").chain(note.match_indices("Partners: ")) {
        let mut more = true;
        for (n, word) in note[at + marker.len()..].split(' ').enumerate() {
            let name = word.trim_matches(|c: char| !is_word(c));
            if word == "and" {
                more = true;
            } else if !more || (n > 0 && !name.contains('.')) {
                break;
            } else {
                names.push(name);
                more = word.ends_with(',');
            }
        }
    }
    names
}

/// Returns the partners in a file's comments that are no accesses, and the accesses whose notes
/// name none though their ordering has one. A function of the fence stands for its accesses.
fn without_partners(file: &File, sites: &[Site]) -> Misses {
    let fence = |name: &str| name.starts_with("fence.");
    let short = sites.iter().filter_map(|site| Some(site.name.rsplit_once('.')?.0));
    let names: BTreeSet<&str> =
        short.filter(|name| fence(name)).chain(sites.iter().map(|site| &*site.name)).collect();
    let comments: Vec<&str> = file.lines.iter().map(|line| comment(line)).collect();
    let comments = comments.join(" ");
    let unknown = partners(&comments).into_iter().filter(|name| !names.contains(name));
    let line = |name: &str| file.lines.iter().position(|line| line.contains(name));
    let unknown = unknown.map(|name| {
        let line = line(name).map_or(1, |at| at + 1);
        file.at(line, format!("names {name}, which is no access"))
    });
    let is_here = |site: &&Site| site.path == file.path;
    let is_paired = |site: &&Site| PAIRED.iter().any(|paired| has_word(&site.orderings, paired));
    let alone = sites
        .iter()
        .filter(is_here)
        .filter(is_paired)
        .filter(|site| partners(&file.comment_above(site.line, REACH)).is_empty());
    let alone =
        alone.map(|site| file.at(site.line, format!("no `Partner: NAME` above {}", site.name)));
    unknown.chain(alone).collect()
}

#[test]
fn every_ordering_is_explained_just_above() {
    let found = files("src", ".rs").iter().map(unexplained).collect::<Vec<_>>();
    let sites: usize = found.iter().map(|(_, sites)| sites).sum();
    assert!(sites > 20, "only {sites} found");
    none(found.into_iter().flat_map(|(misses, _)| misses).collect());
}

#[test]
fn every_note_names_the_partner() {
    let sites = sites(&crate_only(root()).unwrap());
    let files = files("src", ".rs").into_iter();
    none(files.flat_map(|file| without_partners(&file, &sites)).collect());
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

/// Returns `true` if a line begins a block or an impl that needs a note.
fn is_unsafe(code: &str) -> bool {
    has_word(code, "unsafe") && (code.contains("unsafe {") || code.contains("unsafe impl"))
}

#[test]
fn every_unsafe_block_and_impl_says_why_it_is_sound() {
    let mut misses = Misses::new();
    for file in files_of(&["src", "tests", "loom-tests", "examples", "benches"], ".rs") {
        for (number, code) in file.code().filter(|(_, code)| is_unsafe(code)) {
            let here = &file.lines[number - 1];
            if !file.comment_above(number, 3).contains("SAFETY: ") && !here.contains("SAFETY: ") {
                misses.push(file.at(number, format!("no SAFETY note: {}", code.trim())));
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
            let function = code.trim_start().starts_with("pub") && code.contains("unsafe fn ");
            // Attributes may come between.
            let said = || file.comment_above(number, 3).contains("# Safety");
            if (function || code.contains("unsafe trait ")) && !said() {
                misses.push(file.at(number, "no section Safety in its documentation"));
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
            let words = ["todo!", "unimplemented!", "dbg!", "print!", "println!", "eprintln!"];
            misses.extend(words.iter().filter(|w| code.contains(**w)).map(|w| file.at(number, w)));
        }
    }
    none(misses);
}

#[test]
fn a_missing_note_is_noticed() {
    let file = |text: &str| File::new("x.rs", text);
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

#[test]
fn a_missing_or_wrong_partner_is_noticed() {
    let text = |note: &str| {
        format!(
            "fn f() {{\n    // {note}\n    x.load(Ordering::Acquire);\n    // Relaxed: why.\n    \
                 x.load(Ordering::Relaxed);\n}}\nfn heavy() {{\n    // SeqCst: why.\n    \
                 fence(Ordering::SeqCst);\n}}\n"
        )
    };
    let misses = |note: &str| {
        let tree = [("src/fence.rs".to_owned(), text(note))].into();
        without_partners(&File::new("src/fence.rs", &text(note)), &sites(&tree))
    };
    assert!(misses("Acquire: why. Partner: fence.f.load.2.").is_empty());
    assert!(misses("Acquire: why. Partners: fence.f.load, fence.heavy. More.").is_empty());
    assert_eq!(misses("Acquire: why.").len(), 1);
    assert_eq!(misses("Acquire: why. Partner: fence.g.load.").len(), 1);
    assert_eq!(misses("Acquire: why. Partners: fence.f.load, fence.g.load, and so on.").len(), 1);
    assert_eq!(partners("Partners: a.b, c_d.e and f.g, more"), ["a.b", "c_d.e", "f.g"]);
}
