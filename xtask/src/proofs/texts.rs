//! The texts of the proofs and models, copies of them for the tools, and what they claim.

use std::path::Path;

use anyhow::{Context, Result};

use crate::run::{ROOT, context, fields};
use crate::source::{Tree, read_folder};

pub fn read() -> Result<Tree> {
    read_folder(&ROOT, "proofs", &[".v", ".pml", ".smt2", ".txt", "_CoqProject"])
}

pub fn text<'t>(tree: &'t Tree, path: &str) -> Result<&'t str> {
    tree.get(path).map(|text| &**text).with_context(|| format!("{path} is missing"))
}

/// Puts the texts that a tool needs, those whose names end so, alone in a folder.
pub fn copy(tree: &Tree, ending: &str, folder: &Path) -> Result<()> {
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(ending)) {
        context::write(folder.join(path.rsplit('/').next().unwrap_or(path)), text)?;
    }
    Ok(())
}

/// Returns the claims of a text, from top to bottom: name, invariants, and what it says, from
/// comments `theorem: NAME | INVARIANTS | WHAT IT SAYS`.
pub fn claims(text: &str) -> Result<Vec<[String; 3]>> {
    let claims = text.lines().filter_map(|line| line.split_once("theorem: ")).map(|(_, rest)| {
        let claim = fields(rest.trim_end().trim_end_matches("*)"));
        claim.with_context(|| format!("`{rest}`, expected `NAME | INVARIANTS | WHAT IT SAYS`"))
    });
    claims.collect()
}

pub fn tell(claim: &[String; 3], tool: &str) {
    println!("theorem: {} | {tool}", claim.join(" | "));
}
