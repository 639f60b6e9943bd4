//! The names of the atomic accesses in the source, and what the proofs say of them.
//!
//! A name is `file.function.operation`, with `.2` for the second of the kind in a function. Four
//! calls that put a fence in the handshake have names, too. In the source a line of the ordering
//! note has it, `// site: NAME`; in a proof a comment `site: NAME ORDERING`, with two orderings
//! where the access has two.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::mutants::arguments;
use crate::source::{call_at, code_only, function_at, not_built};
use crate::tree::Tree;

/// The accesses that no proof is about, and why.
const UNMODELLED: &str = "proofs/unmodelled.txt";

/// The calls that put a fence in its place.
const FENCES: [&str; 3] = ["self.fence.light(", "self.fence.full(", "self.fence.heavy("];

/// What an access is said to be, in a proof, beside its name.
const ORDERINGS: [&str; 6] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst", "Fence"];

/// What a line begins with that names the access below it.
const LABEL: &str = "// site: ";

/// How many lines may come between an access and the last line of its note.
const REACH: usize = 8;

/// An access.
#[derive(Debug, PartialEq)]
struct Access {
    name: String,
    /// `Release Relaxed`: in case of success, and of failure.
    orderings: String,
    /// The number of its line, from 0.
    line: usize,
}

/// The accesses of a file, from top to bottom.
fn accesses_of(path: &str, text: &str) -> Vec<Access> {
    let code = code_only(text);
    let left_out = not_built(text, &code);
    let mut places: Vec<(usize, String, String)> = Vec::new();
    for (place, _) in code.match_indices("Ordering::") {
        let start = place + "Ordering::".len();
        let ordering = ORDERINGS.iter().find(|ordering| code[start..].starts_with(**ordering));
        let (Some(ordering), Some((call, index))) = (ordering, call_at(&code, place)) else {
            continue;
        };
        let operation = call.rsplit('.').next().unwrap_or(&call).to_owned();
        match places.last_mut() {
            Some((_, last, orderings)) if index == 3 && *last == operation => {
                *orderings += &format!(" {ordering}");
            }
            _ => places.push((place, operation, (*ordering).to_owned())),
        }
    }
    for call in FENCES {
        let operation = call.trim_start_matches("self.fence.").trim_end_matches('(');
        for (place, _) in code.match_indices(call) {
            places.push((place, operation.to_owned(), "Fence".to_owned()));
        }
    }
    places.retain(|(place, ..)| !left_out.iter().any(|range| range.contains(place)));
    places.sort();
    let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
    let mut seen: HashMap<String, u32> = HashMap::new();
    let access = |(place, operation, orderings): (usize, String, String)| {
        let mut name = format!("{stem}.{}.{operation}", function_at(&code, place));
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name += &format!(".{count}");
        }
        Access { name, orderings, line: code[..place].matches('\n').count() }
    };
    places.into_iter().map(access).collect()
}

/// The files that have accesses: all but the door to them.
pub fn sources(tree: &Tree) -> impl Iterator<Item = (&String, &String)> {
    tree.iter().filter(|(path, _)| {
        path.starts_with("src/") && *path != "src/sync.rs" && !path.starts_with("src/sync/")
    })
}

/// The text without names.
pub fn unlabelled(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.trim_start().starts_with(LABEL)).collect()
}

