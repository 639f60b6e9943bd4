//! Known mistakes, one file each in `loom-tests/seeded/`: every one must be noticed by a model.
//!
//! ```text
//! The mistake in one line.
//!
//! Where it has been seen, and what comes of it.
//!
//! invariant: 3
//! killer: allocator::double_free
//!
//! --- src/memory.rs
//! <<<<
//! the text that is there, once
//! ====
//! the text that takes its place
//! >>>>
//! ```
//!
//! `killer` is a hint, and may be left out: the test that is tried first.

use std::fs;

use crate::campaign::{Campaign, Extent, Variant};
use crate::mutants::{commit, is_chosen, untried};
use crate::outcome::Outcome;
use crate::proofs::unlabelled;
use crate::tree::{self, Tree};
use crate::verify::Setup;

/// The table that is written.
const TABLE: &str = "loom-tests/SEEDED.md";

/// Where the mistakes are.
const FOLDER: &str = "loom-tests/seeded";

/// A mistake, ready to be made.
pub struct Seed {
    pub name: String,
    pub what: String,
    pub invariant: String,
    pub killer: Option<String>,
    edits: Vec<Edit>,
}

impl Seed {
    /// The files that it is made in.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.edits.iter().map(|edit| &*edit.file)
    }
}

/// A replacement in a file.
#[derive(Debug, Default, PartialEq)]
struct Edit {
    file: String,
    old: String,
    new: String,
}

