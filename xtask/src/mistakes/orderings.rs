//! The orderings are as weak as they can be: a model notices every weaker one, or there is a reason
//! in `equivalent.txt` why none can.

use std::collections::{BTreeMap, BTreeSet};

use super::campaign::{Extent, Variant, try_chosen};
use super::table::{cells, commit, differences, totals};
use crate::run::context::{Context, all_right, paths};
use crate::source::lists::{reasons, rows, untried};
use crate::source::orderings::{Mutant, mutants};
use crate::source::tree::{self, Tree};

const TABLE: &str = paths::ORDERINGS_TABLE;

/// Tries the mutants whose names the user has chosen.
pub fn run(context: &Context) -> Result<(), String> {
    let base = tree::for_models(&context.root)?;
    let mutants = mutants(&base);
    let reasons = reasons(&context.read(paths::EQUIVALENT)?)?;
    let variants = mutants.iter().map(|mutant| variant(&base, mutant)).collect();
    let results = try_chosen(context, &base, variants, Extent::Full)?;

    let new = results.outcomes.iter().map(|(key, o)| (key.clone(), o.cells().join(" | ")));
    let names = mutants.iter().map(Mutant::key).collect();
    let old = context.read(TABLE).unwrap_or_default();
    match cells(context, &old, 2, &names, new.collect())? {
        Some(cells) => context.write(TABLE, &table(&commit(context), &mutants, &cells))?,
        None => println!("{TABLE} is left as it is: not all mutants have been tried"),
    }
    let wrong = results.chosen.iter().filter_map(|name| {
        match (results.outcomes.get(name), reasons.contains_key(name)) {
            (Some(outcome), true) if outcome.is_killed() => {
                Some(format!("{name} is killed: its reason in {} is stale", paths::EQUIVALENT))
            }
            (Some(outcome), false) if !outcome.is_killed() => {
                Some(format!("{name} lives, and {} has no reason for it", paths::EQUIVALENT))
            }
            (Some(_), _) => None,
            (None, _) => Some(format!("{name} could not be tried")),
        }
    });
    println!("{}", totals(&results));
    all_right(wrong.collect())
}

fn variant(base: &Tree, mutant: &Mutant) -> Variant {
    let mut tree = base.clone();
    tree.insert(mutant.file.clone(), mutant.text.clone());
    Variant { name: mutant.key(), tree, hint: None }
}

/// Compares, without building anything, the table and the reasons with the source. Returns how
/// many mutants there are.
pub fn check(context: &Context) -> Result<usize, String> {
    let found = mutants(&tree::for_models(&context.root)?);
    let found: BTreeSet<String> = found.iter().map(Mutant::key).collect();
    let rows = rows(&context.read(TABLE)?, 2);
    let listed: BTreeSet<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    let reasons = reasons(&context.read(paths::EQUIVALENT)?)?;
    let mut wrong = differences(TABLE, &listed, &found, &untried(context)?);
    for key in reasons.keys().filter(|key| !found.contains(*key)) {
        wrong.push(format!("{} has what is no longer there: {key}", paths::EQUIVALENT));
    }
    for (key, cells) in &rows {
        let outcome = outcome_in(cells);
        if (outcome != "killed") != reasons.contains_key(key) {
            let reasons = paths::EQUIVALENT;
            wrong.push(format!("{key}: {outcome} in {TABLE}, which does not fit {reasons}"));
        }
    }
    all_right(wrong)
        .map(|()| found.len())
        .map_err(|wrong| format!("{wrong}\n`cargo xtask verify mutants` tries what is new"))
}

/// Returns the table, from what is in the cells behind a mutant's name.
fn table(commit: &str, mutants: &[Mutant], cells: &BTreeMap<String, String>) -> String {
    let rows = || mutants.iter().filter_map(|mutant| Some((mutant, cells.get(&mutant.key())?)));
    let count = |what| rows().filter(|(_, cells)| outcome_in(cells) == what).count();
    let mut text = format!(
        "# Mutants of the orderings\n\n\
         Made by `cargo xtask verify mutants`, last from {commit}: {} killed, {} survived, {} \
         timed out. A mutant that\nwas not asked for then keeps its row.\n\n\
         `equivalent.txt` has the reasons why some live. *Quick*: explored up to two preemptions. \
         Executions and\nseconds are those of the model that noticed, or the seconds that all \
         models took.\n\n\
         | where | change | outcome | by | executions | seconds | what it said |\n\
         |---|---|---|---|---|---|---|\n",
        count("killed"),
        count("survived"),
        count("timed out"),
    );
    for (mutant, cells) in rows() {
        text += &format!("| {} | {} | {cells} |\n", mutant.site, mutant.change);
    }
    text
}

/// Returns what came of a mutant, from its cells.
fn outcome_in(cells: &str) -> &str {
    cells.split(" | ").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistakes::outcome::{End, Outcome};

    #[test]
    fn a_table_says_what_it_is_about() {
        let mutant = |site: &str| Mutant {
            site: site.to_owned(),
            change: "Acquire -> Relaxed".to_owned(),
            file: String::new(),
            text: String::new(),
        };
        let mutants = [mutant("a.rs f x.load"), mutant("b.rs g y.load")];
        let outcome = Outcome::new(End::Survived, 1.0);
        let cells = mutants.iter().map(|m| (m.key(), outcome.cells().join(" | "))).collect();
        let text = table("commit 123", &mutants, &cells);
        assert_eq!(rows(&text, 2).into_iter().collect::<BTreeMap<_, _>>(), cells);
        assert!(cells.values().all(|cells| outcome_in(cells) == "survived"));
        assert!(text.contains("commit 123: 0 killed, 2 survived, 0 timed out."));
    }
}