/// A file's text with the name of each access in the last line of the note above it.
pub fn label(path: &str, text: &str) -> Result<String, String> {
    let plain = unlabelled(text);
    let lines: Vec<&str> = plain.lines().collect();
    let is_note = |line: &str| line.trim_start().starts_with("//");
    let mut after: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for Access { name, line, .. } in accesses_of(path, &plain) {
        let note = (line.saturating_sub(REACH)..line).rev().find(|&at| is_note(lines[at]));
        // A call that puts a fence in its place has no note above it, but its line does.
        let is_fence = FENCES.iter().any(|call| lines[line].contains(call));
        let at = match note {
            _ if is_fence => line.checked_sub(1),
            note => note,
        };
        let at = at.ok_or_else(|| format!("{path}:{}: no note above {name}", line + 1))?;
        let indented = if is_fence { lines[line] } else { lines[at] };
        let indent = &indented[..indented.len() - indented.trim_start().len()];
        after.entry(at).or_default().push(format!("{indent}{LABEL}{name}"));
    }
    let mut labelled = String::new();
    for (at, line) in lines.iter().enumerate() {
        for line in std::iter::once(*line).chain(after.get(&at).into_iter().flatten().map(|l| &**l))
        {
            labelled += line;
            labelled.push('\n');
        }
    }
    Ok(labelled)
}

/// What the proofs say: names, with the orderings, and where.
fn said(proofs: &Tree) -> Vec<(String, String, String)> {
    let mut said = Vec::new();
    for (path, text) in proofs.iter().filter(|(p, _)| p.ends_with(".v") || p.ends_with(".pml")) {
        for (at, line) in text.lines().enumerate() {
            for rest in line.split("site: ").skip(1) {
                let mut words = rest.split_whitespace();
                let name = words.next().unwrap_or_default().to_owned();
                // Prose.
                if name.matches('.').count() < 2 {
                    continue;
                }
                let word = |word: &str| word.trim_end_matches([':', '.', ',', ';']).to_owned();
                let orderings = words.map(word).take_while(|w| ORDERINGS.contains(&&**w));
                let orderings = orderings.collect::<Vec<_>>().join(" ");
                said.push((name, orderings, format!("{path}:{}", at + 1)));
            }
        }
    }
    said
}

/// Are all accesses in the source named there, and in a proof, with the orderings that they have?
/// Does a proof name no other? Returns how many there are.
pub fn check(tree: &Tree, proofs: &Tree) -> Result<usize, String> {
    let mut accesses = Accesses::new();
    for (path, text) in sources(tree) {
        add(&mut accesses, path, text);
        if label(path, text)? != *text {
            return Err(format!("{path}: `cargo xtask label-sites` names what is not named"));
        }
    }
    compare(&accesses, proofs)
}

/// Orderings and places by name.
type Accesses = BTreeMap<String, (String, String)>;

fn add(accesses: &mut Accesses, path: &str, text: &str) {
    for Access { name, orderings, line } in accesses_of(path, text) {
        accesses.insert(name, (orderings, format!("{path}:{}", line + 1)));
    }
}

