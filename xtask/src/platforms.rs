//! Checks for other systems and compilers than the one at hand, and with the sanitizers: by
//! `xtask/platforms/cargo.sh`, which says what they are.

use anyhow::Result;
use fs_err as fs;

use crate::run::{Command, ROOT, TARGET, output_of, print, program};

/// Fetches what a platform or a sanitizer needs, or says why it cannot be had. Returns the script's
/// command: the check of a platform. With a sanitizer, `thread` or `address`, it goes before a
/// command of cargo that has a build folder of its own.
pub fn prepared(platform: &str) -> Result<Command> {
    print(&format!("preparing {platform}"));
    fs::create_dir_all(&*TARGET)?;
    let script = program(ROOT.join("xtask/platforms/cargo.sh"), "").env("BUILD", &*TARGET);
    let prepare = script.clone().argument("prepare").argument(platform);
    output_of(&prepare)?.lines().for_each(print);
    Ok(script.argument("run").argument(platform))
}
