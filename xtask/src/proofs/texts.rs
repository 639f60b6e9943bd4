//! The texts of the proofs and models, copies of them for the tools, and what they claim.

use std::path::Path;

use crate::run::context::{self, paths};
use crate::source::tree::{Tree, read_folder};

pub fn read(root: &Path) -> Result<Tree, String> {
    read_folder(root, paths::PROOFS, &[".v", ".pml", ".smt2", ".txt", "_CoqProject"])
}

pub fn text<'t>(tree: &'t Tree, path: &str) -> Result<&'t str, String> {
    tree.get(path).map(|text| &**text).ok_or_else(|| format!("{path} is missing"))
}

/// Puts the texts that a tool needs, those whose names end so, alone in a folder.
pub fn copy(tree: &Tree, ending: &str, folder: &Path) -> Result<(), String> {
    context::make_folder(folder)?;
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(ending)) {
        context::write(&folder.join(path.rsplit('/').next().unwrap_or(path)), text)?;
    }
    Ok(())
}

/// Returns the claims of a text, from top to bottom: name, invariants, and what it says, from
/// comments `theorem: NAME | INVARIANTS | WHAT IT SAYS`.
pub fn claims(text: &str) -> Result<Vec<[&str; 3]>, String> {
    let claims = text.lines().filter_map(|line| line.split_once("theorem: ")).map(|(_, rest)| {
        let rest = rest.trim().trim_end_matches("*)").trim_end();
        let fields: Vec<&str> = rest.split('|').map(str::trim).collect();
        let expected = "`NAME | INVARIANTS | WHAT IT SAYS`";
        fields.try_into().map_err(|_| format!("`{rest}`, expected {expected}"))
    });
    claims.collect()
}

pub fn tell(claim: &[&str; 3], tool: &str) {
    println!("theorem: {} | {tool}", claim.join(" | "));
}
