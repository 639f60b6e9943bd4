//! Checks with another compiler or for another system than the one at hand: the oldest supported
//! Rust, Windows, 32 bits, and a system without virtual memory.
//!
//! Each takes what rustup has installed, else what Debian's archive offers, else it is skipped.

use std::fs;
use std::path::PathBuf;

use super::debian::{Toolchain, install};
use crate::run::command::{Command, cargo, program};
use crate::run::context::{Context, make_folder, paths};
use crate::run::plan::{Plan, Say};
use crate::run::process::output_of;

/// Compiles everything there is to test.
const COMPILE: &str = "test --tests --no-run";

/// Runs the tests that say most about a system in little time.
const RUN: &str = "test --lib --test api --test code_table";

/// Compiles where nothing can be linked.
const CHECK: &str = "check --lib --tests";

/// Checks that the library builds with the Rust that the manifest promises.
pub fn msrv(context: &Context, say: Say) -> Plan {
    let version = promised_version(context)?;
    let folder = context.target.join("msrv");
    let listed = output_of(&program("rustup", "toolchain list"), &context.root).unwrap_or_default();
    let installed = listed
        .split_whitespace()
        .find(|name| name.strip_prefix(&version).is_some_and(|rest| rest.starts_with(['-', '.'])));
    let check = match installed {
        Some(name) => program("rustup", &format!("run {name} cargo check --lib")),
        None => Toolchain::fetch(context, &version, say)?.compile(cargo("check --lib")),
    };
    Ok(vec![check.target_dir(&folder)])
}

/// Runs the tests on Windows, or rather on Wine; compiles them where there is no Wine.
pub fn windows(context: &Context, say: Say) -> Plan {
    const MSVC: &str = "x86_64-pc-windows-msvc";
    const GNU: &str = "x86_64-pc-windows-gnu";
    if has_std(context, MSVC) {
        return Ok(vec![cargo_for(context, None, MSVC, CHECK)]);
    }
    let toolchain = Toolchain::fetch(context, &promised_version(context)?, say)?;
    let wine = wine(context).or_else(|_| {
        install(context, "gcc-mingw-w64-x86-64-win32 wine64", say)?;
        wine(context)
    });
    match wine {
        Ok(wine) => {
            toolchain.frame(GNU)?;
            let cargo = |arguments| cargo_for(context, Some(&toolchain), GNU, arguments);
            Ok(vec![cargo(COMPILE), wine.host(cargo(RUN), GNU)])
        }
        Err(reason) => {
            say(&format!("compiling only: {reason}"));
            Ok(vec![cargo_for(context, Some(&toolchain), MSVC, CHECK)])
        }
    }
}

/// Runs the tests where addresses have 32 bits, and compiles the library for a system that has
/// allocated memory only.
pub fn portable(context: &Context, say: Say) -> Plan {
    const SMALL: &str = "i686-unknown-linux-gnu";
    const BARE: &str = "wasm32-unknown-unknown";
    let toolchain = if has_std(context, SMALL) && has_std(context, BARE) {
        None
    } else {
        Some(Toolchain::fetch(context, &promised_version(context)?, say)?)
    };
    let cargo = |target, arguments| cargo_for(context, toolchain.as_ref(), target, arguments);
    let linker =
        if links_32_bits(context) { Ok(()) } else { install(context, "gcc-multilib", say) };
    let mut commands = match linker {
        Ok(()) => vec![cargo(SMALL, COMPILE), cargo(SMALL, RUN)],
        Err(reason) => {
            say(&format!("compiling only: {reason}"));
            vec![cargo(SMALL, CHECK)]
        }
    };
    commands.push(cargo(BARE, "check --lib"));
    Ok(commands)
}

/// Returns a cargo command for a target. Debian's Rust has no compiled standard library for it.
fn cargo_for(
    context: &Context,
    toolchain: Option<&Toolchain>,
    target: &str,
    arguments: &str,
) -> Command {
    let folder = context.target.join("cross");
    match toolchain {
        None => cargo(&format!("{arguments} --target {target}")).target_dir(&folder),
        Some(toolchain) => {
            let command = cargo(&format!("{arguments} -Zbuild-std --target {target}"));
            Toolchain::with_std(toolchain.compile(command.target_dir(&folder)))
        }
    }
}

/// Returns `true` if the Rust in use has a standard library for the target.
fn has_std(context: &Context, target: &str) -> bool {
    let ask = program("rustc", &format!("--print target-libdir --target {target}"));
    let folder = output_of(&ask, &context.root);
    folder.is_ok_and(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

/// Returns `true` if the C compiler, which links for us, has what a 32-bit program is linked with.
fn links_32_bits(context: &Context) -> bool {
    ["crt1.o", "libgcc.a"].iter().all(|file| {
        let ask = program("gcc", &format!("-m32 -print-file-name={file}"));
        output_of(&ask, &context.root).is_ok_and(|path| path.contains('/'))
    })
}

/// Wine, ready to run the tests.
struct Wine {
    program: &'static str,
    /// Wine's idea of a disk, and what else it needs, below the build folder.
    folder: PathBuf,
}

/// Finds Wine and prepares it.
fn wine(context: &Context) -> Result<Wine, String> {
    const PLACES: [&str; 3] = ["wine64", "/usr/lib/wine/wine64", "wine"];
    let works = |place: &&str| output_of(&program(place, "--version"), &context.root).is_ok();
    let program_name = PLACES.into_iter().find(works).ok_or("needs Wine")?;
    let folder = context.target.join("wine");
    let libraries = folder.join("libraries");
    make_folder(&libraries)?;
    let source = context.root.join(paths::WINE_LIBRARY);
    let gcc = program("x86_64-w64-mingw32-gcc", "-shared -o");
    let gcc = gcc.path(&libraries.join("bcryptprimitives.dll")).path(&source);
    output_of(&gcc.argument("-ladvapi32"), &context.root)?;
    Ok(Wine { program: program_name, folder })
}

impl Wine {
    /// Makes a cargo command run what it builds for the target on Wine.
    fn host(&self, cargo: Command, target: &str) -> Command {
        let target = target.replace('-', "_").to_uppercase();
        cargo
            .env(&format!("CARGO_TARGET_{target}_RUNNER"), self.program)
            .env("WINEPREFIX", self.folder.join("prefix"))
            .env("WINEPATH", self.folder.join("libraries"))
            .env("WINEDEBUG", "-all")
            // Neither .NET nor a browser is wanted, and a run cannot decline them.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
    }
}

/// Returns the `rust-version` in the manifest.
pub fn promised_version(context: &Context) -> Result<String, String> {
    let version = rust_version(&context.read(paths::MANIFEST)?);
    version.ok_or_else(|| format!("no rust-version in {}, expected one", paths::MANIFEST))
}

/// Returns major and minor version from the manifest's `rust-version = "1.85"`.
fn rust_version(manifest: &str) -> Option<String> {
    let value = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version")?.trim_start().strip_prefix('='))?;
    let mut parts = value.trim().trim_matches('"').split('.');
    Some(format!("{}.{}", parts.next()?, parts.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_promised_version_is_read() {
        assert_eq!(rust_version("a = 1\nrust-version = \"1.85\"\n").as_deref(), Some("1.85"));
        assert_eq!(rust_version("rust-version=\"1.85.1\"").as_deref(), Some("1.85"));
        assert_eq!(rust_version("name = \"rust-version\""), None);
    }
}
