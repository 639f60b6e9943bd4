//! Checks for other systems and compilers than the one at hand, and with the sanitizers: by
//! `xtask/platforms/cargo.sh`, which says what they are.

use crate::run::command::{Command, program};
use crate::run::context::{Context, make_folder, paths};
use crate::run::plan::{Plan, Say};
use crate::run::process::output_of;

/// The sanitizers that are used here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sanitizer {
    /// Every access is ordered.
    Thread,
    /// Memory is in use when it is used.
    Address,
}

impl Sanitizer {
    /// Returns a cargo command that builds tests, and runs them perhaps, under the sanitizer. It
    /// needs a build folder of its own.
    pub fn watch(self, cargo: Command, context: &Context, say: Say) -> Result<Command, String> {
        let name = if self == Self::Thread { "thread" } else { "address" };
        prepare(context, name, say)?;
        Ok(cargo.through(script(context).argument("run").argument(name)))
    }
}

/// Returns the check of a platform.
pub fn plan(platform: &str, context: &Context, say: Say) -> Plan {
    prepare(context, platform, say)?;
    Ok(vec![script(context).argument("run").argument(platform)])
}

/// Fetches what a platform needs, or says why it cannot be had.
fn prepare(context: &Context, platform: &str, say: Say) -> Result<(), String> {
    say(&format!("preparing {platform}"));
    make_folder(&context.target)?;
    let prepare = script(context).argument("prepare").argument(platform);
    output_of(&prepare, &context.root).map(|notes| notes.lines().for_each(say))
}

fn script(context: &Context) -> Command {
    program(context.root.join(paths::PLATFORMS), "").env("BUILD", &context.target)
}

/// Installs Debian packages, separated by blanks, or says why not.
pub fn install(context: &Context, packages: &str, say: Say) -> Result<(), String> {
    say(&format!("installing {packages}"));
    let fetch = program(context.root.join(paths::FETCH), "install").arguments(packages);
    output_of(&fetch, &context.root).map(drop)
}
