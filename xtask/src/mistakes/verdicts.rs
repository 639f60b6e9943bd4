//! Two kinds of wrong variants, and a table of verdicts for each: orderings made weaker, and known
//! mistakes, a patch each.
//!
//! A model must notice every one. For a weakened ordering there may be a reason in
//! `equivalent.txt` why none can: the orderings are as weak as they can be.

use std::collections::{BTreeMap, BTreeSet};

use super::campaign::{Extent, Variant, try_chosen};
use crate::run::command::program;
use crate::run::context::{Context, all_right, paths};
use crate::run::process::output_of;
use crate::source::lists::{reasons, rows, untried};
use crate::source::orderings::mutants;
use crate::source::patch::read_folder;
use crate::source::tree::{self, Tree};

/// A kind of variants.
pub struct Kind {
    /// The check that tries them.
    check: &'static str,
    table: &'static str,
    /// Has reasons why some live.
    reasons: Option<&'static str>,
    extent: Extent,
    /// What stands above the table, for `COMMIT` and `COUNTS`, and the first of its heading.
    head: &'static str,
    /// How many cells name a variant.
    named_by: usize,
    /// Returns the variants of the crate.
    variants: fn(&Context, &Tree) -> Result<Variants, String>,
}

/// Variants, and the first cells of their rows.
type Variants = Vec<(Variant, String)>;

/// Weakened orderings.
pub const ORDERINGS: Kind = Kind {
    check: "mutants",
    table: paths::ORDERINGS_TABLE,
    reasons: Some(paths::EQUIVALENT),
    extent: Extent::Full,
    head: "# Mutants of the orderings\n\n\
        Made by `cargo xtask verify mutants`, last from COMMIT: COUNTS. A mutant that\nwas not \
        asked for then keeps its row.\n\n\
        `equivalent.txt` has the reasons why some live. *Quick*: explored up to two preemptions. \
        Executions and\nseconds are those of the model that noticed, or the seconds that all \
        models took.\n\n| where | change",
    named_by: 2,
    variants: |_, base| {
        let variant = |mutant: crate::source::orderings::Mutant| {
            let (name, mut tree) = (mutant.key(), base.clone());
            tree.insert(mutant.file, mutant.text);
            (Variant { name, tree, hint: None }, format!("{} | {}", mutant.site, mutant.change))
        };
        Ok(mutants(base).into_iter().map(variant).collect())
    },
};

/// Known mistakes.
pub const KNOWN: Kind = Kind {
    check: "seeded",
    table: paths::MISTAKES_TABLE,
    reasons: None,
    extent: Extent::Quick,
    head: "# Known mistakes, and the models that notice them\n\n\
        Made by `cargo xtask verify seeded`, last from COMMIT: COUNTS. A mistake that\nwas not \
        asked for then keeps its row. Each is a patch in this folder.\n\n\
        *Quick*: explored up to two preemptions. Executions and seconds are those of the model \
        that noticed.\n\n| name | mistake | invariants",
    named_by: 1,
    variants: |context, base| {
        let mut variants = Vec::new();
        for mistake in read_folder(&context.root, paths::MISTAKES)? {
            let first = [&*mistake.name, &mistake.what, &mistake.invariants].join(" | ");
            let tree = mistake.applied(base)?;
            variants.push((Variant { name: mistake.name, tree, hint: mistake.killer }, first));
        }
        Ok(variants)
    },
};

const COLUMNS: &str = " | outcome | by | executions | seconds | what it said |\n";

impl Kind {
    /// Tries the variants that the user has chosen, and writes the table.
    pub fn run(&self, context: &Context) -> Result<(), String> {
        let base = tree::for_models(&context.root)?;
        let (variants, firsts): (Vec<Variant>, Vec<String>) =
            (self.variants)(context, &base)?.into_iter().unzip();
        let names: Vec<String> = variants.iter().map(|variant| variant.name.clone()).collect();
        let results = try_chosen(context, &base, variants, self.extent)?;

        // Where only some were asked for, the others keep the rows that they have.
        let old = context.read(self.table).unwrap_or_default();
        let kept = rows(&old, self.named_by).into_iter();
        let mut cells: BTreeMap<String, String> =
            kept.filter(|_| !context.options.names.is_empty()).collect();
        for (name, first) in names.iter().zip(&firsts) {
            if let Some(outcome) = results.outcomes.get(name) {
                let first = first.split(" | ").skip(self.named_by).map(str::to_owned);
                let all: Vec<String> = first.chain(outcome.cells()).collect();
                cells.insert(name.clone(), all.join(" | "));
            }
        }
        let untried = untried(context)?;
        let is_there = |name: &String| cells.contains_key(name) || untried.contains(name);
        if names.iter().all(is_there) {
            let names = names.iter().zip(&firsts);
            let text = self.text(
                &commit(context),
                names.filter_map(|(name, first)| {
                    let name_cells = first.split(" | ").take(self.named_by).collect::<Vec<_>>();
                    Some(format!("{} | {}", name_cells.join(" | "), cells.get(name)?))
                }),
            );
            if without_seconds(&text) != without_seconds(&old) {
                context.write(self.table, &text)?;
            }
        } else {
            println!("{} is left as it is: not all variants have been tried", self.table);
        }

        let reasons = self.reasons(context)?;
        let wrong = results.chosen.iter().filter_map(|name| {
            let Some(outcome) = results.outcomes.get(name) else {
                return Some(format!("{name} could not be tried"));
            };
            match (outcome.is_killed(), reasons.contains_key(name)) {
                (true, true) => Some(format!("{name} is killed: its reason to live is stale")),
                (false, false) => Some(format!("{name}: {outcome}, and there is no reason for it")),
                _ => None,
            }
        });
        all_right(wrong.collect())
    }

