//! The user's choices, and where everything is.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Result, ensure};
use fs_err as fs;

/// The repository's root. Cargo tells where this package is; a copied binary knows where it was
/// built.
pub static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let package = std::env::var("CARGO_MANIFEST_DIR");
    let mut root = PathBuf::from(package.as_deref().unwrap_or(env!("CARGO_MANIFEST_DIR")));
    root.pop();
    root
});

/// Cargo's build folder, in which others have folders of their own.
pub static TARGET: LazyLock<PathBuf> = LazyLock::new(|| {
    ROOT.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
});

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    pub quick: bool,
    /// Tries again what was tried before.
    pub all: bool,
    /// Makes mistakes in the proofs instead of checking them.
    pub mutants: bool,
    /// How long the stress test runs, on the crate or on each mistake.
    pub seconds: Option<u64>,
    /// Names of checks; all of them when empty.
    pub only: Vec<String>,
    /// Parts of the names of wrong variants; all of them when empty.
    pub names: Vec<String>,
}

impl Options {
    /// Returns the wrong variants that are to be tried.
    pub fn choose<'t, T>(&self, all: &'t [T], name: fn(&T) -> &str) -> Result<Vec<&'t T>> {
        let is_named = |one: &&T| self.names.iter().any(|part| name(one).contains(&**part));
        let is_chosen = |one: &&T| self.names.is_empty() || is_named(one);
        let chosen: Vec<&T> = all.iter().filter(is_chosen).collect();
        ensure!(!chosen.is_empty(), "no variant has a name with `{}` in it", self.names.join(" "));
        Ok(chosen)
    }
}

/// Reads a file, from the root.
pub fn read(file: impl AsRef<Path>) -> Result<String> {
    Ok(fs::read_to_string(ROOT.join(file))?)
}

/// Writes a file, and its folder where there is none. Leaves alone what is right already, so that
/// cargo does not build it again.
pub fn write(file: impl AsRef<Path>, text: &str) -> Result<()> {
    let file = ROOT.join(file);
    if !fs::read_to_string(&file).is_ok_and(|old| old == text) {
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(file, text)?;
    }
    Ok(())
}

/// Returns `Ok` if nothing is wrong, else all that is, a line each.
pub fn all_right(wrong: Vec<String>) -> Result<()> {
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
