//! Wrong proofs are refused, and wrong models are found wrong.
//!
//! A patch changes a definition or a proof: Coq, or z3, must refuse it. Or it makes a known mistake
//! in the models: SPIN must find it, and the shortest way to it is kept.

use std::path::Path;
use std::time::Instant;

use super::{coq, smt, spin};
use crate::run::context::{Context, paths};
use crate::run::process::share_out;
use crate::source::patch::Mistake;
use crate::source::tree::Tree;

/// Returns all mistakes.
fn mistakes(tree: &Tree) -> Result<Vec<Mistake>, String> {
    let is_one = |path: &str| {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        paths::PROOF_MISTAKES.contains(&folder) && path.ends_with(".patch")
    };
    let patches = tree.iter().filter(|(path, _)| is_one(path));
    patches.map(|(path, text)| Mistake::read(path, text)).collect()
}

/// Checks that all mistakes can still be made. Returns how many there are.
pub fn check(tree: &Tree) -> Result<usize, String> {
    let (all, models) = (mistakes(tree)?, spin::models(tree)?);
    for mistake in &all {
        mistake.applied(tree)?;
        if is_a_model(mistake) {
            model(mistake, &models)?;
        }
    }
    Ok(all.len())
}

fn is_a_model(mistake: &Mistake) -> bool {
    mistake.files().all(|file| file.ends_with(".pml"))
}

/// Returns the model that a mistake shows in.
fn model<'a>(mistake: &Mistake, models: &'a [spin::Model]) -> Result<&'a spin::Model, String> {
    let found = models.iter().find(|model| Some(&model.name) == mistake.killer.as_ref());
    found.ok_or_else(|| {
        let killer = mistake.killer.as_deref().unwrap_or_default();
        format!("{}: `killer: {killer}` names no model", mistake.name)
    })
}

/// Makes the mistakes whose names the user has chosen, two at a time.
pub fn run(context: &Context, tree: &Tree, folder: &Path) -> Result<(), String> {
    let (all, models) = (mistakes(tree)?, spin::models(tree)?);
    let mut chosen = all;
    chosen.retain(|mistake| context.options.chooses(&mistake.name));
    if chosen.is_empty() {
        let names = context.options.names.join(" ");
        return Err(format!("no mistake has a name with `{names}` in it"));
    }
    let checked = folder.join("coq");
    if chosen.iter().any(|mistake| mistake.files().any(|file| file.ends_with(".v"))) {
        coq::run(tree, &checked, coq::Extent::Changed)?;
    }
    share_out(2, &chosen, |_, mistake| {
        let started = Instant::now();
        let how = noticed(context, tree, mistake, &models, folder)
            .map_err(|reason| format!("{}: {reason}", mistake.name))?;
        println!("variant: {}: {how} ({:.1} s)", mistake.name, started.elapsed().as_secs_f64());
        Ok(())
    })
}

/// Makes a mistake, and says how it is noticed.
fn noticed(
    context: &Context,
    tree: &Tree,
    mistake: &Mistake,
    models: &[spin::Model],
    folder: &Path,
) -> Result<String, String> {
    let wrong = mistake.applied(tree)?;
    let files: Vec<&str> = mistake.files().collect();
    let place = folder.join("mutants").join(&mistake.name);
    let found = if is_a_model(mistake) {
        let model = model(mistake, models)?;
        match spin::counterexample(&wrong, model, &place)? {
            None => None,
            Some((error, trail)) => {
                keep(context, mistake, model, &error, &trail)?;
                Some(format!("{}: {error}, after {} steps", model.name, trail.lines().count()))
            }
        }
    } else if files.iter().all(|file| file.ends_with(".v")) {
        coq::refused(&wrong, &files, &folder.join("coq"), &place)?
    } else if let [file] = files[..] {
        smt::refuted(&wrong, file, &place)?
    } else {
        return Err(format!("changes {}, expected *.v, *.pml, or one *.smt2", files.join(", ")));
    };
    found.ok_or_else(|| "goes unnoticed".to_owned())
}

/// Writes down the way to a mistake.
fn keep(
    context: &Context,
    mistake: &Mistake,
    model: &spin::Model,
    error: &str,
    trail: &str,
) -> Result<(), String> {
    let text = format!(
        "{}\n\nFound by `cargo xtask verify proofs --mutants {}`, in the model `{}`: {}.\nThe \
         shortest way to it:\n\n{trail}{}\n",
        mistake.what,
        mistake.name,
        model.name,
        model.what,
        error.trim_start_matches("pan:1: "),
    );
    context.write(&format!("{}/{}.txt", paths::SPIN_TRAILS, mistake.name), &text)
}
