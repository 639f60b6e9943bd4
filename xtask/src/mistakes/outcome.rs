//! What came of a variant, as a line in a file, in words, and as cells of a table.

use std::fmt;

use crate::run::display::grouped;

/// What came of a variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A model failed: which, in which execution, after how long, and what it said.
    Killed { model: String, executions: Option<u64>, seconds: f64, message: String },
    /// No model failed.
    Survived { seconds: f64 },
    /// No model failed, but these were given up.
    TimedOut { models: String, seconds: f64 },
    /// The variant could not be tried.
    Broken(String),
}

impl Outcome {
    pub fn is_killed(&self) -> bool {
        matches!(self, Self::Killed { .. })
    }

    /// Returns one line, to be read again.
    pub fn line(&self) -> String {
        match self {
            Self::Killed { model, executions, seconds, message } => {
                let executions = executions.map_or(String::new(), |count| count.to_string());
                let message = message.replace('\t', " ");
                format!("killed\t{model}\t{executions}\t{seconds:.2}\t{message}\n")
            }
            Self::Survived { seconds } => format!("survived\t{seconds:.2}\n"),
            Self::TimedOut { models, seconds } => format!("timed out\t{models}\t{seconds:.2}\n"),
            Self::Broken(reason) => format!("broken\t{}\n", reason.replace('\n', " ")),
        }
    }

    /// Reads what [`line`](Self::line) wrote.
    pub fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        match fields[..] {
            ["killed", model, executions, seconds, message] => Some(Self::Killed {
                model: model.to_owned(),
                executions: executions.parse().ok(),
                seconds: seconds.parse().ok()?,
                message: message.to_owned(),
            }),
            ["survived", seconds] => Some(Self::Survived { seconds: seconds.parse().ok()? }),
            ["timed out", models, seconds] => {
                let models = models.to_owned();
                Some(Self::TimedOut { models, seconds: seconds.parse().ok()? })
            }
            _ => None,
        }
    }

    /// Returns what happened, the model, the executions, the seconds, and the message.
    pub fn cells(&self) -> [String; 5] {
        let text = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let (what, model, executions, seconds, message) = match self {
            Self::Killed { model, executions, seconds, message } => {
                let executions = executions.map_or("?".to_owned(), grouped);
                ("killed", &**model, executions, Some(seconds), message.chars().take(90).collect())
            }
            Self::Survived { seconds } => {
                ("survived", "", String::new(), Some(seconds), String::new())
            }
            Self::TimedOut { models, seconds } => {
                ("timed out", &**models, String::new(), Some(seconds), String::new())
            }
            Self::Broken(reason) => ("broken", "", String::new(), None, reason.clone()),
        };
        let seconds = seconds.map_or_else(String::new, |seconds| format!("{seconds:.1}"));
        [what.to_owned(), text(model), executions, seconds, text(&message)]
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed { model, seconds, .. } => write!(f, "killed by {model} in {seconds:.1} s"),
            Self::Survived { seconds } => write!(f, "SURVIVED, {seconds:.0} s"),
            Self::TimedOut { models, .. } => write!(f, "TIMED OUT in {models}"),
            Self::Broken(reason) => write!(f, "BROKEN: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_kept_whole() {
        let killed = |executions| Outcome::Killed {
            model: "a::b".to_owned(),
            executions,
            seconds: 1.5,
            message: "Invariant 3: x | y".to_owned(),
        };
        let timed_out = Outcome::TimedOut { models: "c; d".to_owned(), seconds: 61.25 };
        for outcome in
            [killed(None), killed(Some(7)), Outcome::Survived { seconds: 2.0 }, timed_out]
        {
            assert_eq!(Outcome::read(outcome.line().trim_end()), Some(outcome));
        }
        assert_eq!(killed(None).cells()[4], "Invariant 3: x \\| y");
        assert_eq!(Outcome::read("rubbish"), None);
    }
}
