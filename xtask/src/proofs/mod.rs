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

use std::path::Path;

use crate::platforms::install;
use crate::run::command::{Plan, Say, cargo, own, program};
use crate::run::context::{Context, all_right};
use crate::run::process::output_of;
use crate::source::sites::sites;
use crate::source::tree::crate_only;

/// The programs that are needed, and the packages that have them.
const TOOLS: [(&str, &str, &str); 4] = [
    ("coqc", "--version", "coq"),
    ("spin", "-V", "spin"),
    ("z3", "--version", "z3"),
    ("gcc", "-v", "gcc libc6-dev"),
];

pub fn plan(context: &Context, say: Say) -> Plan {
    let is_missing =
        |tool: &str, flag: &str| output_of(&program(tool, flag), Path::new("/")).is_err();
    let missing = TOOLS.iter().filter(|(tool, flag, _)| is_missing(tool, flag));
    let missing: Vec<&str> = missing.map(|(_, _, package)| *package).collect();
    if !missing.is_empty() {
        let packages = missing.join(" ");
        if context.options.quick {
            return Err(format!("not installed, and a quick run installs nothing: {packages}"));
        }
        install(context, &packages, say)?;
    }
    let proofs = own("proofs", context);
    if context.options.quick || context.options.mutants {
        return Ok(vec![proofs]);
    }
    Ok(vec![proofs, cargo("test --release --lib conformance:: -- --nocapture")])
}

/// Checks all proofs; with `--mutants`, that wrong ones are refused instead.
pub fn run(context: &Context) -> Result<(), String> {
    let tree = texts::read(&context.root)?;
    println!("cases: sites {}", sites::check(&sites(&crate_only(&context.root)?), &tree)?);
    let mistakes = mistakes::read(&context.root, &tree)?;
    println!("cases: mistakes {}", mistakes.len());
    let folder = context.target.join("proofs");
    if context.options.mutants {
        return mistakes::run(context, &tree, &mistakes, &folder);
    }
    let quick = context.options.quick;
    let extent = if quick { coq::Extent::None } else { coq::Extent::All };
    let results = [
        smt::run(&tree, &folder.join("pure")),
        coq::run(&tree, &folder.join("coq"), extent),
        spin::run(&tree, &folder.join("spin"), quick),
    ];
    all_right(results.into_iter().filter_map(Result::err).collect())
}