fn compare(accesses: &Accesses, proofs: &Tree) -> Result<usize, String> {
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for (name, orderings, place) in said(proofs) {
        match accesses.get(&name) {
            None => wrong.push(format!("{place}: there is no {name} in src/")),
            Some((actual, source)) if *actual != orderings => {
                wrong.push(format!("{name}: {actual} in {source}, {orderings} in {place}"));
            }
            Some(_) => {}
        }
        named.insert(name);
    }
    let unmodelled = proofs.get(UNMODELLED).ok_or_else(|| format!("no {UNMODELLED}"))?;
    let unmodelled = arguments(unmodelled)?;
    let excused: BTreeMap<&str, &str> =
        unmodelled.keys().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    for (name, (orderings, place)) in accesses {
        match (named.contains(name), excused.get(&**name)) {
            (false, None) => wrong.push(format!(
                "{place}: {name} {orderings} is in no proof, and {UNMODELLED} does not say why"
            )),
            (false, Some(said)) if said != orderings => {
                wrong.push(format!("{name}: {orderings} in {place}, {said} in {UNMODELLED}"));
            }
            (true, Some(_)) => wrong.push(format!("{name} is in a proof, and in {UNMODELLED}")),
            _ => {}
        }
    }
    for name in excused.keys().filter(|name| !accesses.contains_key(**name)) {
        wrong.push(format!("{UNMODELLED}: there is no {name} in src/"));
    }
    if wrong.is_empty() { Ok(accesses.len()) } else { Err(wrong.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{proofs, tree};
    use std::path::Path;

    const TEXT: &str = "fn f() {\n    // Acquire: why.\n    a.load(Ordering::Acquire);\n    \
        // Release: why. Relaxed on failure: why.\n    b[c].compare_exchange(\n        1,\n        \
        2,\n        Ordering::Release,\n        Ordering::Relaxed,\n    );\n    \
        // Relaxed: why.\n    a.load(Ordering::Relaxed);\n    self.fence.light(); // MF\n}\n\
        #[cfg(all(loom, x))]\nmod m {\n    a.load(Ordering::SeqCst)\n}\n\
        #[cfg(test)]\nmod t {\n    a.load(Ordering::SeqCst)\n}\n";

    #[test]
    fn accesses_have_names_and_orderings() {
        let found = accesses_of("src/x.rs", TEXT);
        let found: Vec<_> = found.iter().map(|a| (&*a.name, &*a.orderings, a.line)).collect();
        let expected = [
            ("x.f.load", "Acquire", 2),
            ("x.f.compare_exchange", "Release Relaxed", 7),
            ("x.f.load.2", "Relaxed", 11),
            ("x.f.light", "Fence", 12),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn labels_are_put_below_notes_and_taken_away_again() {
        let labelled = label("src/x.rs", TEXT).unwrap();
        assert_eq!(label("src/x.rs", &labelled).as_ref(), Ok(&labelled));
        assert_eq!(unlabelled(&labelled), TEXT);
        assert!(labelled.contains("    // Acquire: why.\n    // site: x.f.load\n    a.load"));
        assert!(labelled.contains("failure: why.\n    // site: x.f.compare_exchange\n    b[c]"));
        assert!(labelled.contains(");\n    // site: x.f.light\n    self.fence.light(); // MF"));
        assert!(label("src/x.rs", "fn f() {\n    a.load(Ordering::Acquire)\n}\n").is_err());
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn the_proofs_are_about_the_source() {
        let (sources, proofs) = (tree::read(root()).unwrap(), proofs::read(root()).unwrap());
        check(&sources, &proofs).unwrap_or_else(|wrong| panic!("{wrong}"));
    }

    /// Whatever ordering is changed in a copy of the source, and whatever access is added or
    /// removed, the check says so.
    #[test]
    fn a_changed_ordering_is_noticed() {
        let (sources, proofs) = (tree::read(root()).unwrap(), proofs::read(root()).unwrap());
        let mut tried = 0;
        for (path, text) in super::sources(&sources) {
            let mut others = Accesses::new();
            super::sources(&sources)
                .filter(|(other, _)| *other != path)
                .for_each(|(other, text)| add(&mut others, other, text));
            for access in accesses_of(path, text) {
                let line = text.lines().nth(access.line).unwrap();
                let changed = if access.orderings == "Fence" {
                    line.replace("self.fence.", "self.other.")
                } else if line.contains("Ordering::Relaxed") {
                    line.replace("Ordering::Relaxed", "Ordering::Release")
                } else {
                    let at = line.find("Ordering::").unwrap();
                    let word = |c: char| c.is_alphanumeric() || c == ':';
                    let length = line[at..].find(|c| !word(c)).unwrap_or(line.len() - at);
                    line.replacen(&line[at..at + length], "Ordering::Relaxed", 1)
                };
                assert_ne!(changed, line, "{}", access.name);
                let mut lines: Vec<&str> = text.lines().collect();
                lines[access.line] = &changed;
                let mut copy = others.clone();
                add(&mut copy, path, &(lines.join("\n") + "\n"));
                let noticed = compare(&copy, &proofs);
                let name = &access.name;
                assert!(noticed.is_err_and(|wrong| wrong.contains(&**name)), "{name} is not");
                tried += 1;
            }
        }
        assert!(tried > 100, "only {tried} were tried");
    }
}
