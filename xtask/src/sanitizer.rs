//! The sanitizers that come with Rust: what they need, and how a command is made to use them.
//!
//! The Rust in use brings their runtimes, and accepts the flags when told to be unstable.
//! ThreadSanitizer needs a standard library that is instrumented too, or it takes locks and
//! channels for races. Its source comes with Debian's Rust, which is compiled with then, and
//! linked to the runtime of the Rust in use.

use std::fs;
use std::path::PathBuf;

use crate::cross::promised_version;
use crate::debian::Toolchain;
use crate::invocation::{Invocation, program};
use crate::process::output_of;
use crate::steps::Say;
use crate::verify::Setup;

/// The only target whose runtimes come with Rust and whose tools have been tried.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// One of those that are used here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sanitizer {
    /// Are accesses ordered?
    Thread,
    /// Is memory that is used there, and in use?
    Address,
}

impl Sanitizer {
    /// Makes a cargo command that builds tests, and runs them perhaps, do so under the sanitizer.
    /// The command needs a build folder of its own.
    pub fn watch(self, cargo: Invocation, setup: &Setup, say: Say) -> Result<Invocation, String> {
        let runtime = self.runtime(setup)?;
        let cargo = cargo.options(&format!("--target {TARGET}"));
        match self {
            Self::Thread => {
                let toolchain = Toolchain::fetch(setup, &promised_version(setup)?, say)?;
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

    /// The runtime that is linked to a program.
    fn runtime(self, setup: &Setup) -> Result<PathBuf, String> {
        let name = match self {
            Self::Thread => "_rt.tsan.a",
            Self::Address => "_rt.asan.a",
        };
        let ask = program("rustc", "--print target-libdir --target").argument(TARGET);
        let folder = PathBuf::from(output_of(&ask, &setup.root)?);
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let mut files = entries.map(|entry| entry.path());
        let found = files.find(|file| file.to_string_lossy().ends_with(name));
        found.ok_or_else(|| format!("needs a Rust that brings lib…{name} for {TARGET}"))
    }
}
