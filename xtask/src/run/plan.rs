//! What a check consists of.

use super::command::{Command, cargo};
use super::context::Context;

/// The commands of a check, or the reason why it must be skipped here.
pub type Plan = Result<Vec<Command>, String>;

/// Tells the user what is being prepared.
pub type Say<'a> = &'a dyn Fn(&str);

/// Returns a command of this package, to run in a process of its own with the user's choices.
pub fn own(name: &str, context: &Context) -> Command {
    let options = &context.options;
    let command = cargo("run --quiet --package xtask --").argument(name);
    let flags = [
        ("--quick", options.quick && !options.mutants && name == "proofs"),
        ("--mutants", options.mutants && name == "proofs"),
        ("--all", options.all),
    ];
    let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned());
    let seconds = options.seconds.map(|seconds| format!("--seconds={seconds}"));
    flags.chain(seconds).chain(options.names.clone()).fold(command, |c, word| c.argument(&word))
}

/// Returns the check that consists of the command of its name.
pub fn own_plan(name: &str, context: &Context, _: Say) -> Plan {
    Ok(vec![own(name, context)])
}
