//! The table of checks. To add one, add a row.

use crate::loom::compare;
use crate::loom::index::NOT_QUICK;
use crate::loom::patched::patched;
use crate::mistakes::stress::tsan;
use crate::platforms::prepared;
use crate::proofs;
use crate::run::{Command, Options, Plan, TARGET, Tally, cargo, own, program};
use Commands::{Aside, By, Cargo, Own, Platform, Quick};
use Evidence::{Cases, Models, Outcomes, Proofs, Runs, Tests};
use When::{Always, OnRequest, Thorough};

pub struct Check {
    pub name: &'static str,
    pub subject: &'static str,
    pub tool: &'static str,
    pub when: When,
    /// What its output must show for it to have passed.
    pub evidence: Evidence,
    /// When it counts as hung.
    pub minutes: u64,
    commands: Commands,
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

/// What a check must show to have passed, besides a good exit status: a suite whose tests were all
/// compiled away exits well too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Evidence {
    /// Nothing; measured in its commands unless something countable shows up.
    Runs,
    Tests,
    /// At least one random case.
    Cases,
    /// At least one loom model; and the index of the models must be right.
    Models,
    /// At least one model whose outcomes were compared.
    Outcomes,
    /// At least one theorem, and one model all of whose states were explored; or wrong variants.
    Proofs,
}

impl Evidence {
    /// Returns why the output does not show that anything was checked, if it does not.
    pub fn missing(self, tally: &Tally) -> Option<String> {
        if let Some(line) = &tally.malformed {
            return Some(format!("a line that is malformed: `{line}`"));
        }
        let noun = match self {
            Tests if tally.tests_passed == 0 => "test",
            Cases if tally.cases == 0 => "case",
            Models | Outcomes if tally.models.is_empty() => "model",
            Proofs if tally.variants == 0 && tally.theorems.is_empty() => "theorem",
            Proofs if tally.variants == 0 && tally.explorations.is_empty() => "model",
            _ => return None,
        };
        Some(format!("no {noun} was run, expected one at least"))
    }
}

/// What a check consists of.
enum Commands {
    Cargo(&'static [&'static str]),
    /// The same, for a quick run and for others.
    Quick(&'static str, &'static [&'static str]),
    Own,
    /// Of a script, which has folders of its own.
    Platform,
    By(fn(&Options) -> Plan),
    /// The same, in folders of their own.
    Aside(fn(&Options) -> Plan),
}

impl Check {
    pub fn plan(&self, options: &Options) -> Plan {
        match self.commands {
            Quick(line, _) if options.quick => Ok(vec![cargo(line)]),
            Cargo(lines) | Quick(_, lines) => Ok(lines.iter().map(|line| cargo(line)).collect()),
            Own => Ok(vec![own(self.name)]),
            Platform => Ok(vec![prepared(self.name)?]),
            By(plan) | Aside(plan) => plan(options),
        }
    }

    /// Returns `true` if it can run beside others: its commands have build folders of their own,
    /// or compile little in those of others.
    pub fn is_aside(&self) -> bool {
        matches!(self.commands, Platform | Aside(_))
    }
}

pub fn named(name: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.name == name)
}

pub fn listing() -> String {
    let line = |check: &Check| {
        let when = match check.when {
            Always => "",
            Thorough => " (not with --quick)",
            OnRequest => " (only if named)",
        };
        format!("{:<13} {}: {}{when}", check.name, check.tool, check.subject)
    };
    CHECKS.iter().map(line).collect::<Vec<_>>().join("\n")
}

macro_rules! table {
    ($($name:literal, $subject:literal, $tool:literal, $when:ident, $evidence:ident, $m:literal:
        $commands:expr;)*) => {
        &[$(Check {
            name: $name,
            subject: $subject,
            tool: $tool,
            when: $when,
            evidence: $evidence,
            minutes: $m,
            commands: $commands,
        }),*]
    };
}

