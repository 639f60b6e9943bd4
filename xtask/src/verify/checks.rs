//! The table of checks. To add one, add a row.

use super::evidence::Evidence::{self, Cases, Commands, Files, Models, Outcomes, Proofs, Tests};
use crate::loom::compare;
use crate::loom::index::NOT_QUICK;
use crate::loom::patched::{patched_loom, stock_loom};
use crate::mistakes::stress;
use crate::platforms::debian::install;
use crate::platforms::sanitizer::Sanitizer;
use crate::platforms::{cross, keys};
use crate::proofs;
use crate::run::command::{Command, cargo, program};
use crate::run::context::{Context, paths};
use crate::run::plan::{Plan, Say, own};
use crate::run::process::output_of;
use When::{Always, OnRequest, Thorough};

/// One check.
pub struct Check {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it checks, for the tables.
    pub subject: &'static str,
    /// What checks it.
    pub tool: &'static str,
    pub when: When,
    /// What its output must show for it to have passed.
    pub evidence: Evidence,
    /// When it counts as hung.
    pub minutes: u64,
    /// Says what it consists of.
    pub plan: fn(&Context, Say) -> Plan,
}

/// When a check is run without being named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    Always,
    /// Not with `--quick`.
    Thorough,
    /// Never.
    OnRequest,
}

/// Returns the check of this name.
pub fn named(name: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.name == name)
}

/// Returns the table for `--list`.
pub fn listing() -> String {
    let line = |check: &Check| {
        let when = match check.when {
            Always => "",
            Thorough => " (not with --quick)",
            OnRequest => " (only if named)",
        };
        format!("{:<13} {}: {}{when}\n", check.name, check.tool, check.subject)
    };
    CHECKS.iter().map(line).collect()
}

