//! The proofs: what `proofs/README.md` says is proved, is.
//!
//! In this order, the quick parts first: the names of the accesses in the source against those in
//! the proofs; whether the known mistakes can still be made; z3 on the pure parts; Coq; SPIN.

mod access;
mod claims;
mod coq;
mod mistakes;
mod pure;
mod spin;

pub use access::unlabelled;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::debian;
use crate::invocation::{cargo, program};
use crate::process::output_of;
use crate::steps::{Plan, Say, own};
use crate::tree::{self, Tree};
use crate::verify::Setup;

/// The programs that are needed, and the packages that have them.
const TOOLS: [(&str, &str); 4] =
    [("coqc --version", "coq"), ("spin -V", "spin"), ("z3 --version", "z3"), ("gcc -v", "gcc")];

/// What `cargo xtask verify proofs` runs.
pub fn plan(setup: &Setup, say: Say) -> Plan {
    let missing = TOOLS.iter().filter(|(command, _)| {
        let (tool, arguments) = command.split_once(' ').unwrap_or((command, ""));
        output_of(&program(tool, arguments), Path::new("/")).is_err()
    });
    let missing: Vec<&str> = missing.map(|(_, package)| *package).collect();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        if setup.quick {
            return Err(format!("quick, and this is not installed: {packages}"));
        }
        // With it comes what C programs are linked with.
        debian::install(&packages.replace("gcc", "gcc libc6-dev"), say)?;
    }
    let proofs = own("proofs", setup);
    if setup.quick || setup.mutants {
        return Ok(vec![proofs]);
    }
    let defined = cargo("test --release --lib defined:: -- --nocapture");
    Ok(vec![proofs, defined])
}

/// Checks all proofs; with `mutants`, that wrong ones are refused instead, those whose names
/// contain one of the filters.
pub fn run(setup: &Setup, quick: bool, mutants: bool, filters: &[String]) -> Result<(), String> {
    let tree = read(&setup.root)?;
    let sources = tree::read(&setup.root)?;
    println!("cases: sites {}", access::check(&sources, &tree)?);
    println!("cases: mistakes {}", mistakes::check(&tree)?);
    let folder = setup.target.join("proofs");
    if mutants {
        return mistakes::run(setup, &tree, &folder, filters);
    }
    let extent = if quick { coq::Extent::None } else { coq::Extent::All };
    let results = [
        pure::run(&tree, &folder.join("pure")),
        coq::run(&tree, &folder.join("coq"), extent),
        spin::run(&tree, &folder.join("spin"), quick),
    ];
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// Names all accesses in the source.
pub fn label_sites(setup: &Setup) -> Result<(), String> {
    let sources = tree::read(&setup.root)?;
    for (path, text) in access::sources(&sources) {
        let labelled = access::label(path, text)?;
        if labelled != *text {
            std::fs::write(setup.root.join(path), labelled)
                .map_err(|error| format!("{path}: {error}"))?;
            println!("{path}");
        }
    }
    Ok(())
}

/// All texts in `proofs/`.
fn read(root: &Path) -> Result<Tree, String> {
    let mut tree = Tree::new();
    let folders = [
        "proofs",
        "proofs/coq",
        "proofs/smt",
        "proofs/spin",
        "proofs/mistakes/coq",
        "proofs/mistakes/smt",
        "proofs/mistakes/spin",
    ];
    for folder in folders {
        let entries = std::fs::read_dir(root.join(folder));
        for entry in entries.map_err(|error| format!("{folder}: {error}"))?.flatten() {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            let kinds = [".v", ".pml", ".smt2", ".txt", "_CoqProject"];
            if kinds.iter().any(|kind| path.ends_with(kind)) {
                tree.insert(path.clone(), tree::read_file(root, &path)?);
            }
        }
    }
    Ok(tree)
}

/// Does something with all items, two at a time, and collects the errors.
fn two_at_a_time<T: Send>(
    items: Vec<T>,
    each: impl Fn(T) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let (queue, wrong) = (Mutex::new(items.into_iter()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let Some(item) = locked(&queue).next() else { break };
            if let Err(reason) = each(item) {
                locked(&wrong).push(reason);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let wrong = locked(&wrong);
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The texts that a tool needs, those of these kinds, alone in a folder.
fn copy(tree: &Tree, kinds: &[&str], folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    for (path, text) in tree.iter().filter(|(path, _)| kinds.iter().any(|k| path.ends_with(k))) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let file = folder.join(name);
        if !std::fs::read_to_string(&file).is_ok_and(|old| old == *text) {
            std::fs::write(file, text).map_err(failed)?;
        }
    }
    Ok(())
}
