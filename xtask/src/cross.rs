//! Checks with another compiler or for another system than the one at hand: the oldest supported
//! Rust, Windows, 32 bits, and a system without virtual memory.
//!
//! Each takes what rustup has installed, else what Debian's archive offers, else it is skipped.

use std::fs;
use std::path::PathBuf;

use crate::debian::{Toolchain, install};
use crate::invocation::{Invocation, cargo, program};
use crate::process::output_of;
use crate::steps::{Plan, Say};
use crate::verify::Setup;

/// Compiles everything there is to test.
const COMPILE: &str = "test --tests --no-run";

/// Runs the tests that say most about a system in little time.
const RUN: &str = "test --lib --test api --test code_table";

/// Compiles where nothing can be linked.
const CHECK: &str = "check --lib --tests";

/// The library builds with the Rust that the manifest promises.
pub fn msrv(setup: &Setup, say: Say) -> Plan {
    let version = promised_version(setup)?;
    let folder = setup.target.join("msrv");
    let listed = output_of(&program("rustup", "toolchain list"), &setup.root).unwrap_or_default();
    let installed = listed
        .split_whitespace()
        .find(|name| name.strip_prefix(&version).is_some_and(|rest| rest.starts_with(['-', '.'])));
    let check = match installed {
        Some(name) => program("rustup", &format!("run {name} cargo check --lib")),
        None => Toolchain::fetch(setup, &version, say)?.compile(cargo("check --lib")),
    };
    Ok(vec![check.target_dir(&folder)])
}

/// The tests pass on Windows, or rather on Wine; where there is no Wine, they compile.
pub fn windows(setup: &Setup, say: Say) -> Plan {
    const MSVC: &str = "x86_64-pc-windows-msvc";
    const GNU: &str = "x86_64-pc-windows-gnu";
    if has_std(setup, MSVC) {
        return Ok(vec![cargo_for(setup, None, MSVC, CHECK)]);
    }
    let toolchain = Toolchain::fetch(setup, &promised_version(setup)?, say)?;
    let wine = wine(setup).or_else(|_| {
        install("gcc-mingw-w64-x86-64-win32 wine64", say)?;
        wine(setup)
    });
    match wine {
        Ok(wine) => {
            toolchain.frame(GNU)?;
            let cargo = |arguments| cargo_for(setup, Some(&toolchain), GNU, arguments);
            Ok(vec![cargo(COMPILE), wine.host(cargo(RUN), GNU)])
        }
        Err(reason) => {
            say(&format!("compiling only: {reason}"));
            Ok(vec![cargo_for(setup, Some(&toolchain), MSVC, CHECK)])
        }
    }
}

/// The tests pass where addresses have 32 bits, and the library compiles for a system that has
/// allocated memory only.
pub fn portable(setup: &Setup, say: Say) -> Plan {
    const SMALL: &str = "i686-unknown-linux-gnu";
    const BARE: &str = "wasm32-unknown-unknown";
    let toolchain = if has_std(setup, SMALL) && has_std(setup, BARE) {
        None
    } else {
        Some(Toolchain::fetch(setup, &promised_version(setup)?, say)?)
    };
    let cargo = |target, arguments| cargo_for(setup, toolchain.as_ref(), target, arguments);
    let linker = if links_32_bits(setup) { Ok(()) } else { install("gcc-multilib", say) };
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

/// A cargo command for a target. Debian's Rust has no compiled standard library for it.
fn cargo_for(
    setup: &Setup,
    toolchain: Option<&Toolchain>,
    target: &str,
    arguments: &str,
) -> Invocation {
    let folder = setup.target.join("cross");
    match toolchain {
        None => cargo(&format!("{arguments} --target {target}")).target_dir(&folder),
        Some(toolchain) => {
            let command = cargo(&format!("{arguments} -Zbuild-std --target {target}"));
            Toolchain::with_std(toolchain.compile(command.target_dir(&folder)))
        }
    }
}

/// Whether the Rust in use has a standard library for the target.
fn has_std(setup: &Setup, target: &str) -> bool {
    let ask = program("rustc", &format!("--print target-libdir --target {target}"));
    let folder = output_of(&ask, &setup.root);
    folder.is_ok_and(|folder| fs::read_dir(folder).is_ok_and(|mut files| files.next().is_some()))
}

/// Whether the C compiler, which links for us, has what a 32-bit program is linked with.
fn links_32_bits(setup: &Setup) -> bool {
    ["crt1.o", "libgcc.a"].iter().all(|file| {
        let ask = program("gcc", &format!("-m32 -print-file-name={file}"));
        output_of(&ask, &setup.root).is_ok_and(|path| path.contains('/'))
    })
}

/// Wine, ready to run the tests.
struct Wine {
    program: &'static str,
    /// Wine's idea of a disk, and what else it needs, below the build folder.
    folder: PathBuf,
}

/// Finds Wine and prepares it.
fn wine(setup: &Setup) -> Result<Wine, String> {
    const PLACES: [&str; 3] = ["wine64", "/usr/lib/wine/wine64", "wine"];
    let works = |place: &&str| output_of(&program(place, "--version"), &setup.root).is_ok();
    let program_name = PLACES.into_iter().find(works).ok_or("needs Wine")?;
    let folder = setup.target.join("wine");
    let libraries = folder.join("libraries");
    fs::create_dir_all(&libraries).map_err(|error| format!("{}: {error}", folder.display()))?;
    let source = setup.root.join("xtask/wine/bcryptprimitives.c");
    let gcc = program("x86_64-w64-mingw32-gcc", "-shared -o");
    let gcc = gcc.path(&libraries.join("bcryptprimitives.dll")).path(&source);
    output_of(&gcc.argument("-ladvapi32"), &setup.root)?;
    Ok(Wine { program: program_name, folder })
}

impl Wine {
    /// Makes a cargo command run what it builds for the target on Wine.
    fn host(&self, cargo: Invocation, target: &str) -> Invocation {
        let target = target.replace('-', "_").to_uppercase();
        cargo
            .env(&format!("CARGO_TARGET_{target}_RUNNER"), self.program)
            .env("WINEPREFIX", self.folder.join("prefix"))
            .env("WINEPATH", self.folder.join("libraries"))
            .env("WINEDEBUG", "-all")
            // Neither .NET nor a browser is wanted, and nobody is there to decline them.
            .env("WINEDLLOVERRIDES", "mscoree,mshtml=")
    }
}

/// The `rust-version` in the manifest.
pub fn promised_version(setup: &Setup) -> Result<String, String> {
    let manifest = setup.root.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)
        .map_err(|error| format!("{}: {error}", manifest.display()))?;
    rust_version(&text).ok_or_else(|| "the manifest states no rust-version".to_owned())
}

/// Major and minor version from the manifest's `rust-version = "1.85"`.
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
