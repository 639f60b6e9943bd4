//! Known mistakes, a patch each in `loom-tests/mistakes/`: a model must notice every one.

use std::collections::{BTreeMap, BTreeSet};

use super::campaign::{Extent, Variant, try_chosen};
use super::outcome::Outcome;
use super::table::{cells, commit, differences};
use crate::run::context::{Context, all_right, paths};
use crate::source::lists::{rows, untried};
use crate::source::patch::{Mistake, read_folder};
use crate::source::tree;

const TABLE: &str = paths::MISTAKES_TABLE;

/// Tries the mistakes whose names the user has chosen.
pub fn run(context: &Context) -> Result<(), String> {
    let base = tree::for_models(&context.root)?;
    let mistakes = read_folder(&context.root, paths::MISTAKES)?;
    let mut variants = Vec::new();
    for mistake in &mistakes {
        let (name, hint) = (mistake.name.clone(), mistake.killer.clone());
        variants.push(Variant { name, tree: mistake.applied(&base)?, hint });
    }
    let results = try_chosen(context, &base, variants, Extent::Quick)?;

    let with_outcome = |mistake: &Mistake| {
        let outcome = results.outcomes.get(&mistake.name)?;
        Some((mistake.name.clone(), row(mistake, outcome)))
    };
    let names = names(&mistakes);
    let old = context.read(TABLE).unwrap_or_default();
    let new = mistakes.iter().filter_map(with_outcome).collect();
    if let Some(mut cells) = cells(context, &old, 1, &names, new)? {
        cells.retain(|name, _| names.contains(name));
        if !says_the_same(&old, &cells) {
            context.write(TABLE, &table(&commit(context), &cells))?;
        }
    }
    let wrong = results.chosen.iter().filter_map(|name| match results.outcomes.get(name) {
        Some(outcome) if outcome.is_killed() => None,
        Some(outcome) => Some(format!("{name} goes unnoticed: {outcome}")),
        None => Some(format!("{name} could not be tried")),
    });
    all_right(wrong.collect())
}

/// Checks, without building anything, that all mistakes can be made, and are in the table as
/// noticed. Returns how many there are.
pub fn check(context: &Context) -> Result<usize, String> {
    let base = tree::for_models(&context.root)?;
    let mistakes = read_folder(&context.root, paths::MISTAKES)?;
    let mut wrong: Vec<String> = mistakes.iter().filter_map(|m| m.applied(&base).err()).collect();
    let rows = rows(&context.read(TABLE)?, 1);
    let listed = rows.iter().map(|(name, _)| name.clone()).collect();
    wrong.extend(differences(TABLE, &listed, &names(&mistakes), &untried(context)?));
    for (name, _) in rows.iter().filter(|(_, cells)| is_unnoticed(cells)) {
        wrong.push(format!("{TABLE} has a mistake that goes unnoticed: {name}"));
    }
    all_right(wrong)
        .map(|()| mistakes.len())
        .map_err(|wrong| format!("{wrong}\n`cargo xtask verify seeded` tries what is new"))
}

fn names(mistakes: &[Mistake]) -> BTreeSet<String> {
    mistakes.iter().map(|mistake| mistake.name.clone()).collect()
}

/// Returns what is in the table behind a mistake's name.
fn row(mistake: &Mistake, outcome: &Outcome) -> String {
    let [result, model, executions, seconds, message] = outcome.cells();
    let Mistake { what, invariants, .. } = mistake;
    [&**what, invariants, &result, &model, &message, &executions, &seconds].join(" | ")
}

fn table(commit: &str, cells: &BTreeMap<String, String>) -> String {
    let rows: String =
        cells.iter().map(|(name, cells)| format!("| {name} | {cells} |\n")).collect();
    format!(
        "# Known mistakes, and the models that notice them\n\n\
         Made by `cargo xtask verify seeded`, last from {commit}; a mistake that was not asked for \
         then keeps its row.\nEach is a patch in this folder. *Quick*: explored up to two \
         preemptions. Executions and seconds are those of the\nmodel that noticed.\n\n\
         | name | mistake | invariants | outcome | by | what it said | executions | seconds |\n\
         |---|---|---|---|---|---|---|---|\n{rows}"
    )
}

/// Returns `true` if the rows differ from a table's in seconds at most: no news.
fn says_the_same(old: &str, cells: &BTreeMap<String, String>) -> bool {
    let without_seconds = |cells: &str| cells.rsplitn(2, " | ").last().map(str::to_owned);
    let old = rows(old, 1);
    let old = old.iter().map(|(name, cells)| (name, without_seconds(cells)));
    old.eq(cells.iter().map(|(name, cells)| (name, without_seconds(cells))))
}

/// Returns `true` if a row's cells say that the mistake was not noticed.
fn is_unnoticed(cells: &str) -> bool {
    cells.split(" | ").nth(2) != Some("killed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mistakes::outcome::End;

    #[test]
    fn a_row_says_whether_the_mistake_was_noticed() {
        assert!(!is_unnoticed("b | 1 | killed | c"));
        assert!(is_unnoticed("b | 1 | survived | c"));
    }

    #[test]
    fn seconds_alone_are_no_news() {
        let text = "A mistake.\n\ninvariant: 3\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n";
        let mistake = Mistake::read("name", text).unwrap_or_else(|wrong| panic!("{wrong}"));
        let killed = |seconds, executions| {
            let (model, message) = ("a::b".to_owned(), "Invariant 3".to_owned());
            let executions = Some(executions);
            let outcome =
                Outcome { model, executions, message, ..Outcome::new(End::Killed, seconds) };
            BTreeMap::from([("name".to_owned(), row(&mistake, &outcome))])
        };
        let old = table("commit 1", &killed(1.0, 7));
        assert_eq!(rows(&old, 1).len(), 1);
        assert!(says_the_same(&old, &killed(2.0, 7)));
        assert!(!says_the_same(&old, &killed(1.0, 8)));
        assert!(!says_the_same("", &killed(1.0, 7)));
    }
}
