//! Two checkers compared: what each found that a model can come to.
//!
//! Each has put a file for every model into a folder of its own: `EXECUTIONS | BOUND | SECONDS`,
//! and then a line for each outcome, which begins with its hash.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::patched::patched_loom;
use crate::run::command::{Command, Plan, Say, cargo};
use crate::run::context::{self, Context, all_right};
use crate::run::display::counted;

/// What makes every access observed.
const OBSERVED: &str = "--cfg loom --cfg slotarena_observed";

/// What puts shuttle in loom's place as well.
const ON_SHUTTLE: &str = "--cfg loom --cfg slotarena_observed --cfg slotarena_shuttle";

/// Returns the command on shuttle, in a build folder of its own.
pub fn on_shuttle(command: Command, context: &Context) -> Command {
    command.target_dir(&context.target.join("shuttle")).env_append("RUSTFLAGS", ON_SHUTTLE)
}

/// Has the models explored by both, and compares. Those that take long have at most four
/// preemptions on loom.
pub fn plan(context: &Context, _: Say) -> Plan {
    let folder = context.target.join("outcomes");
    // What is left of models that are there no more would be compared, too. The first time there
    // is no such folder.
    let _ = fs::remove_dir_all(&folder);
    let (of_loom, of_shuttle) = (folder.join("loom"), folder.join("shuttle"));
    let arguments = "test --release --features loom --test loom -- --nocapture --test-threads=2";
    let [patch, loom] = patched_loom(arguments, OBSERVED, context, "observed");
    let loom = loom.env("SLOTARENA_OUTCOMES", &of_loom).env("SLOTARENA_LOOM_QUICK", "4");
    let shuttle = on_shuttle(cargo(arguments), context);
    let shuttle = shuttle.env("SLOTARENA_OUTCOMES", &of_shuttle);
    let compare = cargo("run --quiet --package xtask -- compare");
    let compare = compare.argument(&of_loom).argument(&of_shuttle);
    Ok(vec![patch, loom, shuttle, compare])
}

/// Returns what a checker found out about a model: executions, bound, and seconds; and outcomes by
/// their hashes.
fn read(file: &Path) -> Result<([String; 3], BTreeMap<String, String>), String> {
    let text = context::read(file)?;
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default().split(" | ").map(str::to_owned);
    let head = head.collect::<Vec<_>>().try_into().map_err(|_| {
        format!("{}: first line, expected `EXECUTIONS | BOUND | SECONDS`", file.display())
    })?;
    let outcome = |line: &str| {
        let (hash, outcome) = line.split_once(' ').unwrap_or((line, ""));
        (hash.to_owned(), outcome.to_owned())
    };
    Ok((head, lines.map(outcome).collect()))
}

/// Checks that loom has found everything that the other one has. Prints a model's line for each.
pub fn compare(loom: &Path, other: &Path) -> Result<(), String> {
    let entries = fs::read_dir(other).map_err(|e| format!("{}: {e}", other.display()))?;
    let names: BTreeSet<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    if names.is_empty() {
        return Err(format!("no file in {}, expected one for each model", other.display()));
    }
    let mut wrong = Vec::new();
    for name in names {
        let ([_, limits, _], ours) = read(&loom.join(&name))?;
        let ([executions, bound, seconds], mut theirs) = read(&other.join(&name))?;
        let (name, found) = (name.to_string_lossy(), counted(theirs.len() as u64, "outcome"));
        theirs.retain(|hash, _| !ours.contains_key(hash));
        let what = format!("{found}, loom ({limits}) has {}, {} missing", ours.len(), theirs.len());
        println!("model: {name} | - | {what} | {bound} | {executions} | {seconds}");
        let lacks = |outcome| format!("{name}: loom has not found {outcome}");
        wrong.extend(theirs.into_values().map(lacks));
    }
    all_right(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loom_may_find_more_and_not_less() {
        let folder = std::env::temp_dir().join(format!("compare-{}", std::process::id()));
        let (ours, theirs) = (folder.join("loom"), folder.join("other"));
        let compared = |loom: Option<&str>| {
            context::write(&theirs.join("model"), "3 | no bound | 0.1\n01 a\n03 c\n").unwrap();
            if let Some(text) = loom {
                context::write(&ours.join("model"), text).unwrap();
            }
            let result = compare(&ours, &theirs);
            fs::remove_dir_all(&folder).unwrap();
            result
        };
        assert_eq!(compared(Some("7 | no bound | 0.1\n01\n02\n03\n")), Ok(()));
        let less = Err("model: loom has not found c".to_owned());
        assert_eq!(compared(Some("7 | x | 0.1\n01\n")), less);
        assert!(compared(None).is_err() && compared(Some("")).is_err());
    }
}
