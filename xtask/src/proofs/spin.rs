//! The protocol again, for SPIN: all states of the models in `models.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::texts::{copy, text};
use crate::run::{fields, output_of, process, program, share_out};
use crate::source::Tree;

const MODELS: &str = "proofs/spin/models.txt";
const LIMIT: Duration = Duration::from_secs(1800);
const MEMORY: u32 = 9000;

#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub name: String,
    pub invariants: String,
    pub what: String,
    /// The main file.
    file: String,
    /// `-DMUTATORS=2 …`
    definitions: String,
    how: &'static [&'static str; 4],
    quick: bool,
}

/// How a model is explored: in a word, what `pan.c` is compiled with, what the program is run with,
/// and what that means.
const HOW: [[&str; 4]; 3] = [
    ["safety", "-DSAFETY", "-m100000", "all states"],
    ["progress", "-DNP", "-m4000000 -l", "all states, no endless run without progress"],
    // Fair to the system's processes beside the claim's.
    ["stops", "-DNFAIR=4", "-m4000000 -a -f", "all states, weakly fair runs"],
];

pub fn models(tree: &Tree) -> Result<Vec<Model>> {
    let lines = text(tree, MODELS)?.lines();
    let lines = lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let form = "NAME | INVARIANTS | WHAT | FILE DEFINITIONS | safety, progress, or stops";
    let wrong = |line| format!("{MODELS}: `{line}`, expected `{form}`");
    lines.map(|line| model(line).with_context(|| wrong(line))).collect()
}

fn model(line: &str) -> Option<Model> {
    let [name, invariants, what, definitions, how] = fields(line)?;
    let mut how = how.split(' ');
    let (word, quick) = (how.next()?, how.next() == Some("quick"));
    let how = HOW.iter().find(|how| how[0] == word)?;
    let mut definitions = definitions.split(' ');
    let file = definitions.next().filter(|file| file.ends_with(".pml"))?.to_owned();
    let definitions = definitions.map(|d| format!("-D{d} ")).collect();
    Some(Model { name, invariants, what, file, definitions, how, quick })
}

/// Explores the models, two at a time; in a quick run the short ones.
pub fn run(tree: &Tree, folder: &Path, quick: bool) -> Result<()> {
    let mut models = models(tree)?;
    models.retain(|model| model.quick || !quick);
    ensure!(!models.is_empty(), "no model was explored");
    // Lines that a model has not come to, for each, and its main file.
    let unreached = share_out(&models, |_, model| {
        let Model { name, invariants, what, how: [.., meaning], .. } = model;
        println!("exploring {name}: {what}");
        let (started, folder) = (Instant::now(), folder.join(name));
        let found = explore(tree, model, &folder, "")?;
        if let Some(error) = found.error {
            bail!("{name}: {error}\n{}", trail(model, &folder, "").unwrap_or_default());
        }
        let (states, seconds) = (found.states, started.elapsed().as_secs_f64());
        println!("states: {name} | {invariants} | {what} | {meaning} | {states} | {seconds:.1}");
        Ok((model.file.clone(), found.unreached))
    })?;
    let lines = Vec::from_iter(in_none(unreached)).join(", ");
    ensure!(quick || lines.is_empty(), "no model comes to these lines: {lines}");
    Ok(())
}

/// Returns the lines to which no model of some main file has come. Each model has its main file and
/// the lines to which it has not come.
fn in_none(unreached: Vec<(String, BTreeSet<String>)>) -> BTreeSet<String> {
    let mut by_file: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, lines) in unreached {
        by_file.entry(file).and_modify(|all| *all = &*all & &lines).or_insert(lines);
    }
    by_file.into_values().flatten().collect()
}

/// What is given to SPIN so that the shortest way to an error can be searched for.
const SHORTEST: &str = "-Dhidden=";

#[derive(Debug, Default, PartialEq)]
struct Found {
    error: Option<String>,
    states: u64,
    unreached: BTreeSet<String>,
}

fn explore(tree: &Tree, model: &Model, folder: &Path, more: &str) -> Result<Found> {
    let Model { name, file, definitions, how: [_, compile, options, _], .. } = model;
    copy(tree, ".pml", folder)?;
    let spin = program("spin", &format!("-a {more} {definitions} {file}"));
    output_of(&spin.within(folder))?;
    let bfs = if more == SHORTEST { "-DBFS" } else { "" };
    let flags = format!("-O2 -w -DMEMLIM={MEMORY} {compile} {bfs} -o pan pan.c");
    output_of(&program("gcc", &flags).within(folder))?;
    let mut lines = Vec::new();
    let pan = program(folder.join("pan"), options).within(folder);
    let result = process::run(&pan, LIMIT, |line| {
        if line.starts_with("Depth=") && more != SHORTEST {
            println!("{name}: {line}");
        }
        lines.push(line.to_owned());
    });
    result.and_then(|()| found(&lines)).with_context(|| name.clone())
}

