//! The source with an ordering weakened: its mutants.
//!
//! Each atomic ordering becomes each weaker one, one at a time, and each call that puts a light or
//! heavy fence of the handshake in its place is left out.

use super::sites::modeled_sites;
use super::tree::Tree;

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
        let mut add = |change: String, place: std::ops::Range<usize>, to: &str| {
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

    #[test]
    fn every_ordering_is_weakened_one_at_a_time() {
        let text = "fn f() {\n    a.load(Ordering::Acquire); // Ordering::Acquire\n    \
                    self.a.compare_exchange(1, 2, Ordering::AcqRel, Ordering::Acquire);\n    \
                    a.load(Ordering::Relaxed);\n    a.load(Ordering::Acquire);\n    \
                    self.fence.light(); // MF\n}\n#[cfg(test)]\nmod t { x(Ordering::Release) }\n";
        let tree = Tree::from([("src/a.rs".to_owned(), text.to_owned())]);
        let mutants = mutants(&tree);
        let names: Vec<String> = mutants.iter().map(|mutant| mutant[..2].join(" ")).collect();
        let expected = [
            "a.f.load Acquire -> Relaxed",
            "a.f.compare_exchange AcqRel -> Acquire",
            "a.f.compare_exchange AcqRel -> Release",
            "a.f.compare_exchange Acquire -> Relaxed on failure",
            "a.f.load.3 Acquire -> Relaxed",
            "a.f.light left out",
        ];
        assert_eq!(names, expected);
        assert!(mutants[2][3].contains("(1, 2, Ordering::Release, Ordering::Acquire)"));
        assert!(mutants[5][3].contains("\n     // MF\n"));
    }
}
