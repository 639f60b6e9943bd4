//! What the proofs say of the atomic accesses in the source.
//!
//! In a proof a comment `site: NAME ORDERING` names an access, with two orderings where it has two.
//! `cargo xtask sites` prints the names.

use std::collections::BTreeMap;

use anyhow::Result;
use regex_lite::Regex;

use crate::run::all_right;
use crate::source::{Site, Tree, read_reasons};

/// The accesses that no proof is about, and why.
const UNMODELED: &str = "proofs/unmodelled.txt";

/// Returns what the proofs say: names with their orderings, and where they are.
fn said(proofs: &Tree) -> Result<BTreeMap<String, String>> {
    // A name with a single dot is prose.
    let note = r"site: (\w+\.\w+\.[\w.]*\w(?: (?:Relaxed|Acquire|Release|AcqRel|SeqCst|Fence)\b)*)";
    let note = Regex::new(note)?;
    let mut said = BTreeMap::new();
    for (path, text) in proofs.iter().filter(|(p, _)| p.ends_with(".v") || p.ends_with(".pml")) {
        for (at, line) in text.lines().enumerate().filter(|(_, line)| line.contains("site: ")) {
            let found = note.captures_iter(line).map(|found| found[1].to_owned());
            said.extend(found.map(|access| (access, format!("{path}:{}", at + 1))));
        }
    }
    Ok(said)
}

/// Checks that all accesses in the source are named in a proof, with the orderings that they have,
/// and no others. Returns how many there are.
pub fn check(sites: &[Site], proofs: &Tree) -> Result<usize> {
    let (said, excused) = (said(proofs)?, read_reasons(UNMODELED)?);
    let access = |site: &Site| format!("{} {}", site.name, site.orderings);
    let by_name: BTreeMap<String, &Site> = sites.iter().map(|site| (access(site), site)).collect();
    let places = excused.keys().map(|access| (access, UNMODELED));
    let places = places.chain(said.iter().map(|(access, place)| (access, &**place)));
    let strange = places.filter(|(access, _)| !by_name.contains_key(*access));
    let strange =
        strange.map(|(access, place)| format!("{place}: `{access}` is not in the source"));
    let mut wrong: Vec<String> = strange.collect();
    for (access, Site { path, line, .. }) in &by_name {
        match (said.contains_key(access), excused.contains_key(access)) {
            (false, false) => wrong.push(format!(
                "{path}:{line}: `{access}` is in no proof, and {UNMODELED} has no reason"
            )),
            (true, true) => wrong.push(format!("`{access}` is in a proof, and in {UNMODELED}")),
            _ => {}
        }
    }
    all_right(wrong).map(|()| sites.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proofs::texts;
    use crate::source::sites::{FENCE, sites};
    use crate::source::tree::crate_only;

    /// The proofs are about the source. Whatever ordering is changed in a copy of it, and whatever
    /// access is added or removed, the check says so.
    #[test]
    fn a_changed_ordering_is_noticed() {
        let (sources, proofs) = (crate_only().unwrap(), texts::read().unwrap());
        let all = sites(&sources);
        check(&all, &proofs).unwrap_or_else(|wrong| panic!("{wrong}"));
        // The names of the files are needed, not their texts.
        let names: Tree = sources.keys().map(|path| (path.clone(), String::new())).collect();
        for Site { name, orderings, path, places, .. } in &all {
            let (mut text, place) = (sources[path].clone(), places[0].clone());
            let other = match &**orderings {
                FENCE => "self.other.light(",
                orderings if orderings.starts_with("Relaxed") => "Release",
                _ => "Relaxed",
            };
            text.replace_range(place, other);
            let mut wrong = names.clone();
            wrong.insert(path.clone(), text);
            let others = all.iter().filter(|site| site.path != *path).cloned();
            let wrong: Vec<Site> = others.chain(sites(&wrong)).collect();
            let noticed = check(&wrong, &proofs).map_err(|wrong| wrong.to_string());
            assert!(noticed.is_err_and(|wrong| wrong.contains(&**name)), "{name} is not");
        }
        assert!(all.len() > 100, "only {} were tried", all.len());
    }
}
