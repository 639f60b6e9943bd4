//! The tables that close a run.

use std::time::Duration;

use comfy_table::{Table, presets::ASCII_MARKDOWN};

use super::checks::Check;
use crate::run::{Model, Tally, grouped, seconds};

#[derive(Debug, PartialEq)]
pub enum Verdict {
    Passed,
    Failed,
    /// It could not be done here, for this reason.
    Skipped(String),
}

pub struct Outcome {
    pub check: &'static Check,
    pub verdict: Verdict,
    /// `12 tests, 3,000 cases`
    pub extent: String,
    pub time: Duration,
    pub tally: Tally,
}

impl Outcome {
    /// Returns the result in a word, and the tests or models that passed, and that failed. A check
    /// that came to none is one.
    fn result(&self) -> (&'static str, [u64; 2]) {
        match self.verdict {
            Verdict::Passed => ("ok", [self.tally.passed().max(1), 0]),
            Verdict::Failed => ("FAILED", [self.tally.passed(), self.tally.tests_failed.max(1)]),
            Verdict::Skipped(_) => ("skipped", [0, 0]),
        }
    }

    fn row(&self) -> Vec<String> {
        let (Check { name, subject, tool, .. }, time) = (self.check, seconds(self.time));
        [*name, subject, tool, &self.extent, &time, self.result().0].map(str::to_owned).to_vec()
    }
}

/// Returns the whole closing report. Its last line is exactly `N passed, N failed`.
pub fn closing(outcomes: &[Outcome]) -> String {
    let tallies = || outcomes.iter().map(|outcome| &outcome.tally);
    let models = tallies().flat_map(|tally| &tally.models).map(model_row);
    let theorems = tallies().flat_map(|tally| &tally.theorems).map(|row| row.to_vec());
    let explorations = tallies().flat_map(|tally| &tally.explorations).map(model_row);
    let mut text = table("model|invariants|what runs|bound|executions|seconds", models)
        + &table("theorem|invariants|what it says|checked by", theorems)
        + &table("model|invariants|what runs|bound|states|seconds", explorations)
        + &table(
            "check|what was checked|tool|how much|time|result",
            outcomes.iter().map(Outcome::row),
        );
    for outcome in outcomes {
        if let Verdict::Skipped(reason) = &outcome.verdict {
            text += &format!("\n{} was skipped: {reason}\n", outcome.check.name);
        }
    }
    let [passed, failed] =
        [0, 1].map(|which| outcomes.iter().map(|outcome| outcome.result().1[which]).sum::<u64>());
    text + &format!("\n{passed} passed, {failed} failed\n")
}

fn model_row(model: &Model) -> Vec<String> {
    let Model { name, invariants, what, bound, executions, seconds } = model;
    let (executions, seconds) = (grouped(*executions), format!("{seconds:.1}"));
    [name, invariants, what, bound, &executions, &seconds].map(String::clone).to_vec()
}

/// Writes rows below their heading, after an empty line; nothing if there are none.
fn table(heading: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(heading.split('|')).add_rows(rows);
    if table.is_empty() { String::new() } else { format!("\n{table}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::checks::CHECKS;

    #[test]
    fn the_last_line_adds_everything_up() {
        let outcome = |verdict, tests_passed, tests_failed| {
            let (time, extent) = (Duration::from_secs(3), "some".to_owned());
            let tally = Tally { tests_passed, tests_failed, ..Tally::default() };
            Outcome { check: &CHECKS[0], verdict, extent, time, tally }
        };
        let text = closing(&[
            outcome(Verdict::Passed, 10, 0),
            outcome(Verdict::Failed, 4, 2),
            outcome(Verdict::Skipped("no such tool".to_owned()), 0, 0),
        ]);
        assert_eq!(text.lines().last(), Some("14 passed, 2 failed"));
        assert!(text.contains("fmt was skipped: no such tool"));
    }
}
