//! Two kinds of wrong variants, and a table of verdicts for each: orderings made weaker, and known
//! mistakes, a patch each.
//!
//! A model must notice every one. For a weakened ordering there may be a reason in
//! `equivalent.txt` why none can: the orderings are as weak as they can be.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::campaign::{Campaign, Variant};
use crate::run::{Options, all_right, context, output_of, program};
use crate::source::{List, MISTAKES, Tree, mistakes, mutants, read_reasons, rows, tree};

/// The wrong variants that no table has yet.
const UNTRIED: &str = "loom-tests/mistakes/untried.txt";

pub struct Kind {
    check: &'static str,
    table: &'static str,
    /// Has reasons why some live.
    reasons: Option<&'static str>,
    is_full: bool,
    /// What stands above the table, for `COMMIT` and `COUNTS`, and the first of its heading.
    head: &'static str,
    /// How many cells name a variant.
    named_by: usize,
    variants: fn(&Tree) -> Result<Vec<Variant>>,
}

pub const ORDERINGS: Kind = Kind {
    check: "mutants",
    table: "loom-tests/mistakes/MUTANTS.md",
    reasons: Some("loom-tests/mistakes/equivalent.txt"),
    is_full: true,
    head: "# Mutants of the orderings\n\n\
        Made by `cargo xtask verify mutants`, last from COMMIT: COUNTS. A mutant that\nwas not \
        asked for then keeps its row.\n\n\
        `equivalent.txt` has the reasons why some live. *Quick*: explored up to two preemptions. \
        Executions and\nseconds are those of the model that noticed, or the seconds that all \
        models took.\n\n| where | change",
    named_by: 2,
    variants: |base| {
        let variant = |[site, change, file, text]: [String; 4]| {
            let (name, cells) = (format!("{site} {change}"), format!("{site} | {change}"));
            let mut tree = base.clone();
            tree.insert(file, text);
            Variant { name, cells, tree, hint: None }
        };
        Ok(mutants(base).into_iter().map(variant).collect())
    },
};

pub const KNOWN: Kind = Kind {
    check: "seeded",
    table: "loom-tests/mistakes/SEEDED.md",
    reasons: None,
    is_full: false,
    head: "# Known mistakes, and the models that notice them\n\n\
        Made by `cargo xtask verify seeded`, last from COMMIT: COUNTS. A mistake that\nwas not \
        asked for then keeps its row. Each is a patch in this folder.\n\n\
        *Quick*: explored up to two preemptions. Executions and seconds are those of the model \
        that noticed.\n\n| name | mistake | invariants",
    named_by: 1,
    variants: |base| {
        let mistakes = mistakes(MISTAKES)?.into_iter();
        let variants = mistakes.map(|mistake| {
            let cells = [&*mistake.name, &mistake.what, &mistake.invariants].join(" | ");
            let tree = mistake.applied(base)?;
            Ok(Variant { name: mistake.name, cells, tree, hint: mistake.killer })
        });
        variants.collect()
    },
};

const COLUMNS: &str = " | outcome | by | executions | seconds | what it said |\n";

impl Kind {
    /// Tries the variants that the user has chosen, writes the table, and checks it.
    pub fn run(&self, options: &Options) -> Result<()> {
        let base = tree::for_models()?;
        let variants = (self.variants)(&base)?;
        let chosen = options.choose(&variants, |variant| &variant.name)?;
        let campaign = Campaign { is_full: self.is_full };
        campaign.run(&base, &chosen, options.all)?;

        // Where only some were asked for, the others keep the rows that they have.
        let old = context::read(self.table).unwrap_or_default();
        let mut known = rows(&old, self.named_by);
        known.retain(|_, _| !options.names.is_empty());
        let row = |Variant { name, cells, tree, .. }: &Variant| match campaign.kept(tree) {
            Some(outcome) => Some(format!("{cells} | {}", outcome.cells().join(" | "))),
            None => known.get(name).cloned(),
        };
        let rows: Vec<String> = variants.iter().filter_map(row).collect();
        let text = self.text(&commit(), &rows);
        if without_seconds(&text) != without_seconds(&old) {
            context::write(self.table, &text)?;
        }
        self.check()
    }

