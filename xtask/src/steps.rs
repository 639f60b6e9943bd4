//! The table of checks. To add one, add a row.

use std::path::Path;

use crate::compare;
use crate::cross;
use crate::debian::install;
use crate::evidence::Evidence::{self, Cases, Commands, Files, Models, Outcomes, Proofs, Tests};
use crate::invocation::{Invocation, cargo, program};
use crate::keys;
use crate::process::output_of;
use crate::proofs;
use crate::sanitizer::Sanitizer;
use crate::steps::When::{Always, OnRequest, Thorough};
use crate::survival;
use crate::verify::Setup;

/// One check.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it checks, for the tables.
    pub subject: &'static str,
    /// Who does the checking.
    pub tool: &'static str,
    pub when: When,
    /// What its output must show for it to have passed.
    pub evidence: Evidence,
    /// When it counts as hung.
    pub minutes: u64,
    /// Says what it consists of.
    pub plan: fn(&Setup, Say) -> Plan,
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

/// The commands of a check, or the reason why it must be skipped here.
pub type Plan = Result<Vec<Invocation>, String>;

/// Tells the user what is being prepared.
pub type Say<'a> = &'a dyn Fn(&str);

/// The check of this name.
pub fn named(name: &str) -> Option<&'static Step> {
    STEPS.iter().find(|step| step.name == name)
}

/// The table for `--list`.
pub fn listing() -> String {
    let line = |step: &Step| {
        let when = match step.when {
            Always => "",
            Thorough => " (not with --quick)",
            OnRequest => " (only if named)",
        };
        format!("{:<13} {}: {}{when}\n", step.name, step.tool, step.subject)
    };
    STEPS.iter().map(line).collect()
}

