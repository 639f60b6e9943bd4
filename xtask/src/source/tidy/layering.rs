//! Each file uses only what is above it: folders and files in the order of the `mod` lines of the
//! `lib.rs`, `main.rs`, or `mod.rs` that they are listed in. A `mod.rs` comes after its own files;
//! they may use its re-exports of files above them.

use std::collections::BTreeMap;

use super::files::{Misses, none};
use crate::run::context::ROOT;
use crate::source::lexer::{is_word, shipped};
use crate::source::tree::{Tree, read_folder};

/// The names of a path, from the root of a crate.
type Names = Vec<String>;

/// A module: its file, and what it lists, re-exports, and uses.
#[derive(Default)]
struct Module {
    path: String,
    files: Vec<String>,
    /// What is re-exported, by its name, or by `module::name` in a module within the file, or
    /// by its path where that ends in `*`. Nothing is known of what is another crate's.
    exports: BTreeMap<String, Option<Names>>,
    items: Vec<String>,
    uses: Vec<(usize, Names)>,
}

struct Crate(BTreeMap<Names, Module>);

impl Crate {
    fn read(tree: &Tree, folder: &str) -> Self {
        let modules = tree.iter().filter_map(|(path, text)| {
            let below = path.strip_prefix(folder)?.strip_suffix(".rs")?;
            let names = below.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
            let names: Names = names.map(str::to_owned).collect();
            let module = Module::read(path, &names, text);
            Some((names, module))
        });
        Self(modules.collect())
    }

    fn misses(&self) -> Misses {
        let listed = self.0.iter().filter(|(names, _)| self.is_listed(names));
        listed.flat_map(|(names, module)| self.misses_of(names, module)).collect()
    }

    /// Returns `true` if a module is in the list of another: not the root, and not one for tests.
    fn is_listed(&self, names: &[String]) -> bool {
        let is_in = |length| self.0[&names[..length]].files.contains(&names[length]);
        !names.is_empty() && (0..names.len()).all(is_in)
    }

    fn misses_of(&self, names: &[String], module: &Module) -> Misses {
        let wrong = |(line, used): &(usize, Names)| {
            Some(format!("{}:{line}: {}", module.path, self.wrong(names, used, 0)?))
        };
        module.uses.iter().filter_map(wrong).collect()
    }

    /// Returns what is wrong with a module's use of a path, if it is.
    fn wrong(&self, from: &[String], used: &[String], depth: usize) -> Option<String> {
        // What a folder lists may be a file somewhere else.
        let is_module = |length: &usize| {
            let list = |folder| self.0.get(folder).map_or(&[][..], |module| &module.files[..]);
            used[..*length].split_last().is_none_or(|(name, folder)| list(folder).contains(name))
        };
        let known = (0..=used.len()).take_while(is_module).last()?;
        let (target, items) = used.split_at(known);
        let name = used.join("::");
        if target.starts_with(from) {
            return None;
        }
        if from.starts_with(target) {
            let Module { exports, items: own, .. } = &self.0[target];
            let is_foreign = items.first().is_some_and(|item| item != "*" && !own.contains(item));
            let named = (1..=items.len()).find_map(|n| exports.get(&items[..n].join("::")));
            let mut globs = exports.iter().filter(|(name, _)| name.ends_with("::*"));
            let is_right = |exported: &Option<Names>| match exported {
                Some(exported) => depth < 9 && self.wrong(from, exported, depth + 1).is_none(),
                None => true,
            };
            let is_right = match named {
                Some(exported) => is_right(exported),
                None => is_foreign && globs.any(|(_, exported)| is_right(exported)),
            };
            return (!is_right).then(|| format!("uses {name} of a folder that it is in"));
        }
        let common = from.iter().zip(target).take_while(|(a, b)| a == b).count();
        let list = &self.0[&from[..common]].files;
        let place = |names: &[String]| list.iter().position(|file| *file == names[common]);
        match (place(target), place(from)) {
            (Some(target), Some(from)) if target < from => None,
            (Some(_), Some(_)) => Some(format!("uses {name}, which is below it")),
            _ => Some(format!("uses {name}, which is in no list of modules")),
        }
    }
}

