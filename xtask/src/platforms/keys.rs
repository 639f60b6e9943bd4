//! The tests of protection keys, on a processor that has them: emulated, with a kernel of its own.

use std::path::Path;

use super::debian::{fetch, install};
use crate::run::command::{cargo, program};
use crate::run::context::{Context, paths};
use crate::run::plan::{Plan, Say};
use crate::run::process::output_of;

/// Runs them by `xtask/emulate/with-keys.sh`.
pub fn plan(context: &Context, say: Say) -> Plan {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err("needs x86-64 Linux".to_owned());
    }
    let works = |tool: &str| output_of(&program(tool, "--version"), Path::new("/")).is_ok();
    if !works("qemu-system-x86_64") || !works("cpio") {
        install(context, "qemu-system-x86 cpio", say)?;
    }
    let folder = context.target.join("emulate");
    if !folder.exists() {
        fetch(context, &format!("kernel {}", folder.display()), say)?;
    }
    let script = context.root.join(paths::EMULATE);
    let runner = format!("{} {}", script.display(), folder.display());
    let tests = cargo("test --test code_table -- --test-threads=1");
    Ok(vec![tests.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", runner)])
}
