//! The orderings are as weak as they can be: every weaker one is noticed by a model, or there is an
//! argument in `loom-tests/equivalent.txt` why it cannot be.

use std::collections::{BTreeMap, BTreeSet};

use crate::campaign::{Campaign, Extent, Variant};
use crate::invocation::program;
use crate::outcome::Outcome;
use crate::process::output_of;
use crate::sites::{Mutant, mutants};
use crate::tree::{self, Tree};
use crate::verify::Setup;

/// The table that is written.
const TABLE: &str = "loom-tests/MUTANTS.md";

/// The arguments why some mutants live.
const ARGUMENTS: &str = "loom-tests/equivalent.txt";

/// The mutants and mistakes that no table has yet, and why.
const UNTRIED: &str = "loom-tests/untried.txt";

/// Their names.
pub fn untried(setup: &Setup) -> Result<BTreeSet<String>, String> {
    Ok(arguments(&tree::read_file(&setup.root, UNTRIED)?)?.into_keys().collect())
}

/// Tries all mutants whose names contain one of the filters. With `again`, what is known of them
/// is forgotten first.
pub fn run(setup: &Setup, again: bool, filters: &[String]) -> Result<(), String> {
    let base = tree::read(&setup.root)?;
    let mutants = mutants(&base);
    let arguments = arguments(&tree::read_file(&setup.root, ARGUMENTS)?)?;
    let campaign = Campaign::new(setup)?;
    let all: Vec<Variant> = mutants.iter().map(|mutant| variant(&base, mutant)).collect();
    let (chosen, others): (Vec<Variant>, Vec<Variant>) =
        all.into_iter().partition(|variant| is_chosen(&variant.name, filters));
    if chosen.is_empty() {
        return Err("no mutant has such a name".to_owned());
    }
    if again {
        chosen.iter().for_each(|variant| campaign.forget(variant, Extent::Full));
    }
    campaign.run(&base, &chosen, Extent::Full)?;

    let known =
        |variant: &Variant| Some((variant.name.clone(), campaign.kept(variant, Extent::Full)?));
    let outcomes: BTreeMap<String, Outcome> =
        chosen.iter().chain(&others).filter_map(known).collect();
    // Where only some were asked for, the others keep the rows that they have.
    let file = setup.root.join(TABLE);
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    let old = rows(&old).into_iter().filter(|_| !filters.is_empty());
    let mut cells: BTreeMap<String, String> = old.collect();
    for (name, outcome) in &outcomes {
        cells.insert(name.clone(), outcome.cells().join(" | "));
    }
    let untried = untried(setup)?;
    let is_there = |key: String| cells.contains_key(&key) || untried.contains(&key);
    if mutants.iter().all(|mutant| is_there(mutant.key())) {
        let text = table(&commit(setup), &mutants, &cells);
        std::fs::write(file, text).map_err(|e| format!("{TABLE}: {e}"))?;
    } else {
        println!("{TABLE} is left as it is: not all mutants have been tried");
    }
    let mut wrong = Vec::new();
    for Variant { name, .. } in &chosen {
        match (outcomes.get(name), arguments.contains_key(name)) {
            (Some(outcome), true) if outcome.is_killed() => {
                wrong.push(format!("{name} is killed: its argument in {ARGUMENTS} is stale"));
            }
            (Some(outcome), false) if !outcome.is_killed() => {
                wrong.push(format!("{name} lives, and {ARGUMENTS} has no argument why"));
            }
            (Some(_), _) => {}
            (None, _) => wrong.push(format!("{name} could not be tried")),
        }
    }
    println!("{}", totals(outcomes.values()));
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Is the name asked for?
pub fn is_chosen(name: &str, filters: &[String]) -> bool {
    filters.is_empty() || filters.iter().any(|filter| name.contains(&**filter))
}

fn variant(base: &Tree, mutant: &Mutant) -> Variant {
    let mut tree = base.clone();
    tree.insert(mutant.file.clone(), mutant.text.clone());
    Variant { name: mutant.key(), tree, hint: None }
}

/// Compares, without building anything, the table and the arguments with the source. Returns how
/// many mutants there are.
pub fn check(setup: &Setup) -> Result<usize, String> {
    let found = mutants(&tree::read(&setup.root)?);
    let found: BTreeSet<String> = found.iter().map(Mutant::key).collect();
    let rows = rows(&tree::read_file(&setup.root, TABLE)?);
    let listed: BTreeSet<String> = rows.iter().map(|(key, _)| key.clone()).collect();
    let arguments = arguments(&tree::read_file(&setup.root, ARGUMENTS)?)?;
    let mut wrong = Vec::new();
    let untried = untried(setup)?;
    for key in found.difference(&listed).filter(|key| !untried.contains(*key)) {
        wrong.push(format!("{TABLE} does not have: {key}"));
    }
    for key in listed.intersection(&untried) {
        wrong.push(format!("{UNTRIED} has what has been tried: {key}"));
    }
    for key in listed.difference(&found) {
        wrong.push(format!("{TABLE} has what is no longer there: {key}"));
    }
    for key in arguments.keys().filter(|key| !found.contains(*key)) {
        wrong.push(format!("{ARGUMENTS} has what is no longer there: {key}"));
    }
    for (key, outcome) in &rows {
        let outcome = outcome_in(outcome);
        if (outcome != "killed") != arguments.contains_key(key) {
            wrong.push(format!("{key}: {outcome} in {TABLE}, which does not fit {ARGUMENTS}"));
        }
    }
    if wrong.is_empty() {
        return Ok(found.len());
    }
    Err(format!("{}\n`cargo xtask verify mutants` tries what is new", wrong.join("\n")))
}

/// Arguments by mutants' names. A name stands alone in its line, its argument is indented below.
pub fn arguments(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut arguments: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if line.starts_with(' ') {
            let argument = arguments.get_mut(&name);
            let argument = argument.ok_or_else(|| format!("for which? {line}"))?;
            *argument += line;
        } else {
            name = line.trim_end().to_owned();
            if arguments.insert(name.clone(), String::new()).is_some() {
                return Err(format!("{name} has two arguments"));
            }
        }
    }
    match arguments.iter().find(|(_, argument)| argument.is_empty()) {
        Some((name, _)) => Err(format!("nothing is said about {name}")),
        None => Ok(arguments),
    }
}