/// All checks, in the order in which each lane runs its own: name, subject, tool, when, evidence,
/// minutes, and below them the commands.
pub static CHECKS: &[Check] = table! {
    "fmt", "layout of the source", "rustfmt", Always, Runs, 2:
        Cargo(&["fmt --all --check -- --color never"]);
    "lint", "lints, also under loom and shuttle", "clippy", Always, Runs, 15: Cargo(&[
        "clippy --workspace --all-targets -- -D warnings",
        "clippy --no-default-features --features serde --lib -- -D warnings",
        "CARGO_TARGET_DIR=$TARGET/loom RUSTFLAGS+=--cfg=loom clippy --features loom --lib \
            --test loom --test loom_gap -- -D warnings",
        "CARGO_TARGET_DIR=$TARGET/shuttle RUSTFLAGS+=--cfg=loom \
            RUSTFLAGS+=--cfg=slotarena_observed RUSTFLAGS+=--cfg=slotarena_shuttle \
            clippy --features loom --lib --test loom -- -D warnings"]);
    "doc", "documentation and its links", "rustdoc", Always, Runs, 10:
        Cargo(&["RUSTDOCFLAGS+=-Dwarnings doc --no-deps --document-private-items"]);
    "unit", "each module by itself", "cargo test", Always, Tests, 15: Cargo(&["test --lib"]);
    "doctest", "examples in the documentation", "cargo test", Always, Tests, 10:
        Cargo(&["test --doc --features serde"]);
    "property", "random actions against a model", "quickcheck", Always, Cases, 15:
        Cargo(&["test --release --test properties -- --nocapture"]);
    "table", "the table: public behavior", "cargo test", Always, Tests, 15:
        Cargo(&["test --test table --test layout"]);
    "slab", "the slab: drops, stale keys, stress", "cargo test", Always, Tests, 15:
        Cargo(&["test --release --features serde --test slab --test counted"]);
    "code", "the table of code pointers", "cargo test", Always, Tests, 10:
        Cargo(&["test --test code"]);
    "collected", "collected tables: marks, sweeps, moves", "cargo test", Always, Tests, 20:
        Cargo(&["test --release --test collected"]);
    "every-handle", "all handles, all signatures and tags", "cargo test", Thorough, Cases, 10:
        Cargo(&["SLOTARENA_HEAVY=1 test --release --test code --test collected -- --nocapture \
            every_handle"]);
    "keys", "protection keys, emulated", "QEMU", Thorough, Tests, 20: Platform;
    "tidy", "the project's own style", "cargo test", Always, Tests, 5:
        Cargo(&["test --package xtask -- source::tidy::"]);
    "xtask", "this test command", "cargo test", Always, Tests, 5:
        Cargo(&["test --package xtask -- --skip source::tidy::"]);
    "stress", "real threads, checked afterwards", "cargo test", Always, Cases, 15: By(stress);
    "asan", "memory is in use when used", "AddressSanitizer", Thorough, Tests, 15: By(asan);
    "tsan", "every access is ordered", "ThreadSanitizer", Thorough, Cases, 20: By(tsan);
    "history", "recorded histories, linearizable", "todc-utils", Always, Cases, 10: Quick(
        "test --test linearizability -- --nocapture",
        &["test --release --test linearizability -- --nocapture"]);
    "heap", "the back end without reservations", "cargo test", Thorough, Tests, 15: Cargo(&[
        "CARGO_TARGET_DIR=$TARGET/heap RUSTFLAGS+=--cfg=slotarena_heap test --lib \
            --test properties --test linearizability"]);
    "heavy", "full-sized tables", "cargo test", Thorough, Tests, 20: Cargo(&[
        "SLOTARENA_HEAVY=1 test --release --test heavy -- --nocapture --test-threads=1"]);
    "limits", "forks, signals, refusals", "cargo test", Always, Tests, 10: Quick(
        "test --release --test limits -- --test-threads=1",
        &["test --release --test limits --test system --test interposed --test hooks -- \
            --test-threads=1"]);
    "unbiased", "the same without sequences", "cargo test", Thorough, Tests, 15: Aside(unbiased);
    "counts", "instructions, locks, system calls", "callgrind, ptrace", Thorough, Cases, 15:
        By(counts);
    "loom", "all interleavings of small models", "loom", Always, Models, 40: By(models);
    "guide", "a user's models, on both looms", "loom", Thorough, Tests, 15: By(guide);
    "compat", "tracing-subscriber on slotarena", "cargo test", Thorough, Tests, 15: Cargo(&[
        "CARGO_TARGET_DIR=$TARGET/compat test --release --manifest-path \
            compat/sharded-slab/Cargo.toml",
        "CARGO_TARGET_DIR=$TARGET/compat test --release --manifest-path \
            compat/tracing/Cargo.toml"]);
    "loom-gap", "what loom misses, corrected", "loom", Thorough, Cases, 20: By(gap);
    "shuttle", "loom finds what shuttle does", "shuttle, loom", Thorough, Outcomes, 20:
        By(compare::plan);
    "proofs", "theorems; models; names of accesses", "Coq, z3, SPIN", Always, Proofs, 40:
        Aside(proofs::plan);
    "examples", "the parts of the examples", "cargo test", Always, Tests, 10:
        Cargo(&["test --package replay --examples", "run --example handles",
            "run --example unique", "run --example sweep", "run --example slab",
            "run --example connections", "run --example entities", "run --example intern"]);
    "mutant-list", "lists of mutants and mistakes", "xtask", Always, Cases, 5: Own;
    "seeded", "models notice known mistakes", "loom", OnRequest, Runs, 30: Own;
    "seeded-stress", "known mistakes, stressed", "cargo test", OnRequest, Runs, 600: Own;
    "seeded-tsan", "survivors, sanitized", "ThreadSanitizer", OnRequest, Runs, 600: Own;
    "mutants", "models notice weaker orderings", "loom", OnRequest, Runs, 120: Own;
    "statements", "tests notice wrong sums", "cargo-mutants", OnRequest, Runs, 40: By(statements);
    "replay", "recorded traces, replayed", "example replay", Always, Runs, 10: Quick(
        "run --release --example replay",
        &["run --release --example replay",
            "run --release --example replay -- --threads 16 --sweep-every 1000"]);
    "wasm-calls", "WebAssembly, and an attack", "example wasm_calls", Thorough, Runs, 20: Cargo(
        &["run --release --example wasm_calls -- --seconds 2",
            "run --release --example wasm_calls -- --seconds 2 --attack"]);
    "host-objects", "host objects of a runtime", "example host_objects", Thorough, Runs, 20: Cargo(
        &["test --package host_objects", "run --release --example host_objects",
            "run --release --example host_objects -- --sweeper thread --attack"]);
    "bench-smoke", "benchmarks run, once each", "cargo bench", Thorough, Runs, 20:
        Cargo(&["bench -- --test"]);
    "msrv", "oldest supported compiler", "cargo check", Thorough, Runs, 15: Platform;
    "windows", "Windows", "Wine or cargo check", Thorough, Runs, 20: Platform;
    "portable", "32 bits; no virtual memory", "i686, wasm32", Thorough, Runs, 20: Platform;
    "emulated", "AArch64; big-endian", "QEMU", Thorough, Tests, 20: Platform;
    "package", "what a registry has", "cargo package", Thorough, Tests, 20: Platform;
    "systems", "other systems; old C libraries", "cargo check, nm", Thorough, Cases, 20: Platform;
};

