//! The names of the atomic accesses in the source, and its mutants.
//!
//! A name is `file.function.operation`, with `.2` for the second of the kind in a function. The
//! file is its stem, or the folder's name for a `mod.rs`. Where that is another file's stem, it is
//! `folder_stem`, or `folder_mod`. The calls that put a fence in the handshake have names, too.
//!
//! A mutant is the source with an ordering weakened: each becomes each weaker one, one at a time,
//! and each call that puts a light or heavy fence in its place is left out.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::lexer::{call_at, code_only, function_at, left_out};
use super::tree::Tree;

/// The calls that put a fence in its place.
const FENCES: [&str; 3] = ["self.fence.light(", "self.fence.full(", "self.fence.heavy("];

/// What an access can be, or else a fence.
pub const ORDERINGS: [&str; 5] = ["Relaxed", "Acquire", "Release", "AcqRel", "SeqCst"];
pub const FENCE: &str = "Fence";

#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub name: String,
    /// `Release Relaxed`: in case of success, and of failure.
    pub orderings: String,
    pub path: String,
    pub line: usize,
    /// Where in the file its orderings are, or the call of its fence.
    pub places: Vec<Range<usize>>,
}

/// Returns `true` for the files through which atomics come.
pub fn is_sync(path: &str) -> bool {
    path.starts_with("src/sync/")
}

pub fn is_system(path: &str) -> bool {
    path.starts_with("src/sys/")
}

pub fn is_tests(path: &str) -> bool {
    path.ends_with("/tests.rs")
}

/// Returns all accesses in the crate as it is used, apart from the door to them.
pub fn sites(tree: &Tree) -> Vec<Site> {
    sites_on(tree, false)
}

/// Returns all accesses that models meet: with what is there for loom, without the system.
pub fn modeled_sites(tree: &Tree) -> Vec<Site> {
    let mut sites = sites_on(tree, true);
    sites.retain(|site| !is_system(&site.path));
    sites
}

fn sites_on(tree: &Tree, is_model: bool) -> Vec<Site> {
    let names = names(tree.keys());
    let files = tree.iter().filter(|(path, _)| !is_sync(path) && !is_tests(path));
    let named = files.filter_map(|(path, text)| Some((path, names.get(&**path)?, text)));
    named.flat_map(|(path, name, text)| sites_of(path, name, text, is_model)).collect()
}

/// Returns what the crate's files are called in names of accesses.
fn names<'p>(paths: impl Iterator<Item = &'p String>) -> BTreeMap<&'p str, String> {
    let parts = |path: &'p String| {
        let below = path.strip_prefix("src/")?.strip_suffix(".rs")?;
        let (folder, stem) = below.rsplit_once('/').unwrap_or(("src", below));
        Some((&**path, folder.rsplit('/').next()?, stem))
    };
    let paths: Vec<(&str, &str, &str)> = paths.filter_map(parts).collect();
    let count = |name: &str| paths.iter().filter(|(_, _, stem)| *stem == name).count();
    let name = |&(path, folder, stem): &(&'p str, &str, &str)| {
        let name = match stem {
            "mod" if count(folder) == 0 => folder.to_owned(),
            _ if count(stem) == 1 => stem.to_owned(),
            _ => format!("{folder}_{stem}"),
        };
        (path, name)
    };
    paths.iter().map(name).collect()
}

/// Returns the accesses of a file that is called so, from top to bottom.
fn sites_of(path: &str, file: &str, text: &str, is_model: bool) -> Vec<Site> {
    let code = code_only(text);
    let mut found: Vec<(Vec<Range<usize>>, &str)> = Vec::new();
    for (place, marker) in code.match_indices("Ordering::") {
        let start = place + marker.len();
        let ordering = ORDERINGS.iter().find(|ordering| code[start..].starts_with(**ordering));
        let (Some(ordering), Some((call, index))) = (ordering, call_at(&code, place)) else {
            continue;
        };
        let range = start..start + ordering.len();
        match found.last_mut() {
            Some((places, last)) if index == 3 && *last == call => places.push(range),
            _ => found.push((vec![range], call)),
        }
    }
    for call in FENCES {
        let operation = call.trim_start_matches("self.fence.").trim_end_matches('(');
        let places = code.match_indices(call).map(|(place, _)| place..place + call.len());
        found.extend(places.map(|place| (Vec::from([place]), operation)));
    }
    let left_out = left_out(text, &code, is_model);
    found.retain(|(places, _)| !left_out.iter().any(|range| range.contains(&places[0].start)));
    found.sort_by_key(|(places, _)| places[0].start);
    let mut seen: HashMap<String, u32> = HashMap::new();
    let site = |(places, operation): (Vec<Range<usize>>, &str)| {
        let start = places[0].start;
        let mut name = format!("{file}.{}.{operation}", function_at(&code, start));
        let count = seen.entry(name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            name += &format!(".{count}");
        }
        let orderings = places.iter().map(|place| &code[place.clone()]);
        let orderings = orderings.map(|word| if ORDERINGS.contains(&word) { word } else { FENCE });
        let orderings = orderings.collect::<Vec<_>>().join(" ");
        let line = code[..start].matches('\n').count() + 1;
        Site { name, orderings, path: path.to_owned(), line, places }
    };
    found.into_iter().map(site).collect()
}