type Row = (&'static str, &'static str, &'static str, When, Evidence, u64);

const fn check(row: Row, plan: fn(&Context, Say) -> Plan) -> Check {
    let (name, subject, tool, when, evidence, minutes) = row;
    Check { name, subject, tool, when, evidence, minutes, plan }
}

/// Returns the plan of one cargo command.
fn one(arguments: &str) -> Plan {
    Ok(vec![cargo(arguments)])
}

/// All checks, in the order in which they run: name, subject, tool, when, evidence, minutes.
pub static CHECKS: &[Check] = &[
    check(("fmt", "layout of the source", "rustfmt", Always, Files, 2), |_, _| {
        one("fmt --all --check -- --color never")
    }),
    check(("lint", "lints, also under loom and shuttle", "clippy", Always, Files, 15), lints),
    check(("doc", "documentation and its links", "rustdoc", Always, Files, 10), |_, _| {
        let doc = cargo("doc --no-deps --document-private-items");
        Ok(vec![doc.env_append("RUSTDOCFLAGS", "-D warnings")])
    }),
    check(("unit", "each module by itself", "cargo test", Always, Tests, 15), |_, _| {
        one("test --lib")
    }),
    check(("doctest", "examples in the documentation", "cargo test", Always, Tests, 10), |_, _| {
        one("test --doc")
    }),
    check(
        ("property", "random actions against a model", "quickcheck", Always, Cases, 15),
        |_, _| one("test --release --test properties -- --nocapture"),
    ),
    check(("api", "public behavior", "cargo test", Always, Tests, 15), |_, _| {
        one("test --test api --test layout")
    }),
    check(
        ("slab", "the slab: dropping, stale keys, stress", "cargo test", Always, Tests, 15),
        |_, _| one("test --release --features serde --test slab"),
    ),
    check(("code-table", "the table of code pointers", "cargo test", Always, Tests, 10), |_, _| {
        one("test --test code_table")
    }),
    check(
        ("every-handle", "all handles, all signatures", "cargo test", Thorough, Cases, 10),
        |_, _| {
            let test = cargo("test --release --test code_table -- --nocapture every_handle");
            Ok(vec![test.env("SLOTARENA_HEAVY", "1")])
        },
    ),
    check(("keys", "protection keys, emulated", "QEMU", Thorough, Tests, 20), keys::plan),
    check(("tidy", "the project's own style", "cargo test", Always, Tests, 5), |_, _| {
        one("test --package xtask -- source::tidy::")
    }),
    check(("xtask", "this test command", "cargo test", Always, Tests, 5), |_, _| {
        one("test --package xtask -- --skip source::tidy::")
    }),
    check(
        ("stress", "real threads, checked afterwards", "cargo test", Always, Cases, 15),
        |context, _| {
            let stress = cargo("test --release --test threads -- --nocapture --test-threads=1");
            let usual = if context.options.quick { 2 } else { 60 };
            let seconds = context.options.seconds.unwrap_or(usual);
            Ok(vec![stress.env("SLOTARENA_STRESS_SECONDS", seconds.to_string())])
        },
    ),
    check(
        ("asan", "memory is in use when used", "AddressSanitizer", Thorough, Tests, 15),
        |context, say| {
            let tests = cargo("test --lib --test api --test properties --test threads");
            let tests = tests.target_dir(&context.target.join("asan"));
            Ok(vec![Sanitizer::Address.watch(tests, context, say)?])
        },
    ),
    check(
        ("tsan", "every access is ordered", "ThreadSanitizer", Thorough, Cases, 20),
        |context, say| Ok(vec![stress::sanitized(context, say)?]),
    ),
    check(
        ("history", "recorded histories, linearizable", "todc-utils", Always, Cases, 10),
        |context, _| {
            let profile = if context.options.quick { "" } else { "--release " };
            one(&format!("test {profile}--test linearizability -- --nocapture"))
        },
    ),
    check(
        ("heap", "the back end without reservations", "cargo test", Thorough, Tests, 15),
        |context, _| {
            let tests = cargo("test --lib --test properties --test linearizability");
            let tests = tests.target_dir(&context.target.join("heap"));
            Ok(vec![tests.env_append("RUSTFLAGS", "--cfg slotarena_heap")])
        },
    ),
    check(("heavy", "full-sized tables", "cargo test", Thorough, Tests, 20), |_, _| {
        let heavy = cargo("test --release --test heavy -- --nocapture --test-threads=1");
        Ok(vec![heavy.env("SLOTARENA_HEAVY", "1")])
    }),
    check(("limits", "refusals by the system", "cargo test", Always, Tests, 10), |_, _| {
        one("test --release --test limits -- --test-threads=1")
    }),
    check(
        ("counts", "instructions, locks, system calls", "callgrind, ptrace", Thorough, Cases, 15),
        |context, say| {
            if output_of(&program("valgrind", "--version"), &context.root).is_err() {
                install(context, "valgrind binutils", say)?;
            }
            let counts = cargo("test --release --test counts -- --nocapture --test-threads=1");
            Ok(vec![counts.env("SLOTARENA_COUNTS", "1")])
        },
    ),
    check(("loom", "all interleavings of small models", "loom", Always, Models, 40), models),
    check(
        ("loom-gap", "what loom misses, corrected", "loom", Thorough, Cases, 20),
        |context, _| {
            let arguments = "test --release --features loom --test loom_gap \
                         -- --nocapture --test-threads=2";
            let [patch, patched] = patched_loom(arguments, "--cfg loom", context, "build");
            let stock = stock_loom(cargo(arguments), context);
            Ok(vec![stock, patch, patched.env("SLOTARENA_LOOM_PATCHED", "1")])
        },
    ),
    check(
        ("shuttle", "loom finds what shuttle does", "shuttle, loom", Thorough, Outcomes, 20),
        compare::plan,
    ),
    check(
        ("proofs", "theorems; models; names of accesses", "Coq, z3, SPIN", Always, Proofs, 30),
        proofs::plan,
    ),
    check(("examples", "the parts of the examples", "cargo test", Always, Tests, 10), |_, _| {
        one("test --package slotarena --examples")
    }),
    check(
        ("mutant-list", "lists of mutants and mistakes", "xtask", Always, Cases, 5),
        |context, _| Ok(vec![own("mutant-list", context)]),
    ),
    check(
        ("seeded", "models notice known mistakes", "loom", OnRequest, Commands("run"), 30),
        |context, _| Ok(vec![own("seeded", context)]),
    ),
    check(
        ("seeded-stress", "known mistakes, no loom", "cargo test", OnRequest, Commands("run"), 600),
        |context, _| Ok(vec![own("seeded-stress", context)]),
    ),
    check(
        ("seeded-tsan", "the rest", "ThreadSanitizer", OnRequest, Commands("run"), 600),
        |context, _| Ok(vec![own("seeded-tsan", context)]),
    ),
    check(
        ("mutants", "models notice weaker orderings", "loom", OnRequest, Commands("run"), 120),
        |context, _| Ok(vec![own("mutants", context)]),
    ),
    check(
        ("statements", "wrong arithmetic", "cargo-mutants", OnRequest, Commands("run"), 40),
        statements,
    ),
    check(
        ("replay", "recorded traces, replayed", "example replay", Always, Commands("run"), 10),
        |context, _| {
            let plain = cargo("run --release --example replay");
            let swept = "run --release --example replay -- --threads 16 --sweep-every 1000";
            Ok(if context.options.quick { vec![plain] } else { vec![plain, cargo(swept)] })
        },
    ),
    check(
        ("wasm-calls", "real WebAssembly", "example wasm_calls", Thorough, Commands("run"), 20),
        |_, _| {
            let run = "run --release --example wasm_calls -- --seconds 2";
            Ok(vec![cargo(run), cargo(run).argument("--attack")])
        },
    ),
    check(
        ("bench-smoke", "benchmarks, once each", "cargo bench", Thorough, Commands("run"), 20),
        |_, _| one("bench -- --test"),
    ),
    check(
        ("msrv", "oldest supported compiler", "cargo check", Thorough, Commands("build"), 15),
        cross::msrv,
    ),
    check(
        ("windows", "Windows", "Wine or cargo check", Thorough, Commands("build"), 20),
        cross::windows,
    ),
    check(
        ("portable", "32 bits; no paging", "i686, wasm32", Thorough, Commands("build"), 20),
        cross::portable,
    ),
];

fn lints(context: &Context, _: Say) -> Plan {
    let plain = cargo("clippy --workspace --all-targets -- -D warnings");
    let core = cargo("clippy --no-default-features --features serde --lib -- -D warnings");
    let loom = cargo("clippy --features loom --lib --test loom --test loom_gap -- -D warnings");
    let shuttle = cargo("clippy --features shuttle --lib --test loom -- -D warnings");
    Ok(vec![plain, core, stock_loom(loom, context), compare::on_shuttle(shuttle, context)])
}

fn models(context: &Context, _: Say) -> Plan {
    let arguments = "test --release --features loom --test loom -- --nocapture --test-threads=2";
    let [patch, loom] = patched_loom(arguments, "--cfg loom", context, "build");
    if !context.options.quick {
        return Ok(vec![patch, loom]);
    }
    let skip = |loom: Command, name: &&str| loom.argument("--skip").argument(name);
    let loom = NOT_QUICK.iter().fold(loom.argument("--exact"), skip);
    Ok(vec![patch, loom.env("SLOTARENA_LOOM_QUICK", "2")])
}

fn statements(context: &Context, _: Say) -> Plan {
    let tools = context.target.join("tools");
    let install = cargo("install cargo-mutants --locked --root").path(&tools);
    let mutants = program(tools.join("bin/cargo-mutants"), "mutants --no-times --colors never");
    let files = |run: Command, file: &&str| run.argument("-f").argument(file);
    let run = paths::STATEMENTS.iter().fold(mutants, files).argument("-o").path(&context.target);
    let run = run.arguments("-- --lib --");
    let run = paths::STATEMENT_TESTS.iter().fold(run, |run, test| run.argument(test));
    Ok(vec![install, run])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for check in CHECKS {
            assert!(named(check.name).is_some_and(|found| std::ptr::eq(found, check)));
        }
        assert!(named("nothing").is_none());
        assert_eq!(listing().lines().count(), CHECKS.len());
    }
}