fn stress(options: &Options) -> Plan {
    let stress = cargo("test --release --test threads -- --nocapture --test-threads=1");
    let seconds = options.seconds.unwrap_or(if options.quick { 2 } else { 60 });
    Ok(vec![stress.env("SLOTARENA_STRESS_SECONDS", seconds.to_string())])
}

/// What tests frees, in processes to which the C library gives no sequences.
fn unbiased(options: &Options) -> Plan {
    let seconds = options.seconds.unwrap_or(20).to_string();
    let without = |tests| {
        let test = cargo(&format!("GLIBC_TUNABLES=glibc.pthread.rseq=0 test {tests}"));
        test.env("SLOTARENA_STRESS_SECONDS", &*seconds)
    };
    let tests = [
        "--lib --test table --test code",
        "--release --test slab --features serde",
        "--release --test threads --test limits --test system -- --nocapture --test-threads=1",
    ];
    Ok(tests.into_iter().map(without).collect())
}

fn asan(_: &Options) -> Plan {
    let tests = "test --lib --test table --test properties --test threads --test collected";
    Ok(vec![cargo(&format!("CARGO_TARGET_DIR=$TARGET/asan {tests}")).through(prepared("address")?)])
}

fn counts(_: &Options) -> Plan {
    prepared("counts")?;
    let counts = "test --release --test counts -- --nocapture --test-threads=1";
    let biased = "CARGO_TARGET_DIR=$TARGET/counted RUSTFLAGS+=--cfg=slotarena_counted";
    Ok(["", biased].map(|with| cargo(&format!("SLOTARENA_COUNTS=1 {with} {counts}"))).into())
}