/// Tries all mistakes whose names contain one of the filters. With `again`, what is known of them
/// is forgotten first.
pub fn run(setup: &Setup, again: bool, filters: &[String]) -> Result<(), String> {
    let base = tree::read(&setup.root)?;
    let seeds = read_all(setup)?;
    let campaign = Campaign::new(setup)?;
    let mut all = Vec::new();
    for seed in &seeds {
        let (name, hint) = (seed.name.clone(), seed.killer.clone());
        all.push(Variant { name, tree: seed.applied(&base)?, hint });
    }
    let (chosen, others): (Vec<Variant>, Vec<Variant>) =
        all.into_iter().partition(|variant| is_chosen(&variant.name, filters));
    if chosen.is_empty() {
        return Err("no mistake has such a name".to_owned());
    }
    if again {
        chosen.iter().for_each(|variant| campaign.forget(variant, Extent::Quick));
    }
    campaign.run(&base, &chosen, Extent::Quick)?;

    // Where only some were asked for, the others keep the rows that they have.
    let file = setup.root.join(TABLE);
    let old = fs::read_to_string(&file).unwrap_or_default();
    let old_row = |name: &str| {
        let is_it = |line: &&str| names(&format!("| \n{line}")).eq([name]);
        old.lines().find(is_it).filter(|_| !filters.is_empty()).map(|line| format!("{line}\n"))
    };
    let mut rows = Vec::new();
    for seed in &seeds {
        let variant = chosen.iter().chain(&others).find(|variant| variant.name == seed.name);
        let outcome = variant.and_then(|variant| campaign.kept(variant, Extent::Quick));
        rows.extend(outcome.map(|outcome| row(seed, &outcome)).or_else(|| old_row(&seed.name)));
    }
    let untried = untried(setup)?;
    let wanted = seeds.iter().filter(|seed| !untried.contains(&seed.name)).count();
    if rows.len() == wanted && !says_the_same(&old, &rows) {
        let text = table(&commit(setup), &rows);
        fs::write(&file, text).map_err(|error| format!("{TABLE}: {error}"))?;
    }
    let mut wrong = Vec::new();
    for variant in &chosen {
        match campaign.kept(variant, Extent::Quick) {
            Some(outcome) if outcome.is_killed() => {}
            Some(outcome) => wrong.push(format!("{} goes unnoticed: {outcome}", variant.name)),
            None => wrong.push(format!("{} could not be tried", variant.name)),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Are all mistakes still possible, and in the table? Builds nothing. Returns how many there are.
pub fn check(setup: &Setup) -> Result<usize, String> {
    let base = tree::read(&setup.root)?;
    let seeds = read_all(setup)?;
    for seed in &seeds {
        seed.applied(&base)?;
    }
    let table = tree::read_file(&setup.root, TABLE)?;
    if let Some(row) = table.lines().find(|line| line.starts_with("| ") && is_unnoticed(line)) {
        return Err(format!("{TABLE} has a mistake that goes unnoticed: {row}"));
    }
    let listed: Vec<&str> = names(&table).collect();
    let untried = untried(setup)?;
    let found = seeds.iter().map(|seed| &*seed.name).filter(|name| !untried.contains(*name));
    let found: Vec<&str> = found.collect();
    if listed == found {
        return Ok(seeds.len());
    }
    let missing: Vec<&str> = found.iter().filter(|name| !listed.contains(name)).copied().collect();
    let gone: Vec<&str> = listed.iter().filter(|name| !found.contains(name)).copied().collect();
    Err(format!(
        "{TABLE} lacks [{}] and has [{}]; `cargo xtask verify seeded` brings it up to date",
        missing.join(", "),
        gone.join(", ")
    ))
}

/// All known mistakes, by name.
pub fn read_all(setup: &Setup) -> Result<Vec<Seed>, String> {
    let folder = setup.root.join(FOLDER);
    let entries = fs::read_dir(&folder).map_err(|error| format!("{FOLDER}: {error}"))?;
    let mut seeds = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(name) = name.strip_suffix(".txt") {
            let text = tree::read_file(&folder, &format!("{name}.txt"))?;
            seeds.push(Seed::read(name, &text).map_err(|reason| format!("{name}: {reason}"))?);
        }
    }
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seeds)
}

/// The part of a seed's file that a line belongs to.
#[derive(PartialEq)]
enum Part {
    Prose,
    Between,
    Old,
    New,
}

impl Seed {
    pub fn read(name: &str, text: &str) -> Result<Self, String> {
        let what = text.lines().next().unwrap_or_default().trim().to_owned();
        let (mut invariant, mut killer) = (None, None);
        let mut edits = Vec::new();
        let mut edit = Edit::default();
        let mut part = Part::Prose;
        for line in text.lines() {
            match (&part, line) {
                (Part::Prose | Part::Between, _) if line.starts_with("--- ") => {
                    edit.file = line["--- ".len()..].trim().to_owned();
                    part = Part::Between;
                }
                (Part::Prose, _) => {
                    if let Some(value) = line.strip_prefix("invariant: ") {
                        invariant = Some(value.to_owned());
                    } else if let Some(value) = line.strip_prefix("killer: ") {
                        killer = Some(value.to_owned());
                    }
                }
                (Part::Between, "<<<<") => part = Part::Old,
                (Part::Between, "") => {}
                (Part::Old, "====") => part = Part::New,
                (Part::New, ">>>>") => {
                    let file = edit.file.clone();
                    edits.push(std::mem::replace(&mut edit, Edit { file, ..Edit::default() }));
                    part = Part::Between;
                }
                (Part::Old, _) => edit.old += &format!("{line}\n"),
                (Part::New, _) => edit.new += &format!("{line}\n"),
                (Part::Between, _) => return Err(format!("what is this? {line}")),
            }
        }
        if part != Part::Between || edits.is_empty() {
            return Err("no complete replacement".to_owned());
        }
        let invariant = invariant.ok_or("no invariant is said to be broken")?;
        Ok(Self { name: name.to_owned(), what, invariant, killer, edits })
    }

    /// The crate with this mistake in it.
    pub fn applied(&self, base: &Tree) -> Result<Tree, String> {
        let mut tree = base.clone();
        for Edit { file, old, new } in &self.edits {
            let stale = |reason: &str| format!("{} is stale: {file} {reason}", self.name);
            let text = tree.get_mut(file).ok_or_else(|| stale("is gone"))?;
            // Names of accesses are no part of the source that mistakes are made in.
            *text = unlabelled(text);
            match text.matches(old.as_str()).count() {
                1 => *text = text.replace(old.as_str(), new),
                count => return Err(stale(&format!("has {count} times:\n{old}"))),
            }
        }
        Ok(tree)
    }
}

fn row(seed: &Seed, outcome: &Outcome) -> String {
    let [result, model, executions, seconds, message] = outcome.cells();
    format!(
        "| {} | {} | {} | {result} | {model} | {message} | {executions} | {seconds} |\n",
        seed.name, seed.what, seed.invariant,
    )
}

fn table(commit: &str, rows: &[String]) -> String {
    format!(
        "# Known mistakes, and who notices\n\n\
         Made by `cargo xtask verify seeded`, last from {commit}; a mistake that was not asked for \
         then keeps its row.\nEach is a file in `seeded/`. *Quick*: explored up to two \
         preemptions. Executions and seconds are those of the\nmodel that noticed.\n\n\
         | name | mistake | invariants | outcome | by | what it said | executions | seconds |\n\
         |---|---|---|---|---|---|---|---|\n{}",
        rows.concat(),
    )
}

/// Do the rows differ from a table's in seconds at most? Then there is nothing to be told.
fn says_the_same(old: &str, rows: &[String]) -> bool {
    let without_seconds = |row: &str| row.rsplitn(2, " | ").last().map(str::to_owned);
    let old = old.lines().filter(|line| line.starts_with("| ")).skip(1);
    old.map(without_seconds).eq(rows.iter().map(|row| without_seconds(row)))
}

/// Does this row, not the heading, say that the mistake was not noticed?
fn is_unnoticed(row: &str) -> bool {
    let outcome = row.split(" | ").nth(3);
    outcome.is_some_and(|outcome| outcome != "killed" && outcome != "outcome")
}

fn names(table: &str) -> impl Iterator<Item = &str> {
    let rows = table.lines().filter_map(|line| line.strip_prefix("| "));
    rows.skip(1).filter_map(|row| row.split(" | ").next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A mistake.\n\nMore of it.\n\ninvariant: 3\nkiller: a::b\n\n--- src/a.rs\n\
                        <<<<\n    one\n====\n    two\n>>>>\n\n--- src/b.rs\n<<<<\nx\n====\n>>>>\n";

    #[test]
    fn a_row_says_whether_the_mistake_was_noticed() {
        assert!(!is_unnoticed("| name | mistake | invariants | outcome | by |"));
        assert!(!is_unnoticed("| a | b | 1 | killed | c |"));
        assert!(is_unnoticed("| a | b | 1 | survived | c |"));
    }

    #[test]
    fn a_seed_is_read_and_applied() {
        let seed = Seed::read("name", TEXT).unwrap_or_else(|reason| panic!("{reason}"));
        assert_eq!((&*seed.what, &*seed.invariant), ("A mistake.", "3"));
        assert_eq!(seed.killer.as_deref(), Some("a::b"));
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let base = Tree::from([file("src/a.rs", "{\n    one\n}\n"), file("src/b.rs", "x\ny\n")]);
        let wrong = Tree::from([file("src/a.rs", "{\n    two\n}\n"), file("src/b.rs", "y\n")]);
        assert_eq!(seed.applied(&base), Ok(wrong.clone()));
        assert!(seed.applied(&wrong).is_err_and(|reason| reason.contains("0 times")));
        assert!(Seed::read("name", "A mistake.\ninvariant: 3\n--- a\n<<<<\nx\n====\n").is_err());
        assert!(Seed::read("name", &TEXT.replace("invariant", "i")).is_err());
    }

    #[test]
    fn seconds_alone_are_no_news() {
        let seed = Seed::read("name", TEXT).unwrap_or_else(|reason| panic!("{reason}"));
        let killed = |seconds, executions| Outcome::Killed {
            model: "a::b".to_owned(),
            executions: Some(executions),
            seconds,
            message: "Invariant 3".to_owned(),
        };
        let old = table("commit 1", &[row(&seed, &killed(1.0, 7))]);
        assert_eq!(names(&old).collect::<Vec<_>>(), ["name"]);
        assert!(says_the_same(&old, &[row(&seed, &killed(2.0, 7))]));
        assert!(!says_the_same(&old, &[row(&seed, &killed(1.0, 8))]));
        assert!(!says_the_same("", &[row(&seed, &killed(1.0, 7))]));
    }
}
