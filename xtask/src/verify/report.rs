//! The tables that close a run.

use std::time::Duration;

use super::checks::Check;
use crate::run::display::{grouped, seconds};
use crate::run::tally::{Model, Tally, Theorem};

/// How a check ended.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    Passed,
    Failed,
    /// It could not be done here, for this reason.
    Skipped(String),
}

/// What is known of a check that is over.
pub struct Outcome {
    pub check: &'static Check,
    pub verdict: Verdict,
    /// `12 tests, 3,000 cases`
    pub extent: String,
    pub time: Duration,
    pub tally: Tally,
}

impl Outcome {
    /// Returns the single tests or models that passed, and that failed. A check without any, or
    /// one that failed before it came to any, counts as one.
    fn counts(&self) -> [u64; 2] {
        match self.verdict {
            Verdict::Passed => [self.tally.passed().max(1), 0],
            Verdict::Failed => [self.tally.passed(), self.tally.tests_failed.max(1)],
            Verdict::Skipped(_) => [0, 0],
        }
    }
}

/// Returns the whole closing report. Its last line is exactly `N passed, N failed`.
pub fn closing(outcomes: &[Outcome]) -> String {
    let models: Vec<&Model> = outcomes.iter().flat_map(|outcome| &outcome.tally.models).collect();
    let theorems: Vec<&Theorem> = outcomes.iter().flat_map(|o| &o.tally.theorems).collect();
    let explorations: Vec<&Model> = outcomes.iter().flat_map(|o| &o.tally.explorations).collect();
    let tables = [
        (models.len(), model_rows(&models, "executions")),
        (theorems.len(), theorem_rows(&theorems)),
        (explorations.len(), model_rows(&explorations, "states")),
        (outcomes.len(), outcomes_rows(outcomes)),
    ];
    let tables = tables.into_iter().filter(|(count, _)| *count > 0);
    let mut text: String = tables.map(|(_, rows)| format!("\n{}", table(rows))).collect();
    for outcome in outcomes {
        if let Verdict::Skipped(reason) = &outcome.verdict {
            text += &format!("\n{} was skipped: {reason}\n", outcome.check.name);
        }
    }
    let [passed, failed] =
        [0, 1].map(|which| outcomes.iter().map(|outcome| outcome.counts()[which]).sum::<u64>());
    text + &format!("\n{passed} passed, {failed} failed\n")
}

fn theorem_rows(theorems: &[&Theorem]) -> Vec<Vec<String>> {
    let head = ["theorem", "invariants", "what it says", "checked by"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(theorems.iter().map(|theorem| {
        let Theorem { name, invariants, what, checker } = theorem;
        [name, invariants, what, checker].map(String::clone).to_vec()
    }));
    rows
}

fn model_rows(models: &[&Model], counted: &str) -> Vec<Vec<String>> {
    let head = ["model", "invariants", "what runs", "bound", counted, "seconds"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(models.iter().map(|model| {
        vec![
            model.name.clone(),
            model.invariants.clone(),
            model.what.clone(),
            model.bound.clone(),
            grouped(model.executions),
            format!("{:.1}", model.seconds),
        ]
    }));
    rows
}

fn outcomes_rows(outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let head = ["check", "what was checked", "tool", "how much", "time", "result"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(outcomes.iter().map(|outcome| {
        let result = match outcome.verdict {
            Verdict::Passed => "ok",
            Verdict::Failed => "FAILED",
            Verdict::Skipped(_) => "skipped",
        };
        let check = outcome.check;
        let time = seconds(outcome.time);
        let cells = [check.name, check.subject, check.tool, &outcome.extent, &time, result];
        cells.map(str::to_owned).to_vec()
    }));
    rows
}

/// Writes rows of equally many cells, the first being the heading, as aligned columns.
fn table(rows: Vec<Vec<String>>) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let length = |cell: &String| cell.chars().count();
    let width = |column: usize| rows.iter().map(|row| length(&row[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join(" | ").trim_end();
        text.push('\n');
        if index == 0 {
            let rules = widths.iter().map(|width| "-".repeat(*width));
            text += &rules.collect::<Vec<_>>().join("-|-");
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::checks::CHECKS;

    fn outcome(verdict: Verdict, tests_passed: u64, tests_failed: u64) -> Outcome {
        let (time, extent) = (Duration::from_secs(3), "some".to_owned());
        let tally = Tally { tests_passed, tests_failed, ..Tally::default() };
        Outcome { check: &CHECKS[0], verdict, extent, time, tally }
    }

    #[test]
    fn the_last_line_adds_everything_up() {
        let text = closing(&[
            outcome(Verdict::Passed, 10, 0),
            outcome(Verdict::Failed, 4, 2),
            outcome(Verdict::Skipped("no such tool".to_owned()), 0, 0),
        ]);
        assert_eq!(text.lines().last(), Some("14 passed, 2 failed"));
        assert!(text.contains("fmt was skipped: no such tool"));
    }

    #[test]
    fn columns_are_aligned() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let text = table(vec![row(["a", "b"]), row(["long", "x"]), row(["é", "yy"])]);
        assert_eq!(text, "a    | b\n-----|---\nlong | x\né    | yy\n");
    }
}