fn found(lines: &[String]) -> Result<Found> {
    let mut found = Found::default();
    let (mut errors, mut whole) = (None, true);
    for line in lines {
        let line = line.trim();
        if let Some((states, _)) = line.split_once(" states, stored") {
            found.states = states.trim().parse::<f64>()? as u64;
        } else if let Some((_, count)) = line.split_once("errors: ") {
            errors = count.trim().parse::<u32>().ok();
        } else if line.starts_with("pan:1: ") || line.contains("max search depth too small") {
            found.error = Some(line.to_owned());
        } else if line.contains("Search not completed") || line.contains("memory limit") {
            whole = false;
        } else if let Some((place, what)) = line.split_once(", state ") {
            if !what.contains("-end-") && place.contains(".pml:") {
                found.unreached.insert(place.to_owned());
            }
        }
    }
    match (errors, &found.error) {
        (Some(0), None) if whole && found.states > 0 => Ok(found),
        (Some(1..), Some(_)) => Ok(found),
        _ => bail!("did not come to an end:\n{}", lines.join("\n")),
    }
}

/// Returns the shortest way to an error, as the models tell it, if there is one.
pub fn counterexample(tree: &Tree, model: &Model, folder: &Path) -> Result<Option<[String; 2]>> {
    let Some(error) = explore(tree, model, folder, SHORTEST)?.error else { return Ok(None) };
    Ok(Some([error, trail(model, folder, SHORTEST)?]))
}

/// Returns what is done on the way to the error that was found.
fn trail(model: &Model, folder: &Path, more: &str) -> Result<String> {
    let Model { file, definitions, .. } = model;
    let arguments = format!("-t -T {more} {definitions} -k");
    let spin = program("spin", &arguments).argument(folder.join(format!("{file}.trail")));
    let said = output_of(&spin.argument(file).within(folder))?;
    let steps = said.lines().filter_map(|line| line.trim().strip_prefix("@ "));
    let step = |step: &str| {
        // The mutators come first, or the participants.
        let (number, what) = step.split_once(' ').unwrap_or((step, ""));
        let is_last = |many| definitions.contains(&format!("-D{many}={number} "));
        match (&**file, is_last("MUTATORS"), is_last("PARTICIPANTS")) {
            (_, true, _) => format!("sweeper    {what}\n"),
            (_, _, true) => format!("pauser         {what}\n"),
            ("bias.pml", ..) => format!("participant {number}  {what}\n"),
            _ => format!("mutator {number}  {what}\n"),
        }
    };
    Ok(steps.map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_main_file_is_to_be_reached() {
        let model = |file: &str, lines: &[&str]| {
            (file.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
        };
        let in_none = |models: &[_]| Vec::from_iter(in_none(models.to_vec())).join(" ");
        let (a, b) = (model("a.pml", &["a:1", "a:2"]), model("a.pml", &["a:2", "a:3"]));
        assert_eq!(in_none(&[a.clone(), b.clone()]), "a:2");
        // The models of another file do not come to these lines, nor need they.
        assert_eq!(in_none(&[a, model("b.pml", &["b:7"]), b, model("b.pml", &[])]), "a:2");
        assert_eq!(in_none(&[]), "");
    }

    #[test]
    fn a_model_names_its_main_file() {
        let read = |definitions: &str| model(&format!("a | 1 | b | {definitions} | safety quick"));
        let found = read("table.pml MUTATORS=2 MIXED").unwrap();
        assert_eq!((&*found.file, &*found.definitions), ("table.pml", "-DMUTATORS=2 -DMIXED "));
        assert_eq!(read("MUTATORS=2"), None);
    }

    #[test]
    fn an_exploration_counts_if_it_is_whole() {
        let read = |text: &str| found(&text.lines().map(str::to_owned).collect::<Vec<_>>());
        let passed = "State-vector 1 byte, depth reached 5, errors: 0\n 1.5e+08 states, stored\n\
                      unreached in init\n\ttable.pml:7, state 3, \"x = 1\"\n\
                      \ttable.pml:9, state 4, \"-end-\"\n";
        let found = read(passed).unwrap();
        assert_eq!((found.states, found.error), (150_000_000, None));
        assert_eq!(found.unreached.into_iter().collect::<Vec<_>>(), ["table.pml:7"]);
        let failed = "pan:1: assertion violated (a)\nWarning: Search not completed\n\
                      errors: 1\n 12 states, stored\n";
        let error = read(failed).unwrap().error;
        assert_eq!(error.as_deref(), Some("pan:1: assertion violated (a)"));
        let cut = format!("Warning: Search not completed\n{passed}");
        assert!([&*cut, "errors: 0\n 0 states, stored", ""].iter().all(|text| read(text).is_err()));
    }
}