const WEAKER: [(&str, &[&str]); 4] = [
    ("Acquire", &["Relaxed"]),
    ("Release", &["Relaxed"]),
    ("AcqRel", &["Acquire", "Release"]),
    ("SeqCst", &["AcqRel"]),
];

/// Returns all mutants, file by file, from top to bottom: the access, the change as in
/// `Acquire -> Relaxed`, the file, and all of its text.
pub fn mutants(tree: &Tree) -> Vec<[String; 4]> {
    let mut mutants = Vec::new();
    for site in modeled_sites(tree) {
        let text = &tree[&site.path];
        let mut add = |change: String, place: Range<usize>, to: &str| {
            let mut wrong = text.clone();
            wrong.replace_range(place, to);
            mutants.push([site.name.clone(), change, site.path.clone(), wrong]);
        };
        for (at, place) in site.places.iter().enumerate() {
            let from = &text[place.clone()];
            let on_failure = if at > 0 { " on failure" } else { "" };
            let weaker = WEAKER.iter().filter(|(ordering, _)| *ordering == from);
            for to in weaker.flat_map(|(_, weaker)| *weaker) {
                add(format!("{from} -> {to}{on_failure}"), place.clone(), to);
            }
            if ["self.fence.light(", "self.fence.heavy("].contains(&from) {
                let length = text[place.start..].find(';').map_or(0, |length| length + 1);
                add("left out".to_owned(), place.start..place.start + length, "");
            }
        }
    }
    mutants
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "fn f() {\n    // Acquire: why.\n    a.load(Ordering::Acquire);\n    \
        // AcqRel: why. Acquire on failure: why.\n    b[c].compare_exchange(\n        1,\n        \
        2,\n        Ordering::AcqRel,\n        Ordering::Acquire,\n    );\n    \
        // Relaxed: why.\n    a.load(Ordering::Relaxed);\n    self.fence.light(); // MF\n}\n\
        #[cfg(all(loom, x))]\nmod m {\n    fn g() { a.load(Ordering::SeqCst) }\n}\n\
        #[cfg(test)]\nmod t {\n    a.load(Ordering::SeqCst)\n}\n";

    #[test]
    fn accesses_have_names_and_are_weakened_one_at_a_time() {
        let tree = Tree::from([("src/x.rs".to_owned(), TEXT.to_owned())]);
        let found = sites(&tree);
        let found: Vec<_> = found.iter().map(|a| (&*a.name, &*a.orderings, a.line)).collect();
        let expected = [
            ("x.f.load", "Acquire", 3),
            ("x.f.compare_exchange", "AcqRel Acquire", 8),
            ("x.f.load.2", "Relaxed", 12),
            ("x.f.light", "Fence", 13),
        ];
        assert_eq!(found, expected);
        let mutants = mutants(&tree);
        let names: Vec<String> = mutants.iter().map(|mutant| mutant[..2].join(" ")).collect();
        let expected = [
            "x.f.load Acquire -> Relaxed",
            "x.f.compare_exchange AcqRel -> Acquire",
            "x.f.compare_exchange AcqRel -> Release",
            "x.f.compare_exchange Acquire -> Relaxed on failure",
            "x.f.light left out",
            "x.g.load SeqCst -> AcqRel",
        ];
        assert_eq!(names, expected);
        assert!(mutants[2][3].contains("        Ordering::Release,\n        Ordering::Acquire,"));
        assert!(mutants[4][3].contains("\n     // MF\n"));
    }

    #[test]
    fn a_file_is_called_what_nothing_else_is() {
        let paths = ["a/a.rs", "a/mod.rs", "bits/mod.rs", "bits/word.rs", "lib.rs", "slab/word.rs"];
        let tree: Tree = paths.map(|path| (format!("src/{path}"), String::new())).into();
        let names: Vec<String> = names(tree.keys()).into_values().collect();
        assert_eq!(names, ["a", "a_mod", "bits", "bits_word", "lib", "slab_word"]);
    }
}
