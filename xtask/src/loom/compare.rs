//! Two checkers compared: what each found that a model can come to.
//!
//! Each has put a file for every model into a folder of its own: `EXECUTIONS | BOUND | SECONDS`,
//! and then a line for each outcome, which begins with its hash.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::patched::patched;
use crate::run::{Options, Plan, TARGET, all_right, cargo, context, counted, fields, own};

/// What makes every access observed, and what puts shuttle in loom's place as well.
const OBSERVED: &str = "RUSTFLAGS+=--cfg=loom RUSTFLAGS+=--cfg=slotarena_observed";
const ON_SHUTTLE: &str = "RUSTFLAGS+=--cfg=slotarena_shuttle CARGO_TARGET_DIR=$TARGET/shuttle";

/// Has the models explored by both, and compares. Those that take long have at most four
/// preemptions on loom.
pub fn plan(_: &Options) -> Plan {
    let folder = TARGET.join("outcomes");
    // What is left of models that are there no more would be compared, too. The first time there
    // is no such folder.
    let _ = fs::remove_dir_all(&folder);
    let line = "test --release --features loom --test loom -- --nocapture --test-threads=2";
    let [patch, loom] = patched("observed", &format!("{OBSERVED} SLOTARENA_LOOM_QUICK=4"), line);
    let loom = loom.env("SLOTARENA_OUTCOMES", folder.join("loom"));
    let shuttle = cargo(&format!("{OBSERVED} {ON_SHUTTLE} {line}"));
    let shuttle = shuttle.env("SLOTARENA_OUTCOMES", folder.join("shuttle"));
    Ok(vec![patch, loom, shuttle, own("compare")])
}

/// Returns what a checker found out about a model: executions, bound, and seconds; and outcomes by
/// their hashes.
fn read(file: &Path) -> Result<([String; 3], BTreeMap<String, String>)> {
    let text = context::read(file)?;
    let mut lines = text.lines();
    let head = fields(lines.next().unwrap_or_default()).with_context(|| {
        format!("{}: first line, expected `EXECUTIONS | BOUND | SECONDS`", file.display())
    })?;
    let outcome = |line: &str| {
        let (hash, outcome) = line.split_once(' ').unwrap_or((line, ""));
        (hash.to_owned(), outcome.to_owned())
    };
    Ok((head, lines.map(outcome).collect()))
}

/// Checks that loom has found everything that shuttle has. Prints a model's line for each.
pub fn compare(folder: &Path) -> Result<()> {
    let other = folder.join("shuttle");
    let entries = fs::read_dir(&other)?.flatten();
    let names: BTreeSet<_> = entries.map(|entry| entry.file_name()).collect();
    ensure!(!names.is_empty(), "no file in {}, expected one for each model", other.display());
    let mut wrong = Vec::new();
    for name in names {
        let ([_, limits, _], ours) = read(&folder.join("loom").join(&name))?;
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
        let compared = |loom: Option<&str>| {
            let theirs = "3 | no bound | 0.1\n01 a\n03 c\n";
            context::write(folder.join("shuttle/model"), theirs).unwrap();
            if let Some(text) = loom {
                context::write(folder.join("loom/model"), text).unwrap();
            }
            let result = compare(&folder).map_err(|wrong| wrong.to_string());
            fs::remove_dir_all(&folder).unwrap();
            result
        };
        assert_eq!(compared(Some("7 | no bound | 0.1\n01\n02\n03\n")), Ok(()));
        let less = Err("model: loom has not found c".to_owned());
        assert_eq!(compared(Some("7 | x | 0.1\n01\n")), less);
        assert!(compared(None).is_err() && compared(Some("")).is_err());
    }
}
