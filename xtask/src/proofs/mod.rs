//! The proofs: what `proofs/README.md` says is proved, is.
//!
//! - `texts`: the texts of the proofs and models, copies of them for the tools, and what they claim
//! - `sites`: the names of the accesses in the source against those in the proofs
//! - `smt`: z3 on the pure parts
//! - `coq`: Coq on the protocol
//! - `spin`: SPIN on models of the protocol
//! - `mistakes`: wrong proofs are refused, wrong models are found wrong

mod texts;
mod sites;
mod smt;
mod coq;
mod spin;
mod mistakes;

use anyhow::Result;

use crate::platforms::prepared;
use crate::run::{Options, Plan, TARGET, all_right, cargo, own};
use crate::source;

pub fn plan(options: &Options) -> Plan {
    prepared(if options.quick { "quick" } else { "proofs" })?;
    let mut commands = vec![own("proofs")];
    if !options.quick && !options.mutants {
        commands.push(cargo("test --release --lib conformance:: -- --nocapture"));
    }
    Ok(commands)
}

/// Checks all proofs; with `--mutants`, that wrong ones are refused instead.
pub fn run(options: &Options) -> Result<()> {
    let tree = texts::read()?;
    println!("cases: sites {}", sites::check(&source::sites(&source::crate_only()?), &tree)?);
    let mistakes = mistakes::read(&tree)?;
    println!("cases: mistakes {}", mistakes.len());
    let folder = TARGET.join("proofs");
    if options.mutants {
        return mistakes::run(options, &tree, &mistakes, &folder);
    }
    let extent = if options.quick { coq::Extent::None } else { coq::Extent::All };
    let results = [
        smt::run(&tree, &folder.join("pure")),
        coq::run(&tree, &folder.join("coq"), extent),
        spin::run(&tree, &folder.join("spin"), options.quick),
    ];
    let wrong = results.into_iter().filter_map(Result::err).map(|reason| format!("{reason:#}"));
    all_right(wrong.collect())
}
