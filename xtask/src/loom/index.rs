//! The index of the models, `loom-tests/INDEX.md`: written by the run, and compared with it.
//!
//! Executions depend on the code alone, so an index that says something else is stale. It is then
//! written anew, and the check fails all the same: what is in the repository was wrong.

use anyhow::{Result, bail};

use crate::run::{Model, context, grouped, seconds};

const INDEX: &str = "loom-tests/INDEX.md";

/// What stands above the rows.
const HEAD: &str = "\
# The models

Every interleaving of a few operations on a table of a few slots, on the real code. Written by
`cargo xtask verify loom`, which fails when a line other than its time no longer holds. Invariants
are those of `docs/DESIGN.md`; `main.rs` says how a model is checked. *No bound*: all that loom can
distinguish was explored. Otherwise: all executions with at most so many preemptions.

| model | invariants | what runs | bound | executions | seconds |
|---|---|---|---|---|---|
";

/// The tests that a quick run leaves out: those that take longest even with two preemptions. What
/// is left meets each pair of operations in some model, in half a minute.
pub const NOT_QUICK: &str = "
    allocator::overflow_end allocator::overflow_last_slots
    code::code_reuse_get_sweep code::code_set_set_get
    freelist::two_put_back
    slab::participants::slab_hand_over slab::slab_first_get_remove slab::slab_guard_sweep
    slab::slab_remove_flush slab::slab_reuse slab::plain::slab_plain_first_get_remove
    sweep::allocate_then_free::whole sweep::full::whole sweep::pages::whole sweep::overflow::whole
    unswept::allocate_free_sweep unswept::helpers";

fn left_out() -> usize {
    NOT_QUICK.split_whitespace().count()
}

/// Compares the index with what ran. A quick run bounds long models and leaves some out. So it
/// compares names, and what they say of themselves, and how many did not run.
pub fn check(quick: bool, models: &[Model]) -> Result<()> {
    let old = context::read(INDEX).unwrap_or_default();
    let mut models: Vec<&Model> = models.iter().collect();
    models.sort_by_key(|model| &model.name);
    let stale = differences(&old, &models, quick);
    if stale.is_empty() {
        return Ok(());
    }
    let cure = if quick {
        "`cargo xtask verify loom` writes it anew"
    } else {
        context::write(INDEX, &text(&models))?;
        "it has been written anew"
    };
    bail!("{INDEX} is stale, {cure}: {}", stale.join("; "))
}

fn text(models: &[&Model]) -> String {
    let mut text = HEAD.to_owned();
    for model in models {
        text += &format!("{} {:.1} |\n", row(model, false), model.seconds);
    }
    let executions = grouped(models.iter().map(|model| model.executions).sum());
    let time: f64 = models.iter().map(|model| model.seconds).sum();
    let time = seconds(std::time::Duration::from_secs_f64(time));
    let unbounded = models.iter().filter(|model| model.bound == "no bound").count();
    let count = models.len();
    text + &format!(
        "\n{count} models, {unbounded} without a bound; {executions} executions in {time}.\n"
    )
}

/// Returns a model's line, up to its time; in a quick run up to what does not depend on the bound.
fn row(model: &Model, quick: bool) -> String {
    let Model { name, invariants, what, bound, executions, .. } = model;
    let short = format!("| {name} | {invariants} | {what} |");
    if quick { short } else { format!("{short} {bound} | {} |", grouped(*executions)) }
}

/// Returns what the index has that did not run so, and the other way round.
fn differences(index: &str, models: &[&Model], quick: bool) -> Vec<String> {
    let rows: Vec<String> = models.iter().map(|model| row(model, quick)).collect();
    let lines: Vec<&str> = index.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let lacks = rows.iter().filter(|row| !lines.iter().any(|line| line.starts_with(&***row)));
    let mut wrong: Vec<String> = lacks.map(|row| format!("it lacks {row}")).collect();
    let extra = lines.iter().filter(|line| !rows.iter().any(|row| line.starts_with(&**row)));
    let extra: Vec<String> = extra.map(|line| format!("it has {line}")).collect();
    if !quick {
        wrong.extend(extra);
    } else if extra.len() != left_out() {
        let (count, expected) = (extra.len(), left_out());
        wrong.push(format!("{count} models in it did not run, expected {expected}"));
    }
    wrong
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
    fn whatever_differs_is_stale_apart_from_the_time() {
        let (one, two) = (model("one", 1234), model("two", 5));
        let index = text(&[&one, &two]);
        let (slower, other) = (Model { seconds: 99.0, ..one.clone() }, model("one", 1235));
        assert!(differences(&index, &[&slower, &two], false).is_empty());
        assert_eq!(differences(&index, &[&other, &two], false).len(), 2);
        assert_eq!(differences("", &[&one], false).len(), 1);
    }

    #[test]
    fn a_quick_run_leaves_out_what_it_should() {
        let models = (0..left_out() + 2).map(|n| model(&format!("model {n}"), 1));
        let models: Vec<Model> = models.collect();
        let models: Vec<&Model> = models.iter().collect();
        let index = text(&models);
        assert!(differences(&index, &[models[0], &model("model 1", 7)], true).is_empty());
        assert_eq!(differences(&index, &models[..3], true).len(), 1);
        assert_eq!(differences(&index, &[models[0], &model("other", 1)], true).len(), 2);
    }
}
