//! The index of the models, `loom-tests/INDEX.md`: written by the run, and held against it.
//!
//! Executions depend on the code alone, so an index that says something else is stale. It is then
//! written anew, and the check fails all the same: what is in the repository was wrong.

use std::fs;
use std::path::Path;

use crate::progress::seconds;
use crate::tally::{Model, grouped};

/// Where it is.
const INDEX: &str = "loom-tests/INDEX.md";

/// What stands above the table.
const HEAD: &str = "\
# The models

Every interleaving of a few operations on a table of a few slots, on the real code. Written by
`cargo xtask verify loom`, which fails when a line other than its time no longer holds. Invariants
are those of `docs/DESIGN.md`; how a model is checked stands in `main.rs`. *No bound*: all that loom
can distinguish was explored. Otherwise: all executions with at most so many preemptions.

";

/// Holds the index against what ran. A quick run shortens long models, and some are bounded anyway,
/// so it compares names and what they say of themselves only.
pub fn check(root: &Path, models: &[Model], quick: bool) -> Result<(), String> {
    let file = root.join(INDEX);
    let old = fs::read_to_string(&file).unwrap_or_default();
    let mut models: Vec<&Model> = models.iter().collect();
    models.sort_by_key(|model| &model.name);
    let stale = differences(&old, &models, quick);
    if stale.is_empty() {
        return Ok(());
    }
    let cure = if quick {
        "`cargo xtask verify loom` writes it anew"
    } else {
        fs::write(&file, text(&models)).map_err(|error| format!("{INDEX}: {error}"))?;
        "it has been written anew"
    };
    Err(format!("{INDEX} is stale, {cure}: {}", stale.join("; ")))
}

fn text(models: &[&Model]) -> String {
    let mut text = HEAD.to_owned();
    text += "| model | invariants | what runs | bound | executions | seconds |\n";
    text += "|---|---|---|---|---|---|\n";
    for model in models {
        text += &format!("{} {:.1} |\n", row(model, false), model.seconds);
    }
    let executions: u64 = models.iter().map(|model| model.executions).sum();
    let time: f64 = models.iter().map(|model| model.seconds).sum();
    let unbounded = models.iter().filter(|model| model.bound == "no bound").count();
    let time = seconds(std::time::Duration::from_secs_f64(time));
    let executions = grouped(executions);
    let count = models.len();
    text + &format!(
        "\n{count} models, {unbounded} without a bound; {executions} executions in {time}.\n"
    )
}

/// A model's line, up to its time; in a quick run up to what does not depend on the bound.
fn row(model: &Model, quick: bool) -> String {
    let Model { name, invariants, what, bound, executions, .. } = model;
    let short = format!("| {name} | {invariants} | {what} |");
    if quick { short } else { format!("{short} {bound} | {} |", grouped(*executions)) }
}

/// What the index has that did not run so, and the other way round.
fn differences(index: &str, models: &[&Model], quick: bool) -> Vec<String> {
    let rows: Vec<String> = models.iter().map(|model| row(model, quick)).collect();
    let lines: Vec<&str> = index.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let lacks = rows.iter().filter(|row| !lines.iter().any(|line| line.starts_with(&***row)));
    let extra = lines.iter().filter(|line| !rows.iter().any(|row| line.starts_with(&**row)));
    let lacks = lacks.map(|row| format!("it lacks {row}"));
    lacks.chain(extra.map(|line| format!("it has {line}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, executions: u64) -> Model {
        let (name, bound) = (name.to_owned(), "no bound".to_owned());
        let (invariants, what) = ("1 2".to_owned(), "one, another".to_owned());
        Model { name, invariants, what, bound, executions, seconds: 1.25 }
    }

    #[test]
    fn an_index_agrees_with_what_wrote_it_whatever_the_time() {
        let (one, two) = (model("one", 1234), model("two", 5));
        let index = text(&[&one, &two]);
        let slower = Model { seconds: 99.0, ..one };
        assert!(differences(&index, &[&slower, &two], false).is_empty());
        assert!(differences(&index, &[&slower, &two], true).is_empty());
    }

    #[test]
    fn whatever_else_differs_is_stale() {
        let (one, two) = (model("one", 1234), model("two", 5));
        let index = text(&[&one, &two]);
        let other = model("one", 1235);
        assert_eq!(differences(&index, &[&other, &two], false).len(), 2);
        assert!(differences(&index, &[&other, &two], true).is_empty());
        assert_eq!(differences(&index, &[&one], true).len(), 1);
        assert_eq!(differences(&index, &[&one, &two, &model("three", 1)], true).len(), 1);
        assert_eq!(differences("", &[&one], false).len(), 1);
    }
}
