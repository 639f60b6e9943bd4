//! The pure parts: z3 finds no values for the contrary of any claim in the `*.smt2`.

use std::path::Path;

use anyhow::{Result, ensure};

use super::texts::{claims, copy, tell, text};
use crate::run::{output_of, program};
use crate::source::Tree;

/// Proves what the texts claim, in a folder of their own.
pub fn run(tree: &Tree, folder: &Path) -> Result<()> {
    let mut count = 0;
    for path in tree.keys().filter(|path| path.ends_with(".smt2")) {
        for (claim, answer) in answers(tree, path, folder)? {
            let name = &claim[0];
            ensure!(answer == "unsat", "{path}: {name} does not hold: z3 says {answer}");
            tell(&claim, "z3");
            count += 1;
        }
    }
    ensure!(count > 0, "the *.smt2 claim nothing");
    Ok(())
}

/// Returns the claims of a file, and what z3 says to each.
fn answers(tree: &Tree, path: &str, folder: &Path) -> Result<Vec<([String; 3], String)>> {
    copy(tree, ".smt2", folder)?;
    let claims = claims(text(tree, path)?)?;
    let z3 = program("z3", path.rsplit('/').next().unwrap_or(path)).within(folder);
    let said = output_of(&z3)?;
    let count = claims.len();
    ensure!(count == said.lines().count(), "{path}: {count} claims, z3 says\n{said}");
    Ok(claims.into_iter().zip(said.lines().map(str::to_owned)).collect())
}

/// Returns the first claim of a changed file that no longer holds, if there is one.
pub fn refuted(tree: &Tree, file: &str, folder: &Path) -> Result<Option<String>> {
    let answers = answers(tree, file, folder)?;
    let wrong = answers.iter().find(|(_, answer)| answer == "sat");
    Ok(wrong.map(|(claim, _)| format!("{} does not hold", claim[0])))
}
