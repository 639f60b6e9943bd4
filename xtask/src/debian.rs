//! What can be had from Debian's archive: packages to install, and an older Rust to unpack.
//!
//! Debian 12 carries the Rust that browsers are built with as `rustc-web`, next to whatever rustup
//! has put there. It is unpacked below the build folder rather than installed, so that it cannot
//! get in the way of the Rust in use. Its package of the standard library's source makes it a
//! compiler for every target: cargo builds the library along with the crate.

use std::fs;
use std::path::{Path, PathBuf};

use crate::invocation::{Invocation, program};
use crate::process::output_of;
use crate::steps::Say;
use crate::verify::Setup;

/// Installs packages, or says why not.
pub fn install(packages: &str, say: Say) -> Result<(), String> {
    if !may_install() {
        return Err(format!("needs the Debian packages {packages}"));
    }
    say(&format!("installing {packages}"));
    update()?;
    let arguments =
        format!("-o DPkg::Lock::Timeout=120 install --yes --no-install-recommends {packages}");
    let install = program("apt-get", &arguments).env("DEBIAN_FRONTEND", "noninteractive");
    output_of(&install, Path::new("/")).map(drop)
}

/// Whether this is root on a system with apt-get.
fn may_install() -> bool {
    let root = Path::new("/");
    let user = output_of(&program("id", "-u"), root);
    let apt = output_of(&program("apt-get", "--version"), root);
    user.is_ok_and(|user| user == "0") && apt.is_ok()
}

/// Brings the lists of packages up to date, as far as may be.
fn update() -> Result<(), String> {
    let update = program("apt-get", "-o DPkg::Lock::Timeout=120 update --quiet");
    output_of(&update, Path::new("/")).map(drop)
}

/// A Rust unpacked from Debian's packages.
pub struct Toolchain {
    /// What stands in for `/usr`.
    sysroot: PathBuf,
}

impl Toolchain {
    /// The Rust of this version, such as `1.85`, fetched if it is not there yet.
    pub fn fetch(setup: &Setup, version: &str, say: Say) -> Result<Self, String> {
        let home = setup.target.join(format!("debian-rust-{version}"));
        let toolchain = Self { sysroot: home.join("usr") };
        if !home.exists() {
            let packages = packages(version, say)?;
            say(&format!("fetching Debian's Rust: {}", packages.join(" ")));
            unpack(&packages, &home)?;
        }
        if toolchain.rustc("--version").is_err() {
            // Libraries of its libraries are missing; installed as a package, they come along.
            install(&llvm(version)?, say)?;
        }
        let reported = toolchain.rustc("--version")?;
        if reported.starts_with(&format!("rustc {version}.")) {
            Ok(toolchain)
        } else {
            Err(format!("{} is {reported}, not {version}", home.display()))
        }
    }

    /// Makes a cargo command use this Rust.
    pub fn compile(&self, cargo: Invocation) -> Invocation {
        let before = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
        let libraries = format!("{}:{before}", self.libraries().display());
        let cargo = cargo.env("RUSTC", self.sysroot.join("bin/rustc"));
        cargo.env("LD_LIBRARY_PATH", libraries.trim_end_matches(':'))
    }

    /// Lets a cargo command that [`compile`](Self::compile) prepared build the standard library.
    pub fn with_std(cargo: Invocation) -> Invocation {
        cargo.env("RUSTC_BOOTSTRAP", "1")
    }

    /// Makes the two object files that frame every program of a Windows target built with GNU
    /// tools, and that come with a compiled standard library only.
    pub fn frame(&self, target: &str) -> Result<(), String> {
        let library = self.sysroot.join("lib/rustlib");
        let objects = library.join(target).join("lib");
        fs::create_dir_all(&objects).map_err(|error| format!("{}: {error}", objects.display()))?;
        for name in ["rsbegin", "rsend"] {
            let source = library.join(format!("src/rust/library/rtstartup/{name}.rs"));
            let arguments = format!("--target {target} --emit=obj");
            let object = objects.join(format!("{name}.o"));
            let rustc = self.compiler(&arguments).argument("-o").path(&object).path(&source);
            output_of(&Self::with_std(rustc), Path::new("/"))?;
        }
        Ok(())
    }

    fn rustc(&self, arguments: &str) -> Result<String, String> {
        output_of(&self.compiler(arguments), Path::new("/"))
    }

    fn compiler(&self, arguments: &str) -> Invocation {
        let rustc = self.sysroot.join("bin/rustc");
        self.compile(program(&rustc.to_string_lossy(), arguments))
    }

    fn libraries(&self) -> PathBuf {
        self.sysroot.join(format!("lib/{}-linux-gnu", std::env::consts::ARCH))
    }
}

/// The packages that make up Rust of this version, with the version Debian gives them.
fn packages(version: &str, say: Say) -> Result<Vec<String>, String> {
    let full = match full_version(version) {
        Some(full) => full,
        None if may_install() => {
            say("updating the lists of packages");
            update()?;
            full_version(version).ok_or_else(|| absent(version))?
        }
        None => return Err(absent(version)),
    };
    let library = format!("libstd-rust-web-{version}");
    let names = ["rustc-web", &library, "libstd-rust-web-dev", "rust-web-src"];
    let mut packages: Vec<String> = names.iter().map(|name| format!("{name}={full}")).collect();
    packages.push(llvm(version)?);
    Ok(packages)
}

fn absent(version: &str) -> String {
    format!("needs Rust {version}, from rustup or as Debian's package rustc-web")
}

fn full_version(version: &str) -> Option<String> {
    let list = output_of(&program("apt-cache", "madison rustc-web"), Path::new("/")).ok()?;
    madison(&list, version)
}

/// Finds in `apt-cache madison`'s list (`name | full version | where`) the newest full version.
fn madison(list: &str, version: &str) -> Option<String> {
    let mut versions = list.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    versions.find(|full| full.starts_with(&format!("{version}."))).map(str::to_owned)
}

/// The LLVM that this version's compiler is linked with.
fn llvm(version: &str) -> Result<String, String> {
    let arguments = format!("depends libstd-rust-web-{version}");
    let list = output_of(&program("apt-cache", &arguments), Path::new("/"))?;
    let names = list.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    let mut names = names.filter(|name| name.starts_with("libllvm"));
    names.next().map(str::to_owned).ok_or_else(|| format!("no LLVM in: {list}"))
}

/// Downloads packages and unpacks them into a folder, which is not there until it is complete.
pub fn unpack(packages: &[String], home: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", home.display());
    let partial = home.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(failed)?;
    }
    fs::create_dir_all(&partial).map_err(failed)?;
    output_of(&program("apt-get", &format!("download {}", packages.join(" "))), &partial)?;
    for entry in fs::read_dir(&partial).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            output_of(&program("dpkg-deb", "--extract").path(&file).argument("."), &partial)?;
            fs::remove_file(&file).map_err(failed)?;
        }
    }
    fs::rename(&partial, home).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_full_version_is_found() {
        let list = " rustc-web | 1.96.0+dfsg1-1~deb12u2 | http://example.org bookworm Packages\n \
                    rustc-web | 1.85.0+dfsg3-1~deb12u3 | http://example.org bookworm Packages\n";
        assert_eq!(madison(list, "1.85").as_deref(), Some("1.85.0+dfsg3-1~deb12u3"));
        assert_eq!(madison(list, "1.8"), None);
        assert_eq!(madison("", "1.85"), None);
    }
}
