//! The protocol again, for SPIN: all states of the models in `models.txt`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::texts::copy;
use crate::run::command::program;
use crate::run::context::paths;
use crate::run::process::{self, output_of, share_out};
use crate::source::tree::Tree;

/// How long one exploration may take.
const LIMIT: Duration = Duration::from_secs(900);

/// How much memory it may take, in MiB.
const MEMORY: u32 = 7000;

/// A line of the list of models.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub name: String,
    pub invariants: String,
    pub what: String,
    /// `-DMUTATORS=2 …`
    definitions: String,
    how: &'static How,
    quick: bool,
}

impl Model {
    /// Returns the name of a participant, by its number: the mutators come first.
    fn participant(&self, number: &str) -> String {
        let is_sweeper = self.definitions.contains(&format!("-DMUTATORS={number} "));
        if is_sweeper { "sweeper  ".to_owned() } else { format!("mutator {number}") }
    }
}

/// How a model is explored: what `pan.c` is compiled with, what the program is run with, and what
/// that means.
#[derive(Debug, PartialEq)]
struct How {
    word: &'static str,
    compile: &'static str,
    explore: &'static str,
    meaning: &'static str,
}

const HOW: [How; 3] = [
    How { word: "safety", compile: "-DSAFETY", explore: "-m100000", meaning: "all states" },
    How {
        word: "progress",
        compile: "-DNP",
        explore: "-m4000000 -l",
        meaning: "all states, no endless run without progress",
    },
    // Fair to the system's processes beside the claim's.
    How {
        word: "stops",
        compile: "-DNFAIR=4",
        explore: "-m4000000 -a -f",
        meaning: "all states, weakly fair runs",
    },
];

