//! What can be had from Debian's archive, by `xtask/debian/fetch.sh`: packages to install, and an
//! older Rust to unpack below the build folder.

use std::path::{Path, PathBuf};

use crate::run::command::{Command, program};
use crate::run::context::{Context, make_folder, paths};
use crate::run::plan::Say;
use crate::run::process::output_of;

/// Installs packages, separated by blanks, or says why not.
pub fn install(context: &Context, packages: &str, say: Say) -> Result<(), String> {
    fetch(context, &format!("install {packages}"), say)
}

/// Runs the script; its folders are below the build folder.
pub fn fetch(context: &Context, arguments: &str, say: Say) -> Result<(), String> {
    say(&format!("fetching from Debian: {arguments}"));
    make_folder(&context.target)?;
    output_of(&program(context.root.join(paths::DEBIAN), arguments), &context.target).map(drop)
}

/// A Rust unpacked from Debian's packages.
pub struct Toolchain {
    /// What stands in for `/usr`.
    sysroot: PathBuf,
}

impl Toolchain {
    /// Returns the Rust of this version, such as `1.85`, fetched if it is not there yet.
    pub fn fetch(context: &Context, version: &str, say: Say) -> Result<Self, String> {
        let home = context.target.join(format!("debian-rust-{version}"));
        let toolchain = Self { sysroot: home.join("usr") };
        if toolchain.version().is_err() {
            fetch(context, &format!("rust {version} {}", home.display()), say)?;
        }
        let reported = toolchain.version()?;
        if reported.starts_with(&format!("rustc {version}.")) {
            Ok(toolchain)
        } else {
            Err(format!("{} is `{reported}`, expected {version}", home.display()))
        }
    }

    /// Makes a cargo command use this Rust.
    pub fn compile(&self, cargo: Command) -> Command {
        let before = std::env::var("LD_LIBRARY_PATH").unwrap_or_default();
        let libraries = format!("{}:{before}", self.libraries().display());
        let cargo = cargo.env("RUSTC", self.sysroot.join("bin/rustc"));
        cargo.env("LD_LIBRARY_PATH", libraries.trim_end_matches(':'))
    }

    /// Lets a cargo command that [`compile`](Self::compile) prepared build the standard library.
    pub fn with_std(cargo: Command) -> Command {
        cargo.env("RUSTC_BOOTSTRAP", "1")
    }

    /// Makes the two object files that frame every program of a Windows target built with GNU
    /// tools, and that come with a compiled standard library only.
    pub fn frame(&self, target: &str) -> Result<(), String> {
        let library = self.sysroot.join("lib/rustlib");
        let objects = library.join(target).join("lib");
        make_folder(&objects)?;
        for name in ["rsbegin", "rsend"] {
            let source = library.join(format!("src/rust/library/rtstartup/{name}.rs"));
            let arguments = format!("--target {target} --emit=obj");
            let object = objects.join(format!("{name}.o"));
            let rustc = self.compiler(&arguments).argument("-o").path(&object).path(&source);
            output_of(&Self::with_std(rustc), Path::new("/"))?;
        }
        Ok(())
    }

    fn version(&self) -> Result<String, String> {
        output_of(&self.compiler("--version"), Path::new("/"))
    }

    fn compiler(&self, arguments: &str) -> Command {
        self.compile(program(self.sysroot.join("bin/rustc"), arguments))
    }

    fn libraries(&self) -> PathBuf {
        self.sysroot.join(format!("lib/{}-linux-gnu", std::env::consts::ARCH))
    }
}