/// All checks, in the order in which they run.
pub static STEPS: &[Step] = &[
    Step {
        name: "fmt",
        subject: "layout of the source",
        tool: "rustfmt",
        when: Always,
        evidence: Files,
        minutes: 2,
        plan: |_, _| Ok(vec![cargo("fmt --all --check -- --color never")]),
    },
    Step {
        name: "lint",
        subject: "lints, also under loom and shuttle",
        tool: "clippy",
        when: Always,
        evidence: Files,
        minutes: 15,
        plan: |setup, _| {
            let plain = cargo("clippy --workspace --all-targets -- -D warnings");
            let core = cargo("clippy --no-default-features --features serde --lib -- -D warnings");
            let loom =
                cargo("clippy --features loom --lib --test loom --test loom_gap -- -D warnings");
            let shuttle = cargo("clippy --features shuttle --lib --test loom -- -D warnings");
            Ok(vec![plain, core, under_loom(loom, setup), compare::on_shuttle(shuttle, setup)])
        },
    },
    Step {
        name: "doc",
        subject: "documentation and its links",
        tool: "rustdoc",
        when: Always,
        evidence: Files,
        minutes: 10,
        plan: |_, _| {
            let doc = cargo("doc --no-deps --document-private-items");
            Ok(vec![doc.env_append("RUSTDOCFLAGS", "-D warnings")])
        },
    },
    Step {
        name: "unit",
        subject: "each module by itself",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --lib")]),
    },
    Step {
        name: "doctest",
        subject: "examples in the documentation",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --doc")]),
    },
    Step {
        name: "property",
        subject: "random actions against a model",
        tool: "quickcheck",
        when: Always,
        evidence: Cases,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --release --test properties -- --nocapture")]),
    },
    Step {
        name: "api",
        subject: "public behaviour",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --test api --test layout")]),
    },
    Step {
        name: "slab",
        subject: "the slab: dropping, stale keys, properties, stress",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --release --features serde --test slab")]),
    },
    Step {
        name: "code-table",
        subject: "the table of code pointers",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --test code_table")]),
    },
    Step {
        name: "every-handle",
        subject: "all handles, all signatures",
        tool: "cargo test",
        when: Thorough,
        evidence: Cases,
        minutes: 10,
        plan: |_, _| {
            let test = cargo("test --release --test code_table -- --nocapture every_handle");
            Ok(vec![test.env("SLOTARENA_HEAVY", "1")])
        },
    },
    Step {
        name: "keys",
        subject: "protection keys, emulated",
        tool: "QEMU",
        when: Thorough,
        evidence: Tests,
        minutes: 20,
        plan: keys::plan,
    },
    Step {
        name: "tidy",
        subject: "the project's own style",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 5,
        plan: |_, _| Ok(vec![cargo("test --test tidy")]),
    },
    Step {
        name: "xtask",
        subject: "this test command",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 5,
        plan: |_, _| Ok(vec![cargo("test --package xtask")]),
    },
    Step {
        name: "stress",
        subject: "real threads, checked afterwards",
        tool: "cargo test",
        when: Always,
        evidence: Cases,
        minutes: 15,
        plan: |setup, _| {
            let stress = cargo("test --release --test threads -- --nocapture --test-threads=1");
            let seconds = setup.seconds.unwrap_or(if setup.quick { 2 } else { 60 });
            Ok(vec![stress.env("SLOTARENA_STRESS_SECONDS", seconds.to_string())])
        },
    },
    Step {
        name: "asan",
        subject: "memory is in use when used",
        tool: "AddressSanitizer",
        when: Thorough,
        evidence: Tests,
        minutes: 15,
        plan: |setup, say| {
            let tests = cargo("test --lib --test api --test properties --test threads");
            let tests = tests.target_dir(&setup.target.join("asan"));
            Ok(vec![Sanitizer::Address.watch(tests, setup, say)?])
        },
    },
    Step {
        name: "tsan",
        subject: "every access is ordered",
        tool: "ThreadSanitizer",
        when: Thorough,
        evidence: Cases,
        minutes: 20,
        plan: |setup, say| Ok(vec![survival::sanitized(setup, say)?]),
    },
    Step {
        name: "history",
        subject: "recorded histories, linearizable",
        tool: "todc-utils",
        when: Always,
        evidence: Cases,
        minutes: 10,
        plan: |setup, _| {
            let profile = if setup.quick { "" } else { "--release " };
            Ok(vec![cargo(&format!("test {profile}--test linearizability -- --nocapture"))])
        },
    },
    Step {
        name: "heap",
        subject: "the back end without reservations",
        tool: "cargo test",
        when: Thorough,
        evidence: Tests,
        minutes: 15,
        plan: |setup, _| {
            let tests = cargo("test --lib --test properties --test linearizability");
            let target = setup.target.join("heap");
            Ok(vec![tests.target_dir(&target).env_append("RUSTFLAGS", "--cfg slotarena_heap")])
        },
    },
    Step {
        name: "heavy",
        subject: "full-sized tables",
        tool: "cargo test",
        when: Thorough,
        evidence: Tests,
        minutes: 20,
        plan: |_, _| {
            let heavy = cargo("test --release --test heavy -- --nocapture --test-threads=1");
            Ok(vec![heavy.env("SLOTARENA_HEAVY", "1")])
        },
    },
    Step {
        name: "limits",
        subject: "refusals by the system",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --release --test limits -- --test-threads=1")]),
    },
    Step {
        name: "counts",
        subject: "instructions, locks, system calls",
        tool: "callgrind, ptrace",
        when: Thorough,
        evidence: Cases,
        minutes: 15,
        plan: |setup, say| {
            if output_of(&program("valgrind", "--version"), &setup.root).is_err() {
                install("valgrind binutils", say)?;
            }
            let counts = cargo("test --release --test counts -- --nocapture --test-threads=1");
            Ok(vec![counts.env("SLOTARENA_COUNTS", "1")])
        },
    },
    Step {
        name: "loom",
        subject: "all interleavings of small models",
        tool: "loom",
        when: Always,
        evidence: Models,
        minutes: 40,
        plan: |setup, _| {
            let arguments = "test --release --features loom --test loom \
                             -- --nocapture --test-threads=2";
            let [patch, loom] = under_patched_loom(arguments, setup);
            let loom = if setup.quick { loom.env("SLOTARENA_LOOM_QUICK", "2") } else { loom };
            Ok(vec![patch, loom])
        },
    },
    Step {
        name: "loom-gap",
        subject: "what loom misses, corrected",
        tool: "loom",
        when: Thorough,
        evidence: Cases,
        minutes: 20,
        plan: |setup, _| {
            let arguments = "test --release --features loom --test loom_gap \
                             -- --nocapture --test-threads=2";
            let [patch, patched] = under_patched_loom(arguments, setup);
            let stock = under_loom(cargo(arguments), setup);
            Ok(vec![stock, patch, patched.env("SLOTARENA_LOOM_PATCHED", "1")])
        },
    },
    Step {
        name: "shuttle",
        subject: "loom finds what shuttle does",
        tool: "shuttle, loom",
        when: Thorough,
        evidence: Outcomes,
        minutes: 20,
        plan: compare::plan,
    },
    Step {
        name: "proofs",
        subject: "theorems; models; names of accesses",
        tool: "Coq, z3, SPIN",
        when: Always,
        evidence: Proofs,
        minutes: 30,
        plan: proofs::plan,
    },
    Step {
        name: "examples",
        subject: "the parts of the examples",
        tool: "cargo test",
        when: Always,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --package slotarena --examples")]),
    },
    Step {
        name: "mutant-list",
        subject: "lists of mutants and mistakes",
        tool: "xtask",
        when: Always,
        evidence: Cases,
        minutes: 5,
        plan: |setup, _| Ok(vec![own("mutant-list", setup)]),
    },
    Step {
        name: "seeded",
        subject: "models notice known mistakes",
        tool: "loom",
        when: OnRequest,
        evidence: Commands("run"),
        minutes: 30,
        plan: |setup, _| Ok(vec![own("seeded", setup)]),
    },
    Step {
        name: "seeded-stress",
        subject: "known mistakes without loom",
        tool: "cargo test",
        when: OnRequest,
        evidence: Commands("run"),
        minutes: 600,
        plan: |setup, _| Ok(vec![own("seeded-stress", setup)]),
    },
    Step {
        name: "seeded-tsan",
        subject: "those that survive, sanitized",
        tool: "ThreadSanitizer",
        when: OnRequest,
        evidence: Commands("run"),
        minutes: 600,
        plan: |setup, _| Ok(vec![own("seeded-tsan", setup)]),
    },
    Step {
        name: "mutants",
        subject: "models notice weaker orderings",
        tool: "loom",
        when: OnRequest,
        evidence: Commands("run"),
        minutes: 120,
        plan: |setup, _| Ok(vec![own("mutants", setup)]),
    },
    Step {
        name: "statements",
        subject: "tests notice wrong arithmetic",
        tool: "cargo-mutants",
        when: OnRequest,
        evidence: Commands("run"),
        minutes: 40,
        plan: |setup, _| {
            let tools = setup.target.join("tools");
            let install = cargo("install cargo-mutants --locked --root").path(&tools);
            let tool = tools.join("bin/cargo-mutants");
            let arguments = "mutants -f src/head.rs -f src/segment.rs -f src/word.rs \
                             --no-times --colors never -o";
            let run = program(&tool.to_string_lossy(), arguments).path(&setup.target);
            let run = "-- --lib -- head:: segment:: word::"
                .split(' ')
                .fold(run, |run, argument| run.argument(argument));
            Ok(vec![install, run])
        },
    },
    Step {
        name: "replay",
        subject: "recorded traces, replayed",
        tool: "example replay",
        when: Always,
        evidence: Commands("run"),
        minutes: 10,
        plan: |setup, _| {
            let plain = cargo("run --release --example replay");
            let arguments = "run --release --example replay -- --threads 16 --sweep-every 1000";
            Ok(if setup.quick { vec![plain] } else { vec![plain, cargo(arguments)] })
        },
    },
    Step {
        name: "wasm-calls",
        subject: "real WebAssembly, and an attack",
        tool: "example wasm_calls",
        when: Thorough,
        evidence: Commands("run"),
        minutes: 20,
        plan: |_, _| {
            let run = "run --release --example wasm_calls -- --seconds";
            let attack = cargo(&format!("{run} 2 --attack"));
            Ok(vec![cargo(&format!("{run} 2")), attack])
        },
    },
    Step {
        name: "bench-smoke",
        subject: "benchmarks run, once each",
        tool: "cargo bench",
        when: Thorough,
        evidence: Commands("run"),
        minutes: 20,
        plan: |_, _| Ok(vec![cargo("bench -- --test")]),
    },
    Step {
        name: "msrv",
        subject: "oldest supported compiler",
        tool: "cargo check",
        when: Thorough,
        evidence: Commands("build"),
        minutes: 15,
        plan: cross::msrv,
    },
    Step {
        name: "windows",
        subject: "Windows",
        tool: "Wine or cargo check",
        when: Thorough,
        evidence: Commands("build"),
        minutes: 20,
        plan: cross::windows,
    },
    Step {
        name: "portable",
        subject: "32 bits; no virtual memory",
        tool: "i686, wasm32",
        when: Thorough,
        evidence: Commands("build"),
        minutes: 20,
        plan: cross::portable,
    },
];

