//! The source with an ordering weakened: its mutants.
//!
//! Each atomic ordering becomes each weaker one, one at a time, and each call that puts a fence
//! of the handshake in its place is left out.

use std::collections::HashMap;

use super::lexer::{call_at, code_only, function_at, unmodeled};
use super::sites::is_sync;
use super::tree::Tree;
use crate::run::context::paths;

/// The source with one place changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutant {
    /// `world.rs enter gate.load`: stays the same when lines are added above.
    pub site: String,
    /// `Acquire -> Relaxed`
    pub change: String,
    /// The file, and all of its text.
    pub file: String,
    pub text: String,
}

impl Mutant {
    /// Returns its name in lists.
    pub fn key(&self) -> String {
        format!("{} {}", self.site, self.change)
    }
}

/// What each ordering is weakened to.
const WEAKER: [(&str, &[&str]); 4] = [
    ("Acquire", &["Relaxed"]),
    ("Release", &["Relaxed"]),
    ("AcqRel", &["Acquire", "Release"]),
    ("SeqCst", &["AcqRel"]),
];

/// The fences of the handshake that a model can do without.
const FENCES: [&str; 2] = ["self.fence.light(", "self.fence.heavy("];

/// Returns all mutants, file by file, from top to bottom.
pub fn mutants(tree: &Tree) -> Vec<Mutant> {
    let is_modeled =
        |path: &str| path.starts_with("src/") && !path.starts_with(paths::SYSTEM) && !is_sync(path);
    let sources = tree.iter().filter(|(path, _)| is_modeled(path));
    sources.flat_map(|(path, text)| mutants_of(path, text)).collect()
}

fn mutants_of(file: &str, text: &str) -> Vec<Mutant> {
    let code = code_only(text);
    let unmodeled = unmodeled(text, &code);
    let modeled = |(place, _): &(usize, &str)| !unmodeled.iter().any(|r| r.contains(place));
    let mut found = Vec::new();
    for (place, _) in code.match_indices("Ordering::").filter(modeled) {
        let start = place + "Ordering::".len();
        let weaker = WEAKER.iter().find(|(from, _)| code[start..].starts_with(from));
        let Some((from, weaker)) = weaker else { continue };
        let Some(access) = access_at(&code, place) else { continue };
        for to in *weaker {
            let change = format!("{from} -> {to}");
            found.push((place, access.clone(), change, start..start + from.len(), *to));
        }
    }
    for call in FENCES {
        for (place, _) in code.match_indices(call).filter(modeled) {
            let access = call["self.".len()..].trim_end_matches('(').to_owned();
            let end = code[place..].find(';').map_or(code.len(), |length| place + length + 1);
            found.push((place, access, "left out".to_owned(), place..end, ""));
        }
    }
    found.sort_by_key(|(place, ..)| *place);

    let short = file.strip_prefix("src/").unwrap_or(file);
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mutant = |(place, access, change, range, to): (_, _, String, _, &str)| {
        let mut site = format!("{short} {} {access}", function_at(&code, place));
        let count = seen.entry(format!("{site} {change}")).or_default();
        *count += 1;
        if *count > 1 {
            site += &format!("#{count}");
        }
        let mut text = text.to_owned();
        text.replace_range(range, to);
        Mutant { site, change, file: file.to_owned(), text }
    };
    found.into_iter().map(mutant).collect()
}

/// Returns what is accessed and how: `head.compare_exchange success`.
fn access_at(code: &str, place: usize) -> Option<String> {
    let (call, index) = call_at(code, place)?;
    Some(match index {
        2 if call.ends_with("compare_exchange") => format!("{call} success"),
        3 if call.ends_with("compare_exchange") => format!("{call} failure"),
        _ => call,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ordering_is_weakened_one_at_a_time() {
        let text = "fn f() {\n    a.load(Ordering::Acquire); // Ordering::Acquire\n    \
                    self.a.compare_exchange(1, 2, Ordering::AcqRel, Ordering::Acquire);\n    \
                    a.load(Ordering::Relaxed);\n    a.load(Ordering::Acquire);\n    \
                    self.fence.light(); // MF\n}\n#[cfg(test)]\nmod t { x(Ordering::Release) }\n";
        let tree = Tree::from([("src/a.rs".to_owned(), text.to_owned())]);
        let mutants = mutants(&tree);
        let keys: Vec<String> = mutants.iter().map(Mutant::key).collect();
        let expected = [
            "a.rs f a.load Acquire -> Relaxed",
            "a.rs f a.compare_exchange success AcqRel -> Acquire",
            "a.rs f a.compare_exchange success AcqRel -> Release",
            "a.rs f a.compare_exchange failure Acquire -> Relaxed",
            "a.rs f a.load#2 Acquire -> Relaxed",
            "a.rs f fence.light left out",
        ];
        assert_eq!(keys, expected);
        assert!(mutants[2].text.contains("(1, 2, Ordering::Release, Ordering::Acquire)"));
        assert!(mutants[5].text.contains("\n     // MF\n"));
    }
}
