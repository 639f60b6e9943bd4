//! What a check's output says about how much it checked.
//!
//! These kinds of line are read, wherever they come from: cargo's `test result: …`, the tests'
//! `cases: NAME N`, the models' `model: …`, `variant: …` for each wrong variant of the crate that
//! was tried, and of the proofs `theorem: …` and `states: …`. Every other line passes unread.

use std::fmt;

use super::display::counted;

/// One model, from its line
/// `model: NAME | INVARIANTS | WHAT | BOUND | EXECUTIONS | SECONDS`.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub name: String,
    pub invariants: String,
    pub what: String,
    pub bound: String,
    pub executions: u64,
    pub seconds: f64,
}

#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub tests_passed: u64,
    pub tests_failed: u64,
    pub tests_ignored: u64,
    pub cases: u64,
    pub benches: u64,
    pub variants: u64,
    pub models: Vec<Model>,
    /// From lines `theorem: NAME | INVARIANTS | WHAT IT SAYS | CHECKER`.
    pub theorems: Vec<[String; 4]>,
    /// Models all of whose states were explored. A line `states: …` is like a `model: …`, with
    /// states for executions.
    pub explorations: Vec<Model>,
    /// The first line that begins like one of these and then makes no sense: a bug in the check.
    pub malformed: Option<String>,
}

impl Tally {
    /// Reads one line. Returns `true` if it was a model's.
    pub fn read(&mut self, line: &str) -> bool {
        // What criterion says of each benchmark it runs once to see that it works.
        self.benches += u64::from(line == "Success");
        // With `--nocapture` the test harness may have begun the line before the test printed.
        let harness = line.trim_start().strip_prefix("test ").and_then(|l| l.split_once(" ... "));
        let text = harness.map_or(line.trim_start(), |(_, rest)| rest);
        let Some((marker, rest)) = text.split_once(": ") else { return false };
        let known = match marker {
            "test result" => test_result(rest).map(|[passed, failed, ignored]| {
                self.tests_passed += passed;
                self.tests_failed += failed;
                self.tests_ignored += ignored;
            }),
            "cases" => {
                let count = rest.trim_end().rsplit_once(' ').and_then(|(_, count)| number(count));
                count.map(|count| self.cases += count)
            }
            "model" => model(rest).map(|model| self.models.push(model)),
            "states" => model(rest).map(|model| self.explorations.push(model)),
            "theorem" => fields(rest).map(|theorem| self.theorems.push(theorem)),
            "variant" => {
                self.variants += 1;
                Some(())
            }
            _ => return false,
        };
        if known.is_none() {
            self.malformed.get_or_insert_with(|| line.to_owned());
        }
        marker == "model" && known.is_some()
    }

    /// Returns how many parts passed: models where there are any, else tests, and so on.
    pub fn passed(&self) -> u64 {
        let models = (self.models.len() + self.explorations.len() + self.theorems.len()) as u64;
        let counts = [models, self.tests_passed, self.benches, self.variants];
        counts.into_iter().find(|count| *count > 0).unwrap_or(0)
    }
}

/// Writes the counts that are not zero, `3 models, 4,096 executions`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executions = |models: &[Model]| models.iter().map(|model| model.executions).sum();
        // In a run of models the tests are the models: one count is enough.
        let tests = self.tests_passed + self.tests_failed;
        let parts = [
            (self.models.len() as u64, "model"),
            (executions(&self.models), "execution"),
            (if self.models.is_empty() { tests } else { 0 }, "test"),
            (self.tests_ignored, "ignored test"),
            (self.theorems.len() as u64, "theorem"),
            (self.explorations.len() as u64, "model"),
            (executions(&self.explorations), "state"),
            (self.cases, "case"),
            (self.benches, "benchmark"),
            (self.variants, "wrong variant"),
        ];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts.map(|(count, noun)| counted(count, noun)).collect();
        f.write_str(&parts.join(", "))
    }
}

/// Returns passed, failed, and ignored from `ok. 5 passed; 0 failed; 1 ignored; …`.
fn test_result(rest: &str) -> Option<[u64; 3]> {
    let find =
        |word: &str| rest.split(['.', ';']).find_map(|part| number(part.strip_suffix(word)?));
    Some([find("passed")?, find("failed")?, find("ignored")?])
}

/// Returns the fields of a line `A | B | C`, which must be so many.
pub fn fields<const N: usize>(rest: &str) -> Option<[String; N]> {
    let fields: Vec<String> = rest.split(" | ").map(|field| field.trim().to_owned()).collect();
    fields.try_into().ok()
}

fn model(rest: &str) -> Option<Model> {
    let [name, invariants, what, bound, executions, seconds] = fields(rest)?;
    let seconds = seconds.trim_end_matches('s').trim_end().parse().ok()?;
    Some(Model { name, invariants, what, bound, executions: number(&executions)?, seconds })
}

/// Reads a whole number, digits perhaps grouped.
fn number(text: &str) -> Option<u64> {
    text.trim().replace([',', '_'], "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| _ = tally.read(line));
        tally
    }

    #[test]
    fn counts_add_up_even_behind_the_harness_own_words() {
        let is = |output: &str, passed, failed, text: &str| {
            let tally = tally(output);
            assert_eq!(
                (tally.passed(), tally.tests_failed, &tally.malformed),
                (passed, failed, &None)
            );
            assert_eq!(tally.to_string(), text);
            tally.models
        };
        let tests = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured\n\
                     test free_all ... cases: free_all 2,500\ncases: pack and unpack 1000\n\
                     cases of something else entirely 3\n\
                     test result: FAILED. 10 passed; 3 failed; 1 ignored; finished in 1.02s\n";
        is(tests, 12, 3, "15 tests, 1 ignored test, 3,500 cases");
        let proofs = "theorem: a.b | 1, 2 | What | Coq\nstates: c | 3 | d | all | 1000 | 2.5\n\
                      states: e | 3 | f | all | 500 | 0.5\ncases: sites 60\n";
        is(proofs, 3, 0, "1 theorem, 2 models, 1,500 states, 60 cases");
        is("Testing alloc/1\nSuccess\n\nTesting alloc/2\nSuccess\n", 2, 0, "2 benchmarks");
        // Models count instead of the tests that run them.
        let line = "model: pops | F1, F2 | two threads pop | 2 preemptions | 1_204 | 3.5";
        let models = format!(
            "{line}\ntest pops ... {line} s\ntest result: FAILED. 1 passed; \
                              1 failed; 0 ignored; 0 measured"
        );
        let models = is(&models, 2, 1, "2 models, 2,408 executions");
        let texts = ["pops", "F1, F2", "two threads pop", "2 preemptions"].map(str::to_owned);
        let [name, invariants, what, bound] = texts;
        let model = Model { name, invariants, what, bound, executions: 1204, seconds: 3.5 };
        assert_eq!(models, [model.clone(), model]);
    }

    #[test]
    fn nonsense_in_our_own_lines_is_kept() {
        for line in [
            "model: a | F1 | x | none | many | 0.1",
            "model: a | F1 | x | none | 10",
            "cases: name",
            "cases: name x",
            "theorem: a | b | c",
            "states: a | b | c | d | e | f",
            "test result: ok",
        ] {
            assert_eq!(tally(line).malformed.as_deref(), Some(line));
        }
    }
}
