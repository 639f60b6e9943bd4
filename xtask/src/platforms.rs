//! Checks for other systems and compilers than the one at hand, and with the sanitizers: by
//! `xtask/platforms/cargo.sh`, which says what they are.

use crate::run::command::{Command, Plan, Say, program};
use crate::run::context::{Context, make_folder, paths};
use crate::run::process::output_of;

/// Returns a cargo command that builds tests, and runs them perhaps, under a sanitizer, `thread` or
/// `address`. It needs a build folder of its own.
pub fn sanitized(
    name: &str,
    cargo: Command,
    context: &Context,
    say: Say,
) -> Result<Command, String> {
    Ok(cargo.through(prepared(name, context, say)?))
}

/// Returns the check of a platform.
pub fn plan(platform: &str, context: &Context, say: Say) -> Plan {
    Ok(vec![prepared(platform, context, say)?])
}

/// Fetches what a platform needs, or says why it cannot be had. Returns the script's command.
fn prepared(platform: &str, context: &Context, say: Say) -> Result<Command, String> {
    say(&format!("preparing {platform}"));
    make_folder(&context.target)?;
    let script = program(context.root.join(paths::PLATFORMS), "").env("BUILD", &context.target);
    let prepare = script.clone().argument("prepare").argument(platform);
    output_of(&prepare, &context.root)?.lines().for_each(say);
    Ok(script.argument("run").argument(platform))
}

/// Installs Debian packages, separated by blanks, or says why not.
pub fn install(context: &Context, packages: &str, say: Say) -> Result<(), String> {
    say(&format!("installing {packages}"));
    let fetch = program(context.root.join(paths::FETCH), "install").arguments(packages);
    output_of(&fetch, &context.root).map(drop)
}
