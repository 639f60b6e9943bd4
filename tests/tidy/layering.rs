//! Who may use what.

use crate::source::{File, Misses, files, has_word, none, root};

/// The file through which all atomics, cells, locks and threads come, and its folder.
const SYNC: &str = "src/sync.rs";
const SYNC_FOLDER: &str = "src/sync/";

/// The folder through which the operating system is reached.
const SYSTEM: &str = "src/sys/";

#[test]
fn one_file_names_atomics_and_checkers() {
    let mut misses = Misses::new();
    let apart = |file: &&File| file.path != SYNC && !file.path.starts_with(SYNC_FOLDER);
    for file in files("src", ".rs").iter().filter(apart) {
        for (number, code) in file.code() {
            for name in
                ["core::sync", "std::sync::atomic", "portable_atomic", "loom::", "shuttle::"]
            {
                if code.contains(name) {
                    misses
                        .push(file.at(number, format!("names {name}, which {SYNC} is there for")));
                }
            }
        }
    }
    none(misses);
}

#[test]
fn one_folder_names_the_operating_system() {
    let mut misses = Misses::new();
    for file in files("src", ".rs").iter().filter(|file| !file.path.starts_with(SYSTEM)) {
        for (number, code) in file.code() {
            for name in ["libc", "windows_sys"] {
                if has_word(&code, name) {
                    misses.push(
                        file.at(number, format!("names {name}, which {SYSTEM} is there for")),
                    );
                }
            }
        }
    }
    none(misses);
}

/// The modules in the order of `src/lib.rs`.
fn modules() -> Vec<String> {
    let lib = File::read(&root().join("src/lib.rs"));
    let name = |(_, code): (usize, String)| {
        let rest = code.strip_prefix("pub ").unwrap_or(&code);
        Some(rest.strip_prefix("mod ")?.strip_suffix(';')?.to_owned())
    };
    lib.code().filter_map(name).collect()
}

/// The first names behind each `crate::` in a line, those in braces too.
fn used(code: &str) -> Vec<String> {
    let word = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
    };
    let paths = code.split("crate::").skip(1).filter(|_| !code.contains("$crate"));
    paths
        .flat_map(|path| match path.strip_prefix('{') {
            Some(list) => list.split(", ").filter_map(word).collect::<Vec<_>>(),
            None => word(path).into_iter().collect(),
        })
        .collect()
}

#[test]
fn each_module_uses_only_modules_above_it() {
    let modules = modules();
    assert!(modules.len() > 10, "{modules:?}");
    let place = |name: &str| modules.iter().position(|module| module == name);
    let mut misses = Misses::new();
    for file in files("src", ".rs").iter().filter(|file| file.path != "src/lib.rs") {
        let module = file.path.trim_start_matches("src/").trim_end_matches(".rs");
        let module = module.split('/').next().expect("a name");
        let Some(own) = place(module) else {
            misses.push(file.at(1, "is not in the list of modules"));
            continue;
        };
        for (number, code) in file.code() {
            for name in used(&code) {
                match place(&name) {
                    _ if name == "sync" || name == "sys" || name == module => {}
                    Some(place) if place < own => {}
                    Some(_) => misses
                        .push(file.at(number, format!("{module} uses {name}, which is below it"))),
                    None => misses.push(file.at(number, format!("uses {name} by a re-export"))),
                }
            }
        }
    }
    none(misses);
}

#[test]
fn what_a_line_uses_is_found() {
    assert_eq!(used("use crate::head::{Head, link};"), ["head"]);
    assert_eq!(used("use crate::{arena, word::Word};"), ["arena", "word"]);
    assert_eq!(used("a: crate::sys::X, b: crate::memory::Y"), ["sys", "memory"]);
}
