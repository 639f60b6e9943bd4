//! The table of checks. To add one, add a row.

use super::evidence::Evidence::{self, Cases, Commands, Files, Models, Outcomes, Proofs, Tests};
use crate::loom::compare;
use crate::loom::index::NOT_QUICK;
use crate::loom::patched::{patched_loom, stock_loom};
use crate::mistakes::stress;
use crate::platforms::{self, Sanitizer, install};
use crate::proofs;
use crate::run::command::{Command, cargo, program};
use crate::run::context::{Context, paths};
use crate::run::plan::{Plan, Say, own_plan};
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
    commands: Commanded,
}

/// What a check consists of.
enum Commanded {
    /// One cargo command.
    Cargo(&'static str),
    /// What this says of the check of this name.
    By(fn(&str, &Context, Say) -> Plan),
}

impl Check {
    /// Returns the commands that it consists of.
    pub fn plan(&self, context: &Context, say: Say) -> Plan {
        match self.commands {
            Commanded::Cargo(arguments) => Ok(vec![cargo(arguments)]),
            Commanded::By(plan) => plan(self.name, context, say),
        }
    }
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

const fn check((name, subject, tool, when, evidence, minutes): Row, commands: Commanded) -> Check {
    Check { name, subject, tool, when, evidence, minutes, commands }
}

const fn by(row: Row, plan: fn(&str, &Context, Say) -> Plan) -> Check {
    check(row, Commanded::By(plan))
}

const fn cargo_runs(row: Row, arguments: &'static str) -> Check {
    check(row, Commanded::Cargo(arguments))
}

/// All checks, in the order in which they run: name, subject, tool, when, evidence, minutes.
pub static CHECKS: &[Check] = &[
    cargo_runs(
        ("fmt", "layout of the source", "rustfmt", Always, Files, 2),
        "fmt --all --check -- --color never",
    ),
    by(("lint", "lints, also under loom and shuttle", "clippy", Always, Files, 15), lints),
    by(("doc", "documentation and its links", "rustdoc", Always, Files, 10), |_, _, _| {
        let doc = cargo("doc --no-deps --document-private-items");
        Ok(vec![doc.env_append("RUSTDOCFLAGS", "-D warnings")])
    }),
    cargo_runs(("unit", "each module by itself", "cargo test", Always, Tests, 15), "test --lib"),
    cargo_runs(
        ("doctest", "examples in the documentation", "cargo test", Always, Tests, 10),
        "test --doc",
    ),
    cargo_runs(
        ("property", "random actions against a model", "quickcheck", Always, Cases, 15),
        "test --release --test properties -- --nocapture",
    ),
    cargo_runs(
        ("api", "public behavior", "cargo test", Always, Tests, 15),
        "test --test api --test layout",
    ),
    cargo_runs(
        ("slab", "the slab: drops, stale keys, stress", "cargo test", Always, Tests, 15),
        "test --release --features serde --test slab",
    ),
    cargo_runs(
        ("code-table", "the table of code pointers", "cargo test", Always, Tests, 10),
        "test --test code_table",
    ),
    by(
        ("every-handle", "all handles, all signatures", "cargo test", Thorough, Cases, 10),
        |_, _, _| {
            let test = cargo("test --release --test code_table -- --nocapture every_handle");
            Ok(vec![test.env("SLOTARENA_HEAVY", "1")])
        },
    ),
    by(("keys", "protection keys, emulated", "QEMU", Thorough, Tests, 20), platforms::plan),
    cargo_runs(
        ("tidy", "the project's own style", "cargo test", Always, Tests, 5),
        "test --package xtask -- source::tidy::",
    ),
    cargo_runs(
        ("xtask", "this test command", "cargo test", Always, Tests, 5),
        "test --package xtask -- --skip source::tidy::",
    ),
    by(
        ("stress", "real threads, checked afterwards", "cargo test", Always, Cases, 15),
        |_, context, _| {
            let stress = cargo("test --release --test threads -- --nocapture --test-threads=1");
            let usual = if context.options.quick { 2 } else { 60 };
            let seconds = context.options.seconds.unwrap_or(usual);
            Ok(vec![stress.env("SLOTARENA_STRESS_SECONDS", seconds.to_string())])
        },
    ),
    by(
        ("asan", "memory is in use when used", "AddressSanitizer", Thorough, Tests, 15),
        |_, context, say| {
            let tests = cargo("test --lib --test api --test properties --test threads");
            let tests = tests.target_dir(&context.target.join("asan"));
            Ok(vec![Sanitizer::Address.watch(tests, context, say)?])
        },
    ),
    by(
        ("tsan", "every access is ordered", "ThreadSanitizer", Thorough, Cases, 20),
        |_, context, say| Ok(vec![stress::sanitized(context, say)?]),
    ),
    by(
        ("history", "recorded histories, linearizable", "todc-utils", Always, Cases, 10),
        |_, context, _| {
            let profile = if context.options.quick { "" } else { "--release " };
            let test = format!("test {profile}--test linearizability -- --nocapture");
            Ok(vec![cargo(&test)])
        },
    ),
    by(
        ("heap", "the back end without reservations", "cargo test", Thorough, Tests, 15),
        |_, context, _| {
            let tests = cargo("test --lib --test properties --test linearizability");
            let tests = tests.target_dir(&context.target.join("heap"));
            Ok(vec![tests.env_append("RUSTFLAGS", "--cfg slotarena_heap")])
        },
    ),
    by(("heavy", "full-sized tables", "cargo test", Thorough, Tests, 20), |_, _, _| {
        let heavy = cargo("test --release --test heavy -- --nocapture --test-threads=1");
        Ok(vec![heavy.env("SLOTARENA_HEAVY", "1")])
    }),
    cargo_runs(
        ("limits", "refusals by the system", "cargo test", Always, Tests, 10),
        "test --release --test limits -- --test-threads=1",
    ),
    by(
        ("counts", "instructions, locks, system calls", "callgrind, ptrace", Thorough, Cases, 15),
        |_, context, say| {
            if output_of(&program("valgrind", "--version"), &context.root).is_err() {
                install(context, "valgrind binutils", say)?;
            }
            let counts = cargo("test --release --test counts -- --nocapture --test-threads=1");
            Ok(vec![counts.env("SLOTARENA_COUNTS", "1")])
        },
    ),
    by(("loom", "all interleavings of small models", "loom", Always, Models, 40), models),
    by(("loom-gap", "what loom misses, corrected", "loom", Thorough, Cases, 20), gap),
    by(
        ("shuttle", "loom finds what shuttle does", "shuttle, loom", Thorough, Outcomes, 20),
        compare::plan,
    ),
    by(
        ("proofs", "theorems; models; names of accesses", "Coq, z3, SPIN", Always, Proofs, 30),
        proofs::plan,
    ),
    cargo_runs(
        ("examples", "the parts of the examples", "cargo test", Always, Tests, 10),
        "test --package slotarena --examples",
    ),
    by(("mutant-list", "lists of mutants and mistakes", "xtask", Always, Cases, 5), own_plan),
    by(
        ("seeded", "models notice known mistakes", "loom", OnRequest, Commands("run"), 30),
        own_plan,
    ),
    by(
        (
            "seeded-stress",
            "known mistakes, stressed",
            "cargo test",
            OnRequest,
            Commands("run"),
            600,
        ),
        own_plan,
    ),
    by(
        ("seeded-tsan", "survivors, sanitized", "ThreadSanitizer", OnRequest, Commands("run"), 600),
        own_plan,
    ),
    by(
        ("mutants", "models notice weaker orderings", "loom", OnRequest, Commands("run"), 120),
        own_plan,
    ),
    by(
        ("statements", "tests notice wrong sums", "cargo-mutants", OnRequest, Commands("run"), 40),
        statements,
    ),
    by(
        ("replay", "recorded traces, replayed", "example replay", Always, Commands("run"), 10),
        |_, context, _| {
            let plain = cargo("run --release --example replay");
            let swept = "run --release --example replay -- --threads 16 --sweep-every 1000";
            Ok(if context.options.quick { vec![plain] } else { vec![plain, cargo(swept)] })
        },
    ),
    by(
        (
            "wasm-calls",
            "WebAssembly, and an attack",
            "example wasm_calls",
            Thorough,
            Commands("run"),
            20,
        ),
        |_, _, _| {
            let run = "run --release --example wasm_calls -- --seconds 2";
            Ok(vec![cargo(run), cargo(run).argument("--attack")])
        },
    ),
    cargo_runs(
        ("bench-smoke", "benchmarks run, once each", "cargo bench", Thorough, Commands("run"), 20),
        "bench -- --test",
    ),
    by(
        ("msrv", "oldest supported compiler", "cargo check", Thorough, Commands("build"), 15),
        platforms::plan,
    ),
    by(
        ("windows", "Windows", "Wine or cargo check", Thorough, Commands("build"), 20),
        platforms::plan,
    ),
    by(
        ("portable", "32 bits; no virtual memory", "i686, wasm32", Thorough, Commands("build"), 20),
        platforms::plan,
    ),
];

fn lints(_: &str, context: &Context, _: Say) -> Plan {
    let plain = cargo("clippy --workspace --all-targets -- -D warnings");
    let core = cargo("clippy --no-default-features --features serde --lib -- -D warnings");
    let loom = cargo("clippy --features loom --lib --test loom --test loom_gap -- -D warnings");
    let shuttle = cargo("clippy --features loom --lib --test loom -- -D warnings");
    Ok(vec![plain, core, stock_loom(loom, context), compare::on_shuttle(shuttle, context)])
}

fn models(_: &str, context: &Context, _: Say) -> Plan {
    let arguments = "test --release --features loom --test loom -- --nocapture --test-threads=2";
    let [patch, loom] = patched_loom(arguments, "--cfg loom", context, "build");
    if !context.options.quick {
        return Ok(vec![patch, loom]);
    }
    let skip = |loom: Command, name: &&str| loom.argument("--skip").argument(name);
    let loom = NOT_QUICK.iter().fold(loom.argument("--exact"), skip);
    Ok(vec![patch, loom.env("SLOTARENA_LOOM_QUICK", "2")])
}

fn gap(_: &str, context: &Context, _: Say) -> Plan {
    let arguments =
        "test --release --features loom --test loom_gap -- --nocapture --test-threads=2";
    let [patch, patched] = patched_loom(arguments, "--cfg loom", context, "build");
    let stock = stock_loom(cargo(arguments), context);
    Ok(vec![stock, patch, patched.env("SLOTARENA_LOOM_PATCHED", "1")])
}

fn statements(_: &str, context: &Context, _: Say) -> Plan {
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
