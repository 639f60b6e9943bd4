//! The tables of what was tried: what is in them is kept where only some variants were asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::campaign::Results;
use crate::run::command::program;
use crate::run::context::{Context, paths};
use crate::run::process::output_of;
use crate::source::lists::{rows, untried};

/// Returns what is to be in the table behind each name: an outcome where there is one, else what
/// was there before. `None` if a variant would be missing that is to be there.
pub fn cells(
    context: &Context,
    old: &str,
    named_by: usize,
    names: &BTreeSet<String>,
    new: BTreeMap<String, String>,
) -> Result<Option<BTreeMap<String, String>>, String> {
    let kept = rows(old, named_by).into_iter().filter(|_| !context.options.names.is_empty());
    let mut cells: BTreeMap<String, String> = kept.collect();
    cells.extend(new);
    let untried = untried(context)?;
    let is_there = |name: &String| cells.contains_key(name) || untried.contains(name);
    Ok(names.iter().all(is_there).then_some(cells))
}

/// Says where a table's names are not those of the variants, apart from the untried.
pub fn differences(
    table: &str,
    listed: &BTreeSet<String>,
    found: &BTreeSet<String>,
    untried: &BTreeSet<String>,
) -> Vec<String> {
    let missing = found.difference(listed).filter(|name| !untried.contains(*name));
    let missing = missing.map(|name| format!("{table} does not have: {name}"));
    let gone = listed.difference(found);
    let gone = gone.map(|name| format!("{table} has what is no longer there: {name}"));
    let tried = listed.intersection(untried);
    let tried = tried.map(|name| format!("{} has what was tried: {name}", paths::UNTRIED));
    missing.chain(gone).chain(tried).collect()
}

/// Returns `a of b killed, …`.
pub fn totals(results: &Results) -> String {
    let count = |what| results.outcomes.values().filter(|o| o.cells()[0] == what).count();
    let [killed, survived, timed_out] = ["killed", "survived", "timed out"].map(count);
    format!("{killed} killed, {survived} survived, {timed_out} timed out")
}

/// Returns what the source is, for the head of a table.
pub fn commit(context: &Context) -> String {
    let git = |arguments| output_of(&program("git", arguments), &context.root);
    match git("rev-parse --short HEAD") {
        Ok(commit) => {
            let changed = git("status --porcelain -- src loom-tests/*.rs");
            let changed = changed.is_ok_and(|list| !list.is_empty());
            format!("commit {commit}{}", if changed { " with changes" } else { "" })
        }
        Err(_) => "a tree without history".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_the_variants_must_agree() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let (listed, found) = (set(&["a", "b"]), set(&["a", "c", "d"]));
        let wrong = differences("T", &listed, &found, &set(&["d", "a"]));
        assert_eq!(wrong[..2], ["T does not have: c", "T has what is no longer there: b"]);
        assert!(wrong[2].ends_with("has what was tried: a") && wrong.len() == 3);
    }
}
