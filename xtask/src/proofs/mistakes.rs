//! Wrong proofs are refused, and wrong models are found wrong.
//!
//! A patch changes a definition or a proof: Coq, or z3, must refuse it. Or it makes a known mistake
//! in the models: SPIN must find it, and the shortest way to it is kept.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::{coq, smt, spin};
use crate::run::{Options, context, share_out};
use crate::source::{Mistake, Tree, mistakes};

/// A mistake, and the model that it shows in, if it is one in the models.
type Case = (Mistake, Option<spin::Model>);

/// Returns all mistakes. All of them can still be made.
pub fn read(tree: &Tree) -> Result<Vec<Case>> {
    let models = spin::models(tree)?;
    let case = |mistake: Mistake| {
        mistake.applied(tree)?;
        if !mistake.files().all(|file| file.ends_with(".pml")) {
            return Ok((mistake, None));
        }
        let killer = mistake.killer.as_deref().unwrap_or_default();
        let model = models.iter().find(|model| model.name == killer).cloned();
        let wrong = || format!("{}: `killer: {killer}` names no model", mistake.name);
        let model = model.with_context(wrong)?;
        Ok((mistake, Some(model)))
    };
    let folders = ["coq", "smt", "spin"].map(|kind| mistakes(&format!("proofs/mistakes/{kind}")));
    let folders = folders.into_iter().collect::<Result<Vec<_>>>()?;
    folders.into_iter().flatten().map(case).collect()
}

/// Makes the mistakes whose names the user has chosen, two at a time.
pub fn run(options: &Options, tree: &Tree, all: &[Case], folder: &Path) -> Result<()> {
    let chosen = options.choose(all, |(mistake, _)| &mistake.name)?;
    if chosen.iter().any(|(mistake, _)| mistake.files().any(|file| file.ends_with(".v"))) {
        coq::run(tree, &folder.join("coq"), coq::Extent::Changed)?;
    }
    let tried = share_out(&chosen, |_, case| {
        let (started, name) = (Instant::now(), &case.0.name);
        let how = noticed(tree, case, folder).with_context(|| name.clone())?;
        println!("variant: {name}: {how} ({:.1} s)", started.elapsed().as_secs_f64());
        Ok(())
    });
    tried.map(drop)
}

fn noticed(tree: &Tree, (mistake, model): &Case, folder: &Path) -> Result<String> {
    let wrong = mistake.applied(tree)?;
    let files: Vec<&str> = mistake.files().collect();
    let place = folder.join("mutants").join(&mistake.name);
    let found = if let Some(model) = model {
        match spin::counterexample(&wrong, model, &place)? {
            None => None,
            Some([error, trail]) => {
                keep(mistake, model, &error, &trail)?;
                Some(format!("{}: {error}, after {} steps", model.name, trail.lines().count()))
            }
        }
    } else if files.iter().all(|file| file.ends_with(".v")) {
        coq::refused(&wrong, &files, &folder.join("coq"), &place)?
    } else if let [file] = files[..] {
        smt::refuted(&wrong, file, &place)?
    } else {
        bail!("changes {}, expected *.v, *.pml, or one *.smt2", files.join(", "));
    };
    found.context("goes unnoticed")
}

fn keep(mistake: &Mistake, model: &spin::Model, error: &str, trail: &str) -> Result<()> {
    let (Mistake { name, what, .. }, spin::Model { name: model, what: meaning, .. }) =
        (mistake, model);
    let error = error.trim_start_matches("pan:1: ");
    let text = format!(
        "{what}\n\nFound by `cargo xtask verify proofs --mutants {name}`, in the model `{model}`: \
         {meaning}.\nThe shortest way to it:\n\n{trail}{error}\n"
    );
    context::write(format!("proofs/trails/{name}.txt"), &text)
}
