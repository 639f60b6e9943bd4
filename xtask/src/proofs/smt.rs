//! The pure parts: z3 finds no values for the contrary of any claim in the `*.smt2`.

use std::path::Path;

use super::texts::{claims, copy, tell, text};
use crate::run::command::program;
use crate::run::process::output_of;
use crate::source::tree::Tree;

/// Proves what the texts claim, in a folder of their own.
pub fn run(tree: &Tree, folder: &Path) -> Result<(), String> {
    let mut count = 0;
    for path in tree.keys().filter(|path| path.ends_with(".smt2")) {
        for (claim, answer) in answers(tree, path, folder)? {
            if answer != "unsat" {
                return Err(format!("{path}: {} does not hold: z3 says {answer}", claim[0]));
            }
            tell(&claim, "z3");
            count += 1;
        }
    }
    if count == 0 { Err("the *.smt2 claim nothing".to_owned()) } else { Ok(()) }
}

/// Returns the claims of a file, and what z3 says to each.
fn answers<'t>(
    tree: &'t Tree,
    path: &str,
    folder: &Path,
) -> Result<Vec<([&'t str; 3], String)>, String> {
    copy(tree, ".smt2", folder)?;
    let claims = claims(text(tree, path)?)?;
    let said = output_of(&program("z3", path.rsplit('/').next().unwrap_or(path)), folder)?;
    if claims.len() != said.lines().count() {
        return Err(format!("{path}: {} claims, z3 says\n{said}", claims.len()));
    }
    Ok(claims.into_iter().zip(said.lines().map(str::to_owned)).collect())
}

/// Returns the first claim of a changed file that no longer holds, if there is one.
pub fn refuted(tree: &Tree, file: &str, folder: &Path) -> Result<Option<String>, String> {
    let answers = answers(tree, file, folder)?;
    let wrong = answers.iter().find(|(_, answer)| answer == "sat");
    Ok(wrong.map(|(claim, _)| format!("{} does not hold", claim[0])))
}