fn models(options: &Options) -> Plan {
    let loom = "test --release --features loom --test loom -- --nocapture --test-threads=2";
    let [patch, loom] = patched("build", "RUSTFLAGS+=--cfg=loom", loom);
    if !options.quick {
        return Ok(vec![patch, loom]);
    }
    let skip = |loom: Command, name| loom.argument("--skip").argument(name);
    let loom = NOT_QUICK.split_whitespace().fold(loom.argument("--exact"), skip);
    Ok(vec![patch, loom.env("SLOTARENA_LOOM_QUICK", "2")])
}

fn guide(_: &Options) -> Plan {
    let test = "test --release --package model";
    let stock = cargo(&format!("CARGO_TARGET_DIR=$TARGET/loom RUSTFLAGS+=--cfg=loom {test}"));
    let [patch, copy] = patched("build", "RUSTFLAGS+=--cfg=loom", test);
    Ok(vec![stock, patch, copy])
}

fn gap(_: &Options) -> Plan {
    let gap = "test --release --features loom --test loom_gap -- --nocapture --test-threads=2";
    let stock = cargo(&format!("CARGO_TARGET_DIR=$TARGET/loom RUSTFLAGS+=--cfg=loom {gap}"));
    let [patch, gap] = patched("build", "RUSTFLAGS+=--cfg=loom SLOTARENA_LOOM_PATCHED=1", gap);
    Ok(vec![stock, patch, gap])
}

/// Mutates the statements of the files whose unit tests must notice.
fn statements(_: &Options) -> Plan {
    let run = "mutants --no-times --colors never -f src/bits/chain.rs -f src/bits/geometry.rs \
               -f src/bits/word.rs -o";
    let run = program(TARGET.join("tools/bin/cargo-mutants"), run).argument(&*TARGET);
    let tests = "-- --lib -- bits::chain:: bits::geometry:: bits::word::";
    let install = cargo("install cargo-mutants --locked --root $TARGET/tools");
    Ok(vec![install, tests.split(' ').fold(run, Command::argument)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for check in CHECKS {
            assert!(named(check.name).is_some_and(|found| std::ptr::eq(found, check)));
        }
    }

    #[test]
    fn a_check_that_ran_nothing_has_not_passed() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured");
        for evidence in [Tests, Cases, Models, Outcomes, Proofs] {
            assert!(evidence.missing(&tally).is_some());
        }
        assert_eq!(Runs.missing(&tally), None);
        tally.read("cases: some 3");
        assert_eq!(Cases.missing(&tally), None);
        tally.read("cases: some");
        assert!(Cases.missing(&tally).is_some());
    }
}
