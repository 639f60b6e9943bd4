//! The table of checks. To add one, add a row.

use crate::cross;
use crate::evidence::Evidence::{self, Cases, Commands, Files, Models, Tests};
use crate::invocation::{Invocation, cargo};
use crate::verify::Setup;

/// One check.
pub struct Step {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it checks, for the tables.
    pub subject: &'static str,
    /// Who does the checking.
    pub tool: &'static str,
    /// Whether it belongs to `--quick`.
    pub quick: bool,
    /// What its output must show for it to have passed.
    pub evidence: Evidence,
    /// When it counts as hung.
    pub minutes: u64,
    /// Says what it consists of.
    pub plan: fn(&Setup, Say) -> Plan,
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
        let when = if step.quick { "" } else { " (not with --quick)" };
        format!("{:<12} {}: {}{when}\n", step.name, step.tool, step.subject)
    };
    STEPS.iter().map(line).collect()
}

/// All checks, in the order in which they run.
pub static STEPS: &[Step] = &[
    Step {
        name: "fmt",
        subject: "layout of the source",
        tool: "rustfmt",
        quick: true,
        evidence: Files,
        minutes: 2,
        plan: |_, _| Ok(vec![cargo("fmt --all --check -- --color never")]),
    },
    Step {
        name: "lint",
        subject: "lints, with and without loom",
        tool: "clippy",
        quick: true,
        evidence: Files,
        minutes: 15,
        plan: |setup, _| {
            let plain = cargo("clippy --workspace --all-targets -- -D warnings");
            let loom = cargo("clippy --features loom --lib --test loom -- -D warnings");
            Ok(vec![plain, under_loom(loom, setup)])
        },
    },
    Step {
        name: "doc",
        subject: "documentation and its links",
        tool: "rustdoc",
        quick: true,
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
        quick: true,
        evidence: Tests,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --lib")]),
    },
    Step {
        name: "doctest",
        subject: "examples in the documentation",
        tool: "cargo test",
        quick: true,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --doc")]),
    },
    Step {
        name: "property",
        subject: "random actions against a model",
        tool: "quickcheck",
        quick: true,
        evidence: Cases,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --release --test properties -- --nocapture")]),
    },
    Step {
        name: "api",
        subject: "public behaviour",
        tool: "cargo test",
        quick: true,
        evidence: Tests,
        minutes: 15,
        plan: |_, _| Ok(vec![cargo("test --test api --test layout")]),
    },
    Step {
        name: "tidy",
        subject: "the project's own style",
        tool: "cargo test",
        quick: true,
        evidence: Tests,
        minutes: 5,
        plan: |_, _| Ok(vec![cargo("test --test tidy")]),
    },
    Step {
        name: "xtask",
        subject: "this test command",
        tool: "cargo test",
        quick: true,
        evidence: Tests,
        minutes: 5,
        plan: |_, _| Ok(vec![cargo("test --package xtask")]),
    },
    Step {
        name: "stress",
        subject: "real threads, checked afterwards",
        tool: "cargo test",
        quick: true,
        evidence: Cases,
        minutes: 15,
        plan: |setup, _| {
            let stress = cargo("test --release --test threads -- --nocapture --test-threads=1");
            let seconds = if setup.quick { "2" } else { "15" };
            Ok(vec![stress.env("SLOTARENA_STRESS_SECONDS", seconds)])
        },
    },
    Step {
        name: "history",
        subject: "recorded histories, linearizable",
        tool: "todc-utils",
        quick: true,
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
        quick: false,
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
        quick: false,
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
        quick: true,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --release --test limits -- --test-threads=1")]),
    },
    Step {
        name: "loom",
        subject: "all interleavings of small models",
        tool: "loom",
        quick: true,
        evidence: Models,
        minutes: 40,
        plan: |setup, _| {
            let arguments = "test --release --features loom --test loom \
                             -- --nocapture --test-threads=2";
            let loom = under_loom(cargo(arguments), setup);
            Ok(vec![if setup.quick { loom.env("SLOTARENA_LOOM_QUICK", "1") } else { loom }])
        },
    },
    Step {
        name: "examples",
        subject: "the parts of the examples",
        tool: "cargo test",
        quick: true,
        evidence: Tests,
        minutes: 10,
        plan: |_, _| Ok(vec![cargo("test --examples")]),
    },
    Step {
        name: "replay",
        subject: "recorded traces, replayed",
        tool: "example replay",
        quick: true,
        evidence: Commands("run"),
        minutes: 10,
        plan: |setup, _| {
            let plain = cargo("run --release --example replay");
            let arguments = "run --release --example replay -- --threads 16 --sweep-every 1000";
            Ok(if setup.quick { vec![plain] } else { vec![plain, cargo(arguments)] })
        },
    },
    Step {
        name: "bench-smoke",
        subject: "benchmarks run, once each",
        tool: "cargo bench",
        quick: false,
        evidence: Commands("run"),
        minutes: 20,
        plan: |_, _| Ok(vec![cargo("bench -- --test")]),
    },
    Step {
        name: "msrv",
        subject: "oldest supported compiler",
        tool: "cargo check",
        quick: false,
        evidence: Commands("build"),
        minutes: 15,
        plan: cross::msrv,
    },
    Step {
        name: "windows",
        subject: "Windows",
        tool: "Wine or cargo check",
        quick: false,
        evidence: Commands("build"),
        minutes: 20,
        plan: cross::windows,
    },
    Step {
        name: "portable",
        subject: "32 bits; no virtual memory",
        tool: "i686, wasm32",
        quick: false,
        evidence: Commands("build"),
        minutes: 20,
        plan: cross::portable,
    },
];

/// The command on loom's atomics, in a build folder of its own: the flag concerns every
/// dependency, so in a shared one each side would undo the other's work.
fn under_loom(invocation: Invocation, setup: &Setup) -> Invocation {
    invocation.target_dir(&setup.target.join("loom")).env_append("RUSTFLAGS", "--cfg loom")
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
