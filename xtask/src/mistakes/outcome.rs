//! What came of a variant: kept in a file, in words, and as cells of a table.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::run::{context, grouped};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// A model failed.
    Killed,
    /// No model failed.
    Survived,
    /// No model failed, but some were given up.
    TimedOut,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

impl Outcome {
    /// Returns an outcome without a model and a message.
    pub fn new(end: End, seconds: f64) -> Self {
        Self { end, model: String::new(), executions: None, seconds, message: String::new() }
    }

    pub fn is_killed(&self) -> bool {
        self.end == End::Killed
    }

    pub fn kept(file: &Path) -> Option<Self> {
        serde_json::from_str(&context::read(file).ok()?).ok()
    }

    pub fn keep(&self, file: &Path) -> Result<()> {
        context::write(file, &serde_json::to_string(self)?)
    }

    pub fn cells(&self) -> [String; 5] {
        let text = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let (word, unknown) = match self.end {
            End::Killed => ("killed", "?"),
            End::Survived => ("survived", ""),
            End::TimedOut => ("timed out", ""),
        };
        let executions = self.executions.map_or_else(|| unknown.to_owned(), grouped);
        let message: String = self.message.chars().take(90).collect();
        let seconds = format!("{:.1}", self.seconds);
        [word.to_owned(), text(&self.model), executions, seconds, text(&message)]
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
    fn a_message_is_one_cell() {
        let (model, message) = ("a::b".to_owned(), "Invariant 3: x | y\nz".to_owned());
        let killed = Outcome { model, message, ..Outcome::new(End::Killed, 1.5) };
        assert_eq!(killed.cells(), ["killed", "a::b", "?", "1.5", "Invariant 3: x \\| y z"]);
    }
}
