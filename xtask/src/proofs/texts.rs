//! The texts of the proofs and models, and copies of them for the tools.

use std::path::Path;

use crate::run::context::{self, paths};
use crate::source::tree::{Tree, read_folder};

/// Returns all texts.
pub fn read(root: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    let endings = [".v", ".pml", ".smt2", ".txt", ".patch", "_CoqProject"];
    read_folder(root, paths::PROOFS, &endings, &mut tree)?;
    Ok(tree)
}

/// Puts the texts that a tool needs, those whose names end so, alone in a folder.
pub fn copy(tree: &Tree, endings: &[&str], folder: &Path) -> Result<(), String> {
    context::make_folder(folder)?;
    let chosen = tree.iter().filter(|(path, _)| endings.iter().any(|end| path.ends_with(end)));
    for (path, text) in chosen {
        context::write(&folder.join(path.rsplit('/').next().unwrap_or(path)), text)?;
    }
    Ok(())
}