/// A command of this package, in a process of its own.
pub fn own(name: &str, setup: &Setup) -> Invocation {
    let choice = match name {
        "mutant-list" => "",
        "proofs" if !setup.mutants && setup.quick => "--quick",
        "proofs" if !setup.mutants => "",
        "proofs" => &format!("--mutants {}", setup.variants),
        _ => &setup.variants,
    };
    cargo(&format!("run --quiet --package xtask -- {name} {choice}"))
}

/// The command on loom's atomics, in a build folder of its own: the flag concerns every
/// dependency, so in a shared one each side would undo the other's work.
fn under_loom(invocation: Invocation, setup: &Setup) -> Invocation {
    invocation.target_dir(&setup.target.join("loom")).env_append("RUSTFLAGS", "--cfg loom")
}

/// Makes the corrected copy of loom, and runs cargo with it, in one more build folder.
fn under_patched_loom(arguments: &str, setup: &Setup) -> [Invocation; 2] {
    patched_loom(arguments, "--cfg loom", &setup.target.join("loom-patched"), "build")
}

/// As that, with these flags, in a build folder of this name.
pub fn patched_loom(arguments: &str, flags: &str, folder: &Path, build: &str) -> [Invocation; 2] {
    let copy = folder.join("loom");
    let loom = cargo("--config").argument(&format!("paths=['{}']", copy.display()));
    let loom = arguments.split_whitespace().fold(loom, |loom, argument| loom.argument(argument));
    let loom = loom.target_dir(&folder.join(build)).env_append("RUSTFLAGS", flags);
    [cargo("run --quiet --package xtask -- loom-patch").path(&copy), loom]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for step in STEPS {
            assert!(named(step.name).is_some_and(|found| std::ptr::eq(found, step)));
        }
        assert!(named("nothing").is_none());
        assert_eq!(listing().lines().count(), STEPS.len());
    }
}
