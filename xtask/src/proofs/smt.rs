//! The pure parts: z3 finds no values for the contrary of any claim in the `*.smt2`.

use std::path::Path;

use super::claims::claims;
use super::texts::copy;
use crate::run::command::program;
use crate::run::process::output_of;
use crate::source::tree::Tree;

/// Proves what the texts claim, in a folder of their own.
pub fn run(tree: &Tree, folder: &Path) -> Result<(), String> {
    copy(tree, &[".smt2"], folder)?;
    let mut count = 0;
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".smt2")) {
        let answers = answers(path, folder)?;
        let claims = claims(text)?;
        if claims.len() != answers.len() {
            return Err(format!("{path}: {} claims, {} answers", claims.len(), answers.len()));
        }
        for (claim, answer) in claims.iter().zip(answers) {
            if answer != "unsat" {
                return Err(format!("{path}: {} does not hold: z3 says {answer}", claim.name));
            }
            claim.tell("z3");
        }
        count += claims.len();
    }
    if count == 0 { Err("the *.smt2 claim nothing".to_owned()) } else { Ok(()) }
}

/// Returns what z3 says to each question of a file.
fn answers(path: &str, folder: &Path) -> Result<Vec<String>, String> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let said = output_of(&program("z3", name), folder)?;
    Ok(said.lines().map(str::to_owned).collect())
}

/// Returns the first claim of a changed file that no longer holds, if there is one.
pub fn refuted(tree: &Tree, file: &str, folder: &Path) -> Result<Option<String>, String> {
    copy(tree, &[".smt2"], folder)?;
    let text = tree.get(file).ok_or_else(|| format!("{file} is missing"))?;
    let claims = claims(text)?;
    let answers = answers(file, folder)?;
    let mut wrong = claims.iter().zip(answers).filter(|(_, answer)| answer == "sat");
    Ok(wrong.next().map(|(claim, _)| format!("{} does not hold", claim.name)))
}
