//! What came of a variant: kept in a file, in words, and as cells of a table.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::run::context;
use crate::run::display::grouped;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// A model failed.
    Killed,
    /// No model failed.
    Survived,
    /// No model failed, but some were given up.
    TimedOut,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub end: End,
    /// The model that failed, or those that were given up.
    pub model: String,
    /// The execution in which it failed.
    pub executions: Option<u64>,
    /// After how long it failed, or how long all models took.
    pub seconds: f64,
    pub message: String,
}

const WORDS: [(End, &str); 3] =
    [(End::Killed, "killed"), (End::Survived, "survived"), (End::TimedOut, "timed out")];

impl Outcome {
    /// Returns an outcome without a model and a message.
    pub fn new(end: End, seconds: f64) -> Self {
        Self { end, model: String::new(), executions: None, seconds, message: String::new() }
    }

    pub fn is_killed(&self) -> bool {
        self.end == End::Killed
    }

    fn word(&self) -> &'static str {
        WORDS.iter().find(|(end, _)| *end == self.end).map_or("", |(_, word)| word)
    }

    /// Returns one line, to be read again.
    pub fn line(&self) -> String {
        let executions = self.executions.map_or_else(String::new, |count| count.to_string());
        let message = self.message.replace(['\t', '\n'], " ");
        format!("{}\t{}\t{executions}\t{:.2}\t{message}\n", self.word(), self.model, self.seconds)
    }

    /// Reads what [`line`](Self::line) wrote.
    pub fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.trim_end_matches('\n').split('\t').collect();
        let [end, model, executions, seconds, message] = fields[..] else { return None };
        let (end, _) = WORDS.iter().find(|(_, word)| *word == end)?;
        let (executions, seconds) = (executions.parse().ok(), seconds.parse().ok()?);
        let (model, message) = (model.to_owned(), message.to_owned());
        Some(Self { end: *end, model, executions, seconds, message })
    }

    pub fn kept(file: &Path) -> Option<Self> {
        Self::read(&fs::read_to_string(file).ok()?)
    }

    pub fn keep(&self, file: &Path) -> Result<(), String> {
        context::write(file, &self.line())
    }

    pub fn cells(&self) -> [String; 5] {
        let text = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let unknown = if self.is_killed() { "?" } else { "" };
        let executions = self.executions.map_or_else(|| unknown.to_owned(), grouped);
        let message: String = self.message.chars().take(90).collect();
        let seconds = format!("{:.1}", self.seconds);
        [self.word().to_owned(), text(&self.model), executions, seconds, text(&message)]
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, seconds, .. } = self;
        match self.end {
            End::Killed => write!(f, "killed by {model} in {seconds:.1} s"),
            End::Survived => write!(f, "SURVIVED, {seconds:.0} s"),
            End::TimedOut => write!(f, "TIMED OUT in {model}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_kept_whole() {
        let (model, message) = ("a::b".to_owned(), "Invariant 3: x | y".to_owned());
        let killed = Outcome { model, message, ..Outcome::new(End::Killed, 1.5) };
        let counted = Outcome { executions: Some(7), ..killed.clone() };
        let timed_out = Outcome { model: "c; d".to_owned(), ..Outcome::new(End::TimedOut, 61.25) };
        for outcome in [killed.clone(), counted, Outcome::new(End::Survived, 2.0), timed_out] {
            assert_eq!(Outcome::read(&outcome.line()), Some(outcome));
        }
        assert_eq!(killed.cells()[4], "Invariant 3: x \\| y");
        assert_eq!(Outcome::read("rubbish"), None);
    }
}