/// What an item begins with, its name behind it.
const ITEMS: [&str; 7] = ["struct", "enum", "union", "trait", "type", "const", "static"];

impl Module {
    fn read(path: &str, names: &[String], text: &str) -> Self {
        let (code, mut module) = (shipped(text), Self { path: path.to_owned(), ..Self::default() });
        // Modules within the file, and the depths of their braces.
        let (mut within, mut depth): (Vec<(&str, usize)>, usize) = (Vec::new(), 0);
        let words = words(&code);
        let mut used_up = 0;
        for (n, &(at, word)) in words.iter().enumerate() {
            if at < used_up {
                continue;
            }
            let next = |ahead: usize| words.get(n + ahead).map_or("", |(_, word)| *word);
            let inner: Names = within.iter().map(|(name, _)| (*name).to_owned()).collect();
            let here = [names, &inner].concat();
            let line = code[..at].matches('\n').count() + 1;
            match word {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    within.retain(|(_, opened)| *opened < depth);
                }
                "mod" if next(2) == ";" => module.files.push(next(1).to_owned()),
                "mod" if next(2) == "{" => within.push((next(1), depth)),
                "use" => {
                    used_up = at + code[at..].find(';').unwrap_or(0);
                    for path in expand(&code[at + word.len()..used_up]) {
                        let (path, name) = path.split_once(" as ").unwrap_or((&path, ""));
                        let path = path.strip_suffix("::self").unwrap_or(path);
                        let last = path.rsplit("::").next().unwrap_or(path);
                        let name = match (name, last) {
                            ("", "*") => path,
                            ("", last) => last,
                            (name, _) => name,
                        };
                        let name = [&inner[..], &[name.to_owned()]].concat().join("::");
                        let used = resolve(&here, path, &module.files);
                        module.exports.insert(name, used.clone());
                        module.uses.extend(used.map(|used| (line, used)));
                    }
                }
                word if depth == 0 && ITEMS.contains(&word) => {
                    module.items.push(next(1).trim_end_matches(':').to_owned());
                }
                // Not in `pub(in crate::a)`.
                path if path.contains("::") && (n == 0 || words[n - 1].1 != "in") => {
                    let used = resolve(&here, path.trim_end_matches(':'), &[]);
                    module.uses.extend(used.map(|used| (line, used)));
                }
                _ => {}
            }
        }
        module
    }
}

/// Returns paths as they stand, and each other sign by itself, with their places.
fn words(code: &str) -> Vec<(usize, &str)> {
    let is_path = |c: char| is_word(c) || c == ':';
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(first) = code[at..].chars().next() {
        let length = code[at..].find(|c| !is_path(c)).unwrap_or(code.len() - at);
        let length = length.max(first.len_utf8());
        words.push((at, &code[at..at + length]));
        at += length;
    }
    words.retain(|(_, word)| !word.trim().is_empty());
    words
}

