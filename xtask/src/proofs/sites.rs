//! What the proofs say of the atomic accesses in the source.
//!
//! In a proof a comment `site: NAME ORDERING` names an access, with two orderings where it has two.
//! `cargo xtask sites` prints the names.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::texts::text;
use crate::run::context::{all_right, paths};
use crate::source::lists::reasons;
use crate::source::sites::{FENCE, ORDERINGS, Site};
use crate::source::tree::Tree;

/// The accesses that no proof is about, and why.
const UNMODELED: &str = paths::UNMODELED;

/// Returns what the proofs say: names, with the orderings, and where.
fn said(proofs: &Tree) -> Vec<(String, String, String)> {
    let mut said = Vec::new();
    for (path, text) in proofs.iter().filter(|(p, _)| p.ends_with(".v") || p.ends_with(".pml")) {
        let lines = text.lines().enumerate();
        for (at, rest) in lines.flat_map(|(at, l)| l.split("site: ").skip(1).map(move |r| (at, r)))
        {
            let mut words = rest.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            // Else it is prose.
            if name.matches('.').count() >= 2 {
                let word = words.map(|word| word.trim_end_matches([':', '.', ',', ';']));
                let orderings = word.take_while(|w| ORDERINGS.contains(w) || *w == FENCE);
                let orderings = orderings.collect::<Vec<_>>().join(" ");
                said.push((name, orderings, format!("{path}:{}", at + 1)));
            }
        }
    }
    said
}

/// Checks that all accesses in the source are named in a proof, with the orderings that they have,
/// and no others. Returns how many there are.
pub fn check(sites: &[Site], proofs: &Tree) -> Result<usize> {
    let by_name: BTreeMap<&str, &Site> = sites.iter().map(|site| (&*site.name, site)).collect();
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for (name, orderings, place) in said(proofs) {
        match by_name.get(&*name) {
            None => wrong.push(format!("{place}: there is no {name} in the source")),
            Some(Site { orderings: actual, path, line, .. }) if *actual != orderings => {
                wrong.push(format!("{name}: {actual} in {path}:{line}, {orderings} in {place}"));
            }
            Some(_) => {}
        }
        named.insert(name);
    }
    let unmodeled = reasons(UNMODELED, text(proofs, UNMODELED)?)?;
    let excused: BTreeMap<&str, &str> =
        unmodeled.keys().map(|line| line.split_once(' ').unwrap_or((line, ""))).collect();
    for Site { name, orderings, path, line, .. } in sites {
        match (named.contains(name), excused.get(&**name)) {
            (false, None) => wrong.push(format!(
                "{path}:{line}: {name} {orderings} is in no proof, and {UNMODELED} has no reason"
            )),
            (false, Some(said)) if said != orderings => {
                wrong.push(format!("{name}: {orderings} in {path}:{line}, {said} in {UNMODELED}"));
            }
            (true, Some(_)) => wrong.push(format!("{name} is in a proof, and in {UNMODELED}")),
            _ => {}
        }
    }
    for name in excused.keys().filter(|name| !by_name.contains_key(**name)) {
        wrong.push(format!("{UNMODELED}: there is no {name} in the source"));
    }
    all_right(wrong).map(|()| sites.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proofs::texts;
    use crate::source::sites::sites;
    use crate::source::tree::crate_only;

    fn sources_and_proofs() -> (Tree, Tree) {
        (crate_only().unwrap(), texts::read().unwrap())
    }

    #[test]
    fn the_proofs_are_about_the_source() {
        let (sources, proofs) = sources_and_proofs();
        check(&sites(&sources), &proofs).unwrap_or_else(|wrong| panic!("{wrong}"));
    }

    /// Whatever ordering is changed in a copy of the source, and whatever access is added or
    /// removed, the check says so.
    #[test]
    fn a_changed_ordering_is_noticed() {
        let (sources, proofs) = sources_and_proofs();
        let all = sites(&sources);
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
            let noticed = check(&wrong, &proofs);
            assert!(
                noticed.is_err_and(|wrong| wrong.to_string().contains(&**name)),
                "{name} is not"
            );
        }
        assert!(all.len() > 100, "only {} were tried", all.len());
    }
}