/// The table, from what is in the cells behind a mutant's name.
fn table(commit: &str, mutants: &[Mutant], cells: &BTreeMap<String, String>) -> String {
    let rows = || mutants.iter().filter_map(|mutant| Some((mutant, cells.get(&mutant.key())?)));
    let count = |what| rows().filter(|(_, cells)| outcome_in(cells) == what).count();
    let mut text = format!(
        "# Mutants of the orderings\n\n\
         Made by `cargo xtask verify mutants`, last from {commit}: {} killed, {} survived, {} \
         timed out. A mutant that\nwas not asked for then keeps its row.\n\n\
         Why some live is said in `equivalent.txt`. *Quick*: explored up to two preemptions. \
         Executions and seconds\nare those of the model that noticed, or the seconds that all \
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

/// What came of a mutant, from its cells.
fn outcome_in(cells: &str) -> &str {
    cells.split(" | ").next().unwrap_or_default()
}

/// The mutants in a table, and what is in the cells behind each.
fn rows(table: &str) -> Vec<(String, String)> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.splitn(3, " | ");
        Some((format!("{} {}", cells.next()?, cells.next()?), cells.next()?.to_owned()))
    };
    table.lines().filter_map(row).skip(1).collect()
}

fn totals<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> String {
    let (mut killed, mut lived, mut timed_out) = (0, 0, 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Killed { .. } => killed += 1,
            Outcome::TimedOut { .. } => timed_out += 1,
            Outcome::Survived { .. } | Outcome::Broken(_) => lived += 1,
        }
    }
    format!("{killed} killed, {lived} survived, {timed_out} timed out")
}

/// What the source is, for the head of a table.
pub fn commit(setup: &Setup) -> String {
    let git = |arguments| output_of(&program("git", arguments), &setup.root);
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
    fn a_table_says_what_it_is_about() {
        let mutant = |site: &str| Mutant {
            site: site.to_owned(),
            change: "Acquire -> Relaxed".to_owned(),
            file: String::new(),
            text: String::new(),
        };
        let mutants = [mutant("a.rs f x.load"), mutant("b.rs g y.load")];
        let outcome = Outcome::Survived { seconds: 1.0 };
        let cells = mutants.iter().map(|m| (m.key(), outcome.cells().join(" | "))).collect();
        let text = table("commit 123", &mutants, &cells);
        assert_eq!(rows(&text).into_iter().collect::<BTreeMap<_, _>>(), cells);
        assert!(cells.values().all(|cells| outcome_in(cells) == "survived"));
        assert!(text.contains("commit 123: 0 killed, 2 survived, 0 timed out."));
    }

    #[test]
    fn every_argument_is_about_something_and_says_something() {
        let read = arguments("# about\na.rs f x.load\n    because\n    of it\n\nb\n  so\n");
        let names: Vec<String> = read.unwrap().into_keys().collect();
        assert_eq!(names, ["a.rs f x.load", "b"]);
        assert!(arguments("  because\n").is_err());
        assert!(arguments("a\nb\n  so\n").is_err());
        assert!(arguments("a\n  so\na\n  so\n").is_err());
    }
}