/// Returns the paths in a tree of `use`.
fn expand(tree: &str) -> Vec<String> {
    let Some((prefix, _)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let (mut depth, mut start, mut paths) = (0, prefix.len() + 1, Vec::new());
    for (at, sign) in tree.match_indices(['{', ',', '}']) {
        depth += match sign {
            "{" => 1,
            "}" => -1,
            _ => 0,
        };
        if depth == 0 || (depth == 1 && sign == ",") {
            let below = expand(&tree[start..at]).into_iter().filter(|path| !path.is_empty());
            paths.extend(below.map(|path| prefix.trim().to_owned() + &path));
            start = at + 1;
        }
    }
    paths
}

/// Returns a path from the root of the crate, or nothing if it leads out of the crate.
fn resolve(here: &[String], path: &str, files: &[String]) -> Option<Names> {
    let path: Names = path.split("::").map(str::to_owned).collect();
    let supers = path.iter().take_while(|name| *name == "super").count();
    match &*path[0] {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([here, &path[1..]].concat()),
        "super" => Some([&here[..here.len().saturating_sub(supers)], &path[supers..]].concat()),
        name => files.iter().any(|file| file == name).then(|| [here, &path].concat()),
    }
}

#[test]
fn each_file_uses_only_what_is_above_it() {
    for folder in ["src/", "xtask/src/"] {
        let tree = read_folder(&ROOT, folder.trim_end_matches('/'), &[".rs"]).unwrap();
        let modules = Crate::read(&tree, folder);
        none(modules.misses());
        assert!(modules.0.len() > 30, "only {} modules", modules.0.len());
        // A wrong arrow is noticed wherever it is put: to the last folder from all others.
        let last = modules.0[&Names::new()].files.last().expect("a list of modules");
        let others = modules.0.iter().filter(|(names, _)| names.first() != Some(last));
        for (names, Module { path, .. }) in others.filter(|(names, _)| modules.is_listed(names)) {
            let text = format!("use crate::{last}::X;\n{}", tree[path]);
            let misses = modules.misses_of(names, &Module::read(path, names, &text));
            assert_eq!(misses[0], format!("{path}:1: uses {last}::X, which is below it"));
        }
    }
}

#[test]
fn wrong_arrows_are_found() {
    let misses = |file: &str, line: &str| {
        let folder = "mod x; mod far; mod y; mod z; pub use x::{X, X as W, *}; struct Own; \
                      mod within { pub use super::x::V; }";
        let texts = [
            ("lib.rs", "mod a; mod b; mod c; pub use a::z::Z;"),
            ("a/mod.rs", folder),
            ("a/x.rs", ""),
            ("a/y.rs", ""),
            ("a/z.rs", ""),
            ("b.rs", ""),
            ("c/mod.rs", "mod k; struct Own;"),
            ("c/k.rs", ""),
        ];
        let text = |name: &str, text: &str| text.to_owned() + if name == file { line } else { "" };
        let tree = texts.map(|(n, t)| (format!("src/{n}"), text(n, t)));
        Crate::read(&tree.into(), "src/").misses().len()
    };
    for (file, line, count) in [
        // To a folder above, and to files above.
        ("b.rs", "use crate::{a::{self, x::X}, a::z};", 0),
        ("a/y.rs", "use super::x::{self, X}; fn f() { crate::a::x::f() }", 0),
        ("a/mod.rs", "use z::Z; fn f(_: self::y::Y) {}", 0),
        // To a folder below, and to files below.
        ("a/x.rs", "use crate::{b::B, a::{x::X}};", 1),
        ("a/x.rs", "use crate::{\n    a::{x},\n    b::{B, C},\n};\nuse crate::b::D;", 3),
        ("a/mod.rs", "fn f() { crate::b::g() }", 1),
        ("a/x.rs", "use super::{y::{self, Y}, z::Z};", 3),
        ("a/y.rs", "mod m { use super::super::z::Z; } fn f(_: super::z::Z) {}", 2),
        // To re-exports, and to the folder's own.
        ("a/y.rs", "use super::{X, W, within::V, far::F};", 0),
        ("a/y.rs", "use super::Glob;", 0),
        ("a/x.rs", "use super::far::F;", 1),
        ("b.rs", "use crate::Z;", 0),
        ("a/x.rs", "use crate::Z;", 1),
        ("a/y.rs", "use super::Own;", 1),
        ("c/k.rs", "use super::Own; use super::*; use super::Else;", 3),
        // In tests, in visibilities, and out of the crate.
        ("a/x.rs", "\n#[cfg(test)]\nmod tests { use crate::b::B; }", 0),
        ("a/x.rs", "pub(in crate::a) fn f() {} use core::b::B; pub(crate) fn g() {}", 0),
    ] {
        assert_eq!(misses(file, line), count, "{file}: {line}");
    }
}
