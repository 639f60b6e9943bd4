//! The tests of protection keys, on a processor that has them: emulated, with a kernel of its own,
//! all from Debian's archive.

use std::fs;
use std::path::{Path, PathBuf};

use crate::debian::{install, unpack};
use crate::invocation::{cargo, program};
use crate::process::output_of;
use crate::steps::{Plan, Say};
use crate::verify::Setup;

/// Runs them by `xtask/emulate/with-keys.sh`.
pub fn plan(setup: &Setup, say: Say) -> Plan {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err("needs x86-64 Linux".to_owned());
    }
    let works = |tool: &str| output_of(&program(tool, "--version"), Path::new("/")).is_ok();
    if !works("qemu-system-x86_64") || !works("cpio") {
        install("qemu-system-x86 cpio", say)?;
    }
    let folder = kernel(setup, say)?;
    let script = setup.root.join("xtask/emulate/with-keys.sh");
    let runner = format!("{} {}", script.display(), folder.display());
    let tests = cargo("test --test code_table -- --test-threads=1");
    Ok(vec![tests.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", runner)])
}

/// A folder with a kernel, a firmware and a busybox, fetched if they are not there yet.
fn kernel(setup: &Setup, say: Say) -> Result<PathBuf, String> {
    let folder = setup.target.join("emulate");
    if !folder.exists() {
        let arguments = "depends --important linux-image-cloud-amd64";
        let list = output_of(&program("apt-cache", arguments), Path::new("/"))?;
        let kernel = depends(&list).ok_or(format!("no kernel in: {list}"))?;
        let packages = [kernel, "busybox-static", "seabios"].map(str::to_owned);
        say(&format!("fetching {}", packages.join(" ")));
        fs::create_dir_all(&setup.target).map_err(|error| error.to_string())?;
        unpack(&packages, &folder)?;
    }
    Ok(folder)
}

/// The package that stands for the newest kernel depends on that.
fn depends(list: &str) -> Option<&str> {
    let names = list.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
    names.into_iter().find(|name| name.starts_with("linux-image-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_found() {
        let list = "linux-image-cloud-amd64\n  Depends: linux-image-6.1.0-56-cloud-amd64\n";
        assert_eq!(depends(list), Some("linux-image-6.1.0-56-cloud-amd64"));
        assert_eq!(depends("linux-image-cloud-amd64\n"), None);
    }
}