/// Returns the list of models.
pub fn models(tree: &Tree) -> Result<Vec<Model>, String> {
    const LIST: &str = paths::SPIN_MODELS;
    let text = tree.get(LIST).ok_or_else(|| format!("{LIST} is missing"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let form = "NAME | INVARIANTS | WHAT | DEFINITIONS | safety, progress, or stops";
    let wrong = |line| format!("{LIST}: `{line}`, expected `{form}`");
    lines.map(|line| model(line).ok_or_else(|| wrong(line))).collect()
}

fn model(line: &str) -> Option<Model> {
    let fields: Vec<&str> = line.split('|').map(str::trim).collect();
    let [name, invariants, what, definitions, how] = fields[..] else { return None };
    let mut how = how.split(' ');
    let (kind, quick) = (how.next()?, how.next() == Some("quick"));
    let how = HOW.iter().find(|how| how.word == kind)?;
    let definitions = definitions.split(' ').map(|d| format!("-D{d} ")).collect();
    let (name, invariants, what) = (name.to_owned(), invariants.to_owned(), what.to_owned());
    Some(Model { name, invariants, what, definitions, how, quick })
}

/// Explores the models, two at a time; in a quick run the short ones.
pub fn run(tree: &Tree, folder: &Path, quick: bool) -> Result<(), String> {
    let mut models = models(tree)?;
    models.retain(|model| model.quick || !quick);
    if models.is_empty() {
        return Err("no model was explored".to_owned());
    }
    // Lines that no model has come to so far.
    let unreached: Mutex<Option<BTreeSet<String>>> = Mutex::new(None);
    share_out(2, &models, |_, model| {
        println!("exploring {}: {}", model.name, model.what);
        let started = Instant::now();
        let folder = folder.join(&model.name);
        copy(tree, &[".pml"], &folder)?;
        build(model, &folder, "")?;
        let found = explore(model, &folder, |line| println!("{}: {line}", model.name))?;
        if let Some(error) = found.error {
            let trail = trail(model, &folder, "").unwrap_or_default();
            return Err(format!("{}: {error}\n{trail}", model.name));
        }
        println!(
            "states: {} | {} | {} | {} | {} | {:.1}",
            model.name,
            model.invariants,
            model.what,
            model.how.meaning,
            found.states,
            started.elapsed().as_secs_f64()
        );
        let mut unreached = unreached.lock().unwrap_or_else(PoisonError::into_inner);
        *unreached = Some(match unreached.take() {
            None => found.unreached,
            Some(others) => others.intersection(&found.unreached).cloned().collect(),
        });
        Ok(())
    })?;
    let lines = unreached.into_inner().unwrap_or_else(PoisonError::into_inner);
    let lines: Vec<String> = lines.into_iter().flatten().collect();
    if quick || lines.is_empty() {
        return Ok(());
    }
    Err(format!("no model comes to these lines: {}", lines.join(", ")))
}

/// Makes the program that explores a model.
fn build(model: &Model, folder: &Path, more: &str) -> Result<(), String> {
    let Model { definitions, how, .. } = model;
    output_of(&program("spin", &format!("-a {more} {definitions} table.pml")), folder)?;
    let arguments =
        format!("-O2 -w -DCOLLAPSE -DMEMLIM={MEMORY} {} {} -o pan pan.c", how.compile, bfs(more));
    output_of(&program("gcc", &arguments), folder).map(drop)
}

/// What is given to SPIN so that the shortest way to an error can be searched for, and to gcc.
const SHORTEST: &str = "-Dhidden=";

fn bfs(more: &str) -> &'static str {
    if more == SHORTEST { "-DBFS" } else { "" }
}

/// What an exploration came to.
#[derive(Debug, Default, PartialEq)]
struct Found {
    error: Option<String>,
    states: u64,
    /// Lines that it did not come to.
    unreached: BTreeSet<String>,
}

fn explore(model: &Model, folder: &Path, tell: impl Fn(&str)) -> Result<Found, String> {
    let pan = folder.join("pan");
    let mut lines = Vec::new();
    let pan = program(pan, model.how.explore);
    let result = process::run(&pan, folder, LIMIT, |line| {
        if let Some(line) = line {
            if line.starts_with("Depth=") {
                tell(line);
            }
            lines.push(line.to_owned());
        }
    });
    result.map_err(|reason| format!("{}: {reason}", model.name))?;
    found(&lines).map_err(|reason| format!("{}: {reason}", model.name))
}

/// Reads what the program printed.
fn found(lines: &[String]) -> Result<Found, String> {
    let mut found = Found::default();
    let (mut errors, mut whole) = (None, true);
    for line in lines {
        let line = line.trim();
        if let Some((states, _)) = line.split_once(" states, stored") {
            found.states = states.trim().parse::<f64>().map_err(|_| line.to_owned())? as u64;
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
        _ => Err(format!("did not come to an end:\n{}", lines.join("\n"))),
    }
}

/// Returns the shortest way to an error, as the models tell it, if there is one.
pub fn counterexample(
    tree: &Tree,
    model: &Model,
    folder: &Path,
) -> Result<Option<(String, String)>, String> {
    copy(tree, &[".pml"], folder)?;
    build(model, folder, SHORTEST)?;
    let found = explore(model, folder, |_| ())?;
    let Some(error) = found.error else { return Ok(None) };
    Ok(Some((error, trail(model, folder, SHORTEST)?)))
}

/// Returns what is done on the way to the error that was found.
fn trail(model: &Model, folder: &Path, more: &str) -> Result<String, String> {
    let arguments = format!("-t -T {more} {} -k", model.definitions);
    let spin = program("spin", &arguments).path(&folder.join("table.pml.trail"));
    let said = output_of(&spin.argument("table.pml"), folder)?;
    let steps = said.lines().filter_map(|line| line.trim().strip_prefix("@ "));
    let step = |step: &str| {
        let (number, what) = step.split_once(' ').unwrap_or((step, ""));
        format!("{}  {what}\n", model.participant(number))
    };
    Ok(steps.map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Found, String> {
        found(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn an_exploration_counts_if_it_is_whole() {
        let passed = "State-vector 1 byte, depth reached 5, errors: 0\n 1.5e+08 states, stored\n\
                      unreached in init\n\ttable.pml:7, state 3, \"x = 1\"\n\
                      \ttable.pml:9, state 4, \"-end-\"\n";
        let found = read(passed).unwrap();
        assert_eq!((found.states, found.error), (150_000_000, None));
        assert_eq!(found.unreached.into_iter().collect::<Vec<_>>(), ["table.pml:7"]);
        assert!(read(&format!("Warning: Search not completed\n{passed}")).is_err());
        assert!(read("errors: 0\n 0 states, stored").is_err());
        let failed = "pan:1: assertion violated (a)\nWarning: Search not completed\n\
                      errors: 1\n 12 states, stored\n";
        let error = read(failed).unwrap().error;
        assert_eq!(error.as_deref(), Some("pan:1: assertion violated (a)"));
        assert!(read("").is_err());
    }

    #[test]
    fn a_line_is_a_model() {
        let model = model("a | 1 2 | b, c | M=1 N | progress quick").unwrap();
        let how = model.how.word;
        assert_eq!((&*model.definitions, how, model.quick), ("-DM=1 -DN ", "progress", true));
        assert_eq!(super::model("a | 1 | b | c"), None);
        assert_eq!(super::model("a | 1 | b | c | else"), None);
    }
}
