//! The protocol: Coq checks all files in the order of `_CoqProject`, says that the theorems rest on
//! no axiom, and its independent checker agrees.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use super::texts::{claims, copy, tell, text};
use crate::run::{Command, context, process, program};
use crate::source::Tree;

const PROJECT: &str = "proofs/coq/_CoqProject";
const LIMIT: Duration = Duration::from_secs(1200);

/// What Coq says of a theorem that rests on no axiom.
const CLOSED: &str = "Closed under the global context";

fn files(tree: &Tree) -> Result<Vec<&str>> {
    let project = text(tree, PROJECT)?;
    let files: Vec<&str> = project.split_whitespace().filter(|word| word.ends_with(".v")).collect();
    let is_new = |path: &&String| path.ends_with(".v") && !files.iter().any(|f| is(path, f));
    if let Some(path) = tree.keys().find(is_new) {
        bail!("{PROJECT} does not list {path}");
    }
    Ok(files)
}

fn path(file: &str) -> String {
    format!("proofs/coq/{file}")
}

/// Returns `true` if a path ends with this file's name.
fn is(path: &str, file: &str) -> bool {
    path.ends_with(&format!("/{file}"))
}

#[derive(Clone, Copy, PartialEq)]
pub enum Extent {
    All,
    /// Those that have changed, or one before them has, since they were checked in this folder.
    Changed,
    /// None: those that have not changed are known to be right, and nothing is said of the others.
    None,
}

pub fn run(tree: &Tree, folder: &Path, extent: Extent) -> Result<()> {
    let mut theorems = 0;
    let files = files(tree)?;
    let mut fresh = extent != Extent::All;
    for file in &files {
        let path = path(file);
        let text = text(tree, &path)?;
        // What it said is kept beside what it was.
        let (record, copy) = (folder.join(format!("{file}.checked")), folder.join(file));
        let known = fs::read_to_string(&record).unwrap_or_default();
        let said = match known.strip_prefix(text) {
            Some(output) if fresh && copy.with_extension("vo").exists() => output.to_owned(),
            _ if extent == Extent::None => {
                println!("left to a run without --quick: Coq, from {path} on");
                return Ok(());
            }
            _ => {
                fresh = false;
                let output = check(tree, file, folder)?;
                context::write(&record, &(text.to_owned() + &output))?;
                output
            }
        };
        let claims = claims(text)?;
        let closed = said.lines().filter(|line| *line == CLOSED).count();
        let (count, asked) = (claims.len(), text.matches("Print Assumptions").count());
        ensure!(
            closed == asked && closed == count,
            "{path}: {count} claims, {asked} asked about, {closed} rest on no axiom:\n{said}"
        );
        for claim in &claims {
            let is_asked = text.contains(&format!("Print Assumptions {}.", claim[0]));
            ensure!(is_asked, "{path}: {} is claimed and not asked about", claim[0]);
            tell(claim, "Coq, no axioms");
        }
        theorems += claims.len();
    }
    ensure!(theorems > 0, "the *.v claim nothing");
    if extent == Extent::All {
        independently(&files, folder)?;
    }
    Ok(())
}

/// Checks one file; those before it have been. Returns what Coq said.
fn check(tree: &Tree, file: &str, folder: &Path) -> Result<String> {
    copy(tree, &format!("/{file}"), folder)?;
    println!("checking {}", path(file));
    let coqc = program("coqc", "-q -Q . Slotarena").argument(file).within(folder);
    process::said(&coqc, LIMIT).with_context(|| path(file))
}

/// Has the independent checker check what was compiled, all the way down.
fn independently(files: &[&str], folder: &Path) -> Result<()> {
    println!("checking all of it once more, with coqchk");
    let names = files.iter().map(|file| format!("Slotarena.{}", file.trim_end_matches(".v")));
    let coqchk = program("coqchk", "-silent -o -Q . Slotarena").within(folder);
    let said = process::said(&names.fold(coqchk, Command::argument), LIMIT).context("coqchk")?;
    ensure!(said.contains("* Axioms: <none>"), "coqchk names axioms:\n{said}");
    println!("cases: coqchk {}", files.len());
    Ok(())
}

/// Returns where a changed tree is refused first, and why, or nothing if it is not. What is before
/// the first changed file is taken from the folder where the unchanged tree has been checked.
pub fn refused(
    tree: &Tree,
    changed: &[&str],
    checked: &Path,
    folder: &Path,
) -> Result<Option<String>> {
    fs::create_dir_all(folder)?;
    let mut after = false;
    for file in files(tree)? {
        after |= changed.iter().any(|path| is(path, file));
        if !after {
            let compiled = Path::new(file).with_extension("vo");
            fs::copy(checked.join(&compiled), folder.join(&compiled))?;
        } else if let Err(reason) = check(tree, file, folder) {
            let reason = format!("{reason:#}");
            let mut lines = reason.lines().skip_while(|line| !line.starts_with("File "));
            let place = lines.next().unwrap_or(&reason);
            let error = lines.filter(|line| !line.trim().is_empty()).last().unwrap_or_default();
            return Ok(Some(format!("{place} {}", error.trim())));
        }
    }
    Ok(None)
}