    /// Compares, without building anything, the table and the reasons with the source. Says how
    /// many variants there are.
    pub fn check(&self) -> Result<()> {
        let found = (self.variants)(&tree::for_models()?)?.into_iter();
        let found: BTreeSet<String> = found.map(|variant| variant.name).collect();
        let (rows, untried) =
            (rows(&context::read(self.table)?, self.named_by), read_reasons(UNTRIED)?);
        let reasons = self.reasons.map_or(Ok(List::new()), read_reasons)?;
        let cure = format!("`cargo xtask verify {}` tries what is new", self.check);
        all_right(self.differences(&found, [&rows, &untried, &reasons])).context(cure)?;
        println!("cases: {} {}", self.check, found.len());
        Ok(())
    }

    /// Returns where table, variants, and reasons do not agree.
    fn differences(&self, found: &BTreeSet<String>, lists: [&List; 3]) -> Vec<String> {
        let [rows, untried, reasons] = lists;
        let is_missing = |name: &&String| !rows.contains_key(*name) && !untried.contains_key(*name);
        let missing = found.iter().filter(is_missing);
        let missing = missing.map(|name| format!("{} does not have: {name}", self.table));
        let gone = rows.keys().chain(reasons.keys()).filter(|name| !found.contains(*name));
        let gone = gone.map(|name| format!("no longer there: {name}"));
        let tried = rows.keys().filter(|name| untried.contains_key(*name));
        let tried = tried.map(|name| format!("{UNTRIED} has what was tried: {name}"));
        let is_killed = |row: &str| row.split(" | ").any(|cell| cell == "killed");
        let wrong = rows.iter().filter(|(name, row)| is_killed(row) == reasons.contains_key(*name));
        let wrong = wrong
            .map(|(name, _)| format!("{name}: killed, or a reason to live, expected one of both"));
        missing.chain(gone).chain(tried).chain(wrong).collect()
    }

    fn text(&self, commit: &str, rows: &[String]) -> String {
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
        let (row, last) = row.rsplit_once(" | ")?;
        Some(format!("{} {last}", row.rsplit_once(" | ")?.0))
    };
    rows.filter_map(row).collect()
}

/// Returns what the source is, for the head of a table.
pub fn commit() -> String {
    let git = |arguments| output_of(&program("git", arguments));
    let Ok(commit) = git("rev-parse --short HEAD") else {
        return "a tree without history".to_owned();
    };
    let changed = git("status --porcelain -- src loom-tests/*.rs");
    let is_changed = changed.is_ok_and(|list| !list.is_empty());
    format!("commit {commit}{}", if is_changed { " with changes" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_it_is_about() {
        let text = |seconds| {
            let row = |site, end| format!("{site} | A -> B | {end} | m | 7 | {seconds} | x");
            ORDERINGS.text("commit 123", &[row("a.f.load", "survived"), row("b.g.load", "killed")])
        };
        assert!(text("1.0").contains("commit 123: 1 killed, 1 survived, 0 timed out."));
        let names: Vec<String> = rows(&text("1.0"), 2).into_keys().collect();
        assert_eq!(names, ["a.f.load A -> B", "b.g.load A -> B"]);
        assert_eq!(without_seconds(&text("1.0")), without_seconds(&text("2.0")));
        assert_ne!(without_seconds(&text("1.0")), without_seconds(""));
    }

    #[test]
    fn a_table_the_variants_and_the_reasons_must_agree() {
        let map = |names: &[&str], text: &str| {
            names.iter().map(|name| ((*name).to_owned(), text.to_owned())).collect()
        };
        let wrong = |rows, found: &[&str], untried: &[&str], reasons: &[&str]| {
            let found = found.iter().map(|name| (*name).to_owned()).collect();
            KNOWN.differences(&found, [rows, &map(untried, "so"), &map(reasons, "so")]).len()
        };
        let rows = map(&["a", "b"], "killed | m");
        assert_eq!(wrong(&rows, &["a", "b", "c"], &["c"], &[]), 0);
        assert_eq!(wrong(&rows, &["a", "b", "c"], &[], &[]), 1);
        assert_eq!(wrong(&rows, &["a"], &[], &[]), 1);
        assert_eq!(wrong(&rows, &["a", "b"], &["a"], &[]), 1);
        assert_eq!(wrong(&rows, &["a", "b"], &[], &["a", "d"]), 2);
        let lives = map(&["a"], "survived | ");
        assert_eq!(wrong(&lives, &["a"], &[], &[]), 1);
        assert_eq!(wrong(&lives, &["a"], &[], &["a"]), 0);
    }
}