    /// Compares, without building anything, the table and the reasons with the source. Returns how
    /// many variants there are.
    pub fn check(&self, context: &Context) -> Result<usize, String> {
        let base = tree::for_models(&context.root)?;
        let found = (self.variants)(context, &base)?;
        let found: BTreeSet<String> = found.into_iter().map(|(variant, _)| variant.name).collect();
        let rows = rows(&context.read(self.table)?, self.named_by);
        let wrong = self.differences(&rows, &found, &untried(context)?, &self.reasons(context)?);
        let cure = format!("`cargo xtask verify {}` tries what is new", self.check);
        all_right(wrong).map(|()| found.len()).map_err(|wrong| format!("{wrong}\n{cure}"))
    }

    /// Returns where table, variants, and reasons do not agree.
    fn differences(
        &self,
        rows: &[(String, String)],
        found: &BTreeSet<String>,
        untried: &BTreeSet<String>,
        reasons: &BTreeMap<String, String>,
    ) -> Vec<String> {
        let (table, listed) = (self.table, rows.iter().map(|(name, _)| name.clone()));
        let listed: BTreeSet<String> = listed.collect();
        let missing = found.difference(&listed).filter(|name| !untried.contains(*name));
        let missing = missing.map(|name| format!("{table} does not have: {name}"));
        let gone = listed.iter().chain(reasons.keys()).filter(|name| !found.contains(*name));
        let gone = gone.map(|name| format!("no longer there: {name}"));
        let tried = listed.intersection(untried);
        let tried = tried.map(|name| format!("{} has what was tried: {name}", paths::UNTRIED));
        let verdicts = rows.iter().filter_map(|(name, cells)| {
            let is_killed = cells.split(" | ").any(|cell| cell == "killed");
            let is_right = is_killed != reasons.contains_key(name);
            (!is_right)
                .then(|| format!("{name}: killed, or a reason to live, expected one of both"))
        });
        missing.chain(gone).chain(tried).chain(verdicts).collect()
    }

    fn reasons(&self, context: &Context) -> Result<BTreeMap<String, String>, String> {
        let Some(file) = self.reasons else { return Ok(BTreeMap::new()) };
        reasons(&context.read(file)?).map_err(|reason| format!("{file}: {reason}"))
    }

    /// Returns the table with these rows.
    fn text(&self, commit: &str, rows: impl Iterator<Item = String>) -> String {
        let rows: Vec<String> = rows.collect();
        let count =
            |end: &str| rows.iter().filter(|row| row.contains(&format!(" | {end} | "))).count();
        let counts = ["killed", "survived", "timed out"];
        let counts = counts.map(|end| format!("{} {end}", count(end))).join(", ");
        let head = self.head.replace("COMMIT", commit).replace("COUNTS", &counts) + COLUMNS;
        let columns = head.lines().last().map_or(0, |line| line.matches(" | ").count() + 1);
        let rows = rows.iter().map(|row| format!("| {row} |\n"));
        head + "|" + &"---|".repeat(columns) + "\n" + &rows.collect::<String>()
    }
}

/// Returns a table's rows without the cell before the last: seconds alone are no news.
fn without_seconds(table: &str) -> Vec<String> {
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let row = |row: &str| {
        let mut cells: Vec<&str> = row.split(" | ").collect();
        cells.len().checked_sub(2).map(|at| cells.remove(at));
        cells.join(" | ")
    };
    rows.map(row).collect()
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

    fn row(site: &str, end: &str, seconds: &str) -> String {
        format!("{site} | A -> B | {end} | m | 7 | {seconds} | x")
    }

    #[test]
    fn a_table_says_what_it_is_about() {
        let text = |seconds| {
            let rows = [row("a.f.load", "survived", seconds), row("b.g.load", "killed", seconds)];
            ORDERINGS.text("commit 123", rows.into_iter())
        };
        assert!(text("1.0").contains("commit 123: 1 killed, 1 survived, 0 timed out."));
        let names: Vec<String> = rows(&text("1.0"), 2).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a.f.load A -> B", "b.g.load A -> B"]);
        assert_eq!(without_seconds(&text("1.0")), without_seconds(&text("2.0")));
        assert_ne!(without_seconds(&text("1.0")), without_seconds(""));
    }

    #[test]
    fn a_table_the_variants_and_the_reasons_must_agree() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let map =
            |names: &[&str]| names.iter().map(|n| ((*n).to_owned(), "so".to_owned())).collect();
        let rows = ["a", "b"].map(|name| (name.to_owned(), "killed | m".to_owned()));
        let wrong = |rows, found: &[&str], untried: &[&str], reasons: &[&str]| {
            KNOWN.differences(rows, &set(found), &set(untried), &map(reasons)).len()
        };
        assert_eq!(wrong(&rows, &["a", "b", "c"], &["c"], &[]), 0);
        assert_eq!(wrong(&rows, &["a", "b", "c"], &[], &[]), 1);
        assert_eq!(wrong(&rows, &["a"], &[], &[]), 1);
        assert_eq!(wrong(&rows, &["a", "b"], &["a"], &[]), 1);
        assert_eq!(wrong(&rows, &["a", "b"], &[], &["a", "d"]), 2);
        let lives = [("a".to_owned(), "survived | ".to_owned())];
        assert_eq!(wrong(&lives, &["a"], &[], &[]), 1);
        assert_eq!(wrong(&lives, &["a"], &[], &["a"]), 0);
    }
}
