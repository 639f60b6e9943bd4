//! Wrong proofs are refused, and wrong models are found wrong.
//!
//! Each file in `proofs/mistakes/{coq,smt}/` changes a definition or a proof: Coq, or z3, must refuse
//! it. Each in `proofs/mistakes/spin/` makes a known mistake in the models: SPIN must find it, and the
//! shortest way to it is kept in `proofs/trails/`. The form is that of `loom-tests/seeded/`.

use std::fs;
use std::path::Path;
use std::time::Instant;

use super::{coq, pure, spin, two_at_a_time};
use crate::mutants::is_chosen;
use crate::seeded::Seed;
use crate::tree::Tree;
use crate::verify::Setup;

const FOLDERS: [&str; 3] =
    ["proofs/mistakes/coq/", "proofs/mistakes/smt/", "proofs/mistakes/spin/"];

/// Where the ways to the mistakes are told.
const TRAILS: &str = "proofs/trails";

/// All mistakes.
fn seeds(tree: &Tree) -> Result<Vec<Seed>, String> {
    let mut seeds = Vec::new();
    for (path, text) in tree {
        let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder));
        if let Some(name) = name.and_then(|name| name.strip_suffix(".txt")) {
            seeds.push(Seed::read(name, text).map_err(|reason| format!("{path}: {reason}"))?);
        }
    }
    Ok(seeds)
}

/// Can all mistakes still be made? Returns how many there are.
pub fn check(tree: &Tree) -> Result<usize, String> {
    let (seeds, models) = (seeds(tree)?, spin::models(tree)?);
    for seed in &seeds {
        seed.applied(tree)?;
        if is_a_model(seed) {
            model(seed, &models)?;
        }
    }
    Ok(seeds.len())
}

fn is_a_model(seed: &Seed) -> bool {
    seed.files().all(|file| file.ends_with(".pml"))
}

/// The model that a mistake shows in.
fn model<'a>(seed: &Seed, models: &'a [spin::Model]) -> Result<&'a spin::Model, String> {
    let found = models.iter().find(|model| Some(&model.name) == seed.killer.as_ref());
    found.ok_or_else(|| format!("{}: there is no such model", seed.name))
}

/// Makes all mistakes whose names contain one of the filters, two at a time.
pub fn run(setup: &Setup, tree: &Tree, folder: &Path, filters: &[String]) -> Result<(), String> {
    let (seeds, models) = (seeds(tree)?, spin::models(tree)?);
    let chosen: Vec<&Seed> = seeds.iter().filter(|seed| is_chosen(&seed.name, filters)).collect();
    if chosen.is_empty() {
        return Err("no mistake has such a name".to_owned());
    }
    let checked = folder.join("coq");
    if chosen.iter().any(|seed| seed.files().any(|file| file.ends_with(".v"))) {
        coq::run(tree, &checked, coq::Extent::Changed)?;
    }
    two_at_a_time(chosen, |seed| {
        let started = Instant::now();
        let how = noticed(setup, tree, seed, &models, folder)
            .map_err(|reason| format!("{}: {reason}", seed.name))?;
        println!("variant: {}: {how} ({:.1} s)", seed.name, started.elapsed().as_secs_f64());
        Ok(())
    })
}

/// Makes a mistake, and says how it is noticed.
fn noticed(
    setup: &Setup,
    tree: &Tree,
    seed: &Seed,
    models: &[spin::Model],
    folder: &Path,
) -> Result<String, String> {
    let wrong = seed.applied(tree)?;
    let files: Vec<&str> = seed.files().collect();
    let place = folder.join("mutants").join(&seed.name);
    let found = if is_a_model(seed) {
        let model = model(seed, models)?;
        match spin::counterexample(&wrong, model, &place)? {
            None => None,
            Some((error, trail)) => {
                keep(setup, seed, model, &error, &trail)?;
                Some(format!("{}: {error}, after {} steps", model.name, trail.lines().count()))
            }
        }
    } else if files.iter().all(|file| file.ends_with(".v")) {
        coq::refused(&wrong, &files, &folder.join("coq"), &place)?
    } else if let [file] = files[..] {
        pure::refuted(&wrong, file, &place)?
    } else {
        return Err("for whom is this?".to_owned());
    };
    found.ok_or_else(|| "goes unnoticed".to_owned())
}

/// Writes down the way to a mistake.
fn keep(
    setup: &Setup,
    seed: &Seed,
    model: &spin::Model,
    error: &str,
    trail: &str,
) -> Result<(), String> {
    let folder = setup.root.join(TRAILS);
    let text = format!(
        "{}\n\nFound by `cargo xtask verify proofs --mutants {}`, in the model `{}`: {}.\nThe \
         shortest way to it:\n\n{trail}{}\n",
        seed.what,
        seed.name,
        model.name,
        model.what,
        error.trim_start_matches("pan:1: "),
    );
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(folder.join(format!("{}.txt", seed.name)), text).map_err(failed)
}
