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

/// Places in the repository, from its root, with `/`.
pub mod paths {
    pub const SOURCE: &str = "src";
    pub const MANIFEST: &str = "Cargo.toml";
    pub const LOCK: &str = "Cargo.lock";
    /// What the crate's documentation includes.
    pub const TEXTS: [&str; 4] =
        ["README.md", "docs/DESIGN.md", "docs/MIGRATION.md", "docs/SANDBOX.md"];
    /// Atomics, locks, and threads come only through here, and the system's calls.
    pub const SYNC: &str = "src/sync/";
    pub const SYSTEM: &str = "src/sys/";

    pub const MODELS: &str = "loom-tests";
    pub const MODEL_INDEX: &str = "loom-tests/INDEX.md";
    pub const LOOM_PATCH: &str = "loom-tests/loom.patch";
    /// Known mistakes, and the verdicts on them and on weakened orderings.
    pub const MISTAKES: &str = "loom-tests/mistakes";
    pub const MISTAKES_TABLE: &str = "loom-tests/mistakes/SEEDED.md";
    pub const ORDERINGS_TABLE: &str = "loom-tests/mistakes/MUTANTS.md";
    pub const EQUIVALENT: &str = "loom-tests/mistakes/equivalent.txt";
    pub const UNTRIED: &str = "loom-tests/mistakes/untried.txt";

    /// The stress test: its folders, its table, and why some mistakes survive it.
    pub const STRESS: [&str; 2] = ["tests/threads", "tests/common"];
    pub const STRESS_TABLE: &str = "tests/threads/SURVIVAL.md";
    pub const STRESS_REASONS: &str = "tests/threads/survivors.txt";

    /// All texts of the proofs, the folder of Coq's, SPIN's models, and the mistakes in them.
    pub const PROOFS: &str = "proofs";
    pub const COQ: &str = "proofs/coq";
    pub const COQ_PROJECT: &str = "proofs/coq/_CoqProject";
    pub const SPIN_MODELS: &str = "proofs/spin/models.txt";
    pub const SPIN_TRAILS: &str = "proofs/trails";
    pub const PROOF_MISTAKES: [&str; 3] =
        ["proofs/mistakes/coq", "proofs/mistakes/smt", "proofs/mistakes/spin"];
    pub const UNMODELED: &str = "proofs/unmodelled.txt";

    pub const PLATFORMS: &str = "xtask/platforms/cargo.sh";
    pub const FETCH: &str = "xtask/platforms/fetch.sh";
    pub const FIGURES: &str = "benches/RESULTS.md";
}

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
