//! The sanitizers that come with Rust: what they need, and how a command is made to use them.
//!
//! The Rust in use brings their runtimes, and accepts the flags when told to be unstable.
//! ThreadSanitizer needs a standard library that is instrumented too, or it takes locks and
//! channels for races. Its source comes with Debian's Rust, which is compiled with then, and
//! linked to the runtime of the Rust in use.

use std::fs;
use std::path::PathBuf;

use super::cross::promised_version;
use super::debian::Toolchain;
use crate::run::command::{Command, program};
use crate::run::context::Context;
use crate::run::plan::Say;
use crate::run::process::output_of;

/// The only target whose runtimes come with Rust and whose tools have been tried.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// One of those that are used here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sanitizer {
    /// Every access is ordered.
    Thread,
    /// Memory is in use when it is used.
    Address,
}

impl Sanitizer {
    /// Makes a cargo command that builds tests, and runs them perhaps, do so under the sanitizer.
    /// The command needs a build folder of its own.
    pub fn watch(self, cargo: Command, context: &Context, say: Say) -> Result<Command, String> {
        let runtime = self.runtime(context)?;
        let cargo = cargo.options(&format!("--target {TARGET}"));
        match self {
            Self::Thread => {
                let toolchain = Toolchain::fetch(context, &promised_version(context)?, say)?;
                let cargo = toolchain.compile(cargo.options("-Zbuild-std"));
                let link =
                    ["-Wl,--whole-archive", &runtime.to_string_lossy(), "-Wl,--no-whole-archive"]
                        .map(|argument| format!("-Zpre-link-arg={argument}"));
                // Exported, so that the program's own calls of the system's functions are seen.
                let flags = format!(
                    "-Zsanitizer=thread -Zexternal-clangrt {} -Clink-arg=-Wl,--export-dynamic",
                    link.join(" ")
                );
                Ok(Toolchain::with_std(cargo).env("RUSTFLAGS", &flags))
            }
            // What is released is read-only there, so that a store to it is seen as well.
            Self::Address => {
                let flags = "-Zsanitizer=address --cfg slotarena_guard";
                let cargo = Toolchain::with_std(cargo).env("RUSTFLAGS", flags);
                // A test asks for more than there can be, and expects to be refused.
                Ok(cargo.env("ASAN_OPTIONS", "allocator_may_return_null=1"))
            }
        }
    }

    /// Returns the runtime that is linked to a program.
    fn runtime(self, context: &Context) -> Result<PathBuf, String> {
        let name = match self {
            Self::Thread => "_rt.tsan.a",
            Self::Address => "_rt.asan.a",
        };
        let ask = program("rustc", "--print target-libdir --target").argument(TARGET);
        let folder = PathBuf::from(output_of(&ask, &context.root)?);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files = entries.map(|entry| entry.path());
        let found = files.find(|file| file.to_string_lossy().ends_with(name));
        found.ok_or_else(|| format!("needs a Rust that brings lib…{name} for {TARGET}"))
    }
}
