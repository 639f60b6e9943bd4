//! Notes at the line: orderings and their partners, unsafe code.

use std::collections::BTreeSet;

use regex_lite::Regex;

use super::files::{File, Misses, check, files, none};
use crate::source::lexer::has_word;
use crate::source::sites::{ORDERINGS, Site, sites};
use crate::source::tree::crate_only;

const PAIRED: [&str; 3] = ["Acquire", "Release", "AcqRel"];

/// How many lines of code may come between a note and what it is about: the statement's own.
const REACH: usize = 8;

/// Returns `true` for `Relaxed: …`, `Relaxed on failure: …`.
fn labels(text: &str, ordering: &str) -> bool {
    let label = Regex::new(&format!(r"\b{ordering}( on success| on failure)?:"));
    label.unwrap().is_match(text)
}

/// Returns the accesses of a file whose ordering no note explains, and how many accesses it has.
fn unexplained(file: &File) -> (Misses, usize) {
    let (mut misses, mut sites) = (Misses::new(), 0);
    for (at, code) in file.code.iter().enumerate() {
        let is_here = |o: &&str| has_word(code, &format!("Ordering::{o}"));
        let is_use = code.trim_start().starts_with("use ");
        for ordering in ORDERINGS.iter().filter(|ordering| !is_use && is_here(ordering)) {
            sites += 1;
            if !labels(&file.comment_above(at + 1, REACH), ordering) {
                misses.push(file.at(at + 1, format!("no note labeled {ordering}: above")));
            }
        }
    }
    (misses, sites)
}

/// Returns the names behind `Partner: a.b.load` and `Partners: a.b.load, c.d.store` in a note.
fn partners(note: &str) -> Vec<&str> {
    let list = Regex::new(r"Partners?: (\w[\w.]*\w(?:(?:,| and|, and) \w+\.[\w.]*\w)*)").unwrap();
    let lists = list.captures_iter(note).filter_map(|found| found.get(1));
    let names = lists.flat_map(|list| note[list.range()].split([' ', ',']));
    names.filter(|name| !["", "and"].contains(name)).collect()
}

/// Returns the partners in a file's comments that are no accesses, and the accesses whose notes
/// name none though their ordering has one. A function of the fence stands for its accesses.
fn without_partners(file: &File, sites: &[Site]) -> Misses {
    let short = sites.iter().filter_map(|site| Some(site.name.rsplit_once('.')?.0));
    let short = short.filter(|name| name.starts_with("fence."));
    let names: BTreeSet<&str> = short.chain(sites.iter().map(|site| &*site.name)).collect();
    let mut misses = Misses::new();
    for name in partners(&file.comments()).into_iter().filter(|name| !names.contains(name)) {
        let line = file.lines.iter().position(|line| line.contains(name)).map_or(1, |at| at + 1);
        misses.push(file.at(line, format!("names {name}, which is no access")));
    }
    for Site { name, orderings, line, .. } in sites.iter().filter(|site| site.path == file.path) {
        let is_paired = PAIRED.iter().any(|paired| has_word(orderings, paired));
        if is_paired && partners(&file.comment_above(*line, REACH)).is_empty() {
            misses.push(file.at(*line, format!("no `Partner: NAME` above {name}")));
        }
    }
    misses
}

#[test]
fn every_ordering_is_explained_just_above() {
    let found = files("src", &[".rs"]).iter().map(unexplained).collect::<Vec<_>>();
    let sites: usize = found.iter().map(|(_, sites)| sites).sum();
    assert!(sites > 20, "only {sites} found");
    none(found.into_iter().flat_map(|(misses, _)| misses).collect());
}

#[test]
fn every_note_names_the_partner() {
    let sites = sites(&crate_only().unwrap());
    let files = files("src", &[".rs"]).into_iter();
    none(files.flat_map(|file| without_partners(&file, &sites)).collect());
}

/// Returns `true` if a line begins a block or an impl that needs a note.
fn is_unsafe(code: &str) -> bool {
    has_word(code, "unsafe") && (code.contains("unsafe {") || code.contains("unsafe impl"))
}

#[test]
fn every_unsafe_block_and_impl_says_why_it_is_sound() {
    let wrong = |file: &File, number, code: &str| {
        let said = || file.comment_above(number, 3) + &file.lines[number - 1];
        (is_unsafe(code) && !said().contains("SAFETY: ")).then(|| "no SAFETY note".to_owned())
    };
    check(&["src", "tests", "loom-tests", "examples", "benches"], |file| &file.code, wrong);
}

#[test]
fn every_unsafe_function_and_trait_says_what_it_asks_for() {
    let wrong = |file: &File, number, code: &str| {
        let function = code.trim_start().starts_with("pub") && code.contains("unsafe fn ");
        // Attributes may come between.
        let said = || file.comment_above(number, 3).contains("# Safety");
        let is_wrong = (function || code.contains("unsafe trait ")) && !said();
        is_wrong.then(|| "no section Safety in its documentation".to_owned())
    };
    check(&["src"], |file| &file.code, wrong);
}

#[test]
fn a_missing_note_is_noticed() {
    let found = |text: &str| unexplained(&File::new("x.rs", text));
    let good = "fn f() {\n    // Acquire: why. Relaxed on failure: why.\n    x.swap(\n        \
                Ordering::Acquire,\n        Ordering::Relaxed,\n    );\n}";
    assert_eq!(found(good), (vec![], 2));
    assert_eq!(found(&good.replace("Relaxed on failure", "Else")).0.len(), 1);
    for (note, count) in [
        ("// Relaxed: outside.\nfn f() {", 1),
        ("    // Relaxed: why.\n    // More.", 0),
        ("    // Unrelaxed: no.\n    // More.", 1),
    ] {
        assert_eq!(found(&format!("{note}\n    x.load(Ordering::Relaxed);\n}}")).0.len(), count);
    }
    assert!(is_unsafe("let x = unsafe { y() };") && !is_unsafe("unsafe fn f()"));
}

#[test]
fn a_missing_or_wrong_partner_is_noticed() {
    let misses = |note: &str| {
        let text = format!(
            "fn f() {{\n    // {note}\n    x.load(Ordering::Acquire);\n    // Relaxed: why.\n    \
             x.load(Ordering::Relaxed);\n}}\nfn heavy() {{\n    // SeqCst: why.\n    \
             fence(Ordering::SeqCst);\n}}\n"
        );
        let file = File::new("src/fence.rs", &text);
        without_partners(&file, &sites(&[(file.path.clone(), text)].into())).len()
    };
    assert_eq!(misses("Acquire: why. Partner: fence.f.load.2."), 0);
    assert_eq!(misses("Acquire: why. Partners: fence.f.load, fence.heavy. More."), 0);
    assert_eq!(misses("Acquire: why."), 1);
    assert_eq!(misses("Acquire: why. Partner: fence.g.load."), 1);
    assert_eq!(misses("Acquire: why. Partners: fence.f.load, fence.g.load, and so on."), 1);
    assert_eq!(partners("Partners: a.b, c_d.e and f.g, more"), ["a.b", "c_d.e", "f.g"]);
}
