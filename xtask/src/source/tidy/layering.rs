//! Each file uses only what is above it: folders and files in the order of the `mod` lines of the
//! `lib.rs`, `main.rs`, or `mod.rs` that they are listed in. A `mod.rs` comes after its own files;
//! they may use its re-exports of files above them.

use std::collections::BTreeMap;

use regex_lite::Regex;

use super::files::{Misses, none};
use crate::run::ROOT;
use crate::source::lexer::shipped;
use crate::source::tree::{Tree, read_folder};

/// The names of a path, from the root of a crate.
type Names = Vec<String>;

/// A module: its file, and what it lists, re-exports, and uses.
#[derive(Default)]
struct Module {
    path: String,
    files: Names,
    /// What is re-exported, by its name, or by `module::name` in a module within the file, or
    /// by its path where that ends in `*`. Nothing is known of what is another crate's.
    exports: BTreeMap<String, Option<Names>>,
    items: Names,
    uses: Vec<(usize, Names)>,
}

#[derive(Default)]
struct Crate {
    modules: BTreeMap<Names, Module>,
    /// From the top down.
    order: Vec<Names>,
}

impl Crate {
    fn read(tree: &Tree, folder: &str) -> Self {
        let modules = tree.iter().filter_map(|(path, text)| {
            let below = path.strip_prefix(folder)?.strip_suffix(".rs")?;
            let names = below.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
            let names: Names = names.map(str::to_owned).collect();
            let module = Module::read(path, &names, text);
            Some((names, module))
        });
        let mut all = Self { modules: modules.collect(), ..Self::default() };
        all.list(Names::new());
        all
    }

    /// Puts a module in its place: behind those that it lists.
    fn list(&mut self, names: Names) {
        // What is listed may be a file somewhere else.
        let files = self.modules.get(&names).map(|module| module.files.clone());
        for file in files.unwrap_or_default() {
            self.list([&names[..], &[file]].concat());
        }
        self.order.push(names);
    }

    fn misses(&self) -> Misses {
        let listed = self.modules.iter().filter(|(names, _)| self.order.contains(names));
        listed.flat_map(|(names, module)| self.misses_of(names, module)).collect()
    }

    fn misses_of(&self, names: &[String], module: &Module) -> Misses {
        let wrong = |(line, used): &(usize, Names)| {
            let wrong = self.wrong(names, used, 0)?;
            Some(format!("{}:{line}: uses {}, {wrong}", module.path, used.join("::")))
        };
        module.uses.iter().filter_map(wrong).collect()
    }

    /// Returns what is wrong with a module's use of a path, if it is.
    fn wrong(&self, from: &[String], used: &[String], depth: usize) -> Option<&'static str> {
        let place = |names: &[String]| self.order.iter().position(|module| module == names);
        let known = (0..=used.len()).rev().find(|length| place(&used[..*length]).is_some())?;
        let (target, items) = used.split_at(known);
        if place(target) <= place(from) {
            return None;
        } else if !from.starts_with(target) {
            return Some("which is below it");
        }
        let Module { exports, items: own, .. } = &self.modules[target];
        let is_right = |exported: &Option<Names>| match exported {
            Some(exported) => depth < 9 && self.wrong(from, exported, depth + 1).is_none(),
            None => true,
        };
        let is_foreign = items.first().is_some_and(|item| item != "*" && !own.contains(item));
        let mut globs = exports.iter().filter(|(name, _)| name.ends_with("::*"));
        let is_right = match (1..=items.len()).find_map(|n| exports.get(&items[..n].join("::"))) {
            Some(exported) => is_right(exported),
            None => is_foreign && globs.any(|(_, exported)| is_right(exported)),
        };
        (!is_right).then_some("of a folder that it is in")
    }
}

/// What an item begins with, its name behind it.
const ITEMS: [&str; 7] = ["struct", "enum", "union", "trait", "type", "const", "static"];

impl Module {
    fn read(path: &str, names: &[String], text: &str) -> Self {
        let (code, mut module) = (shipped(text), Self { path: path.to_owned(), ..Self::default() });
        // Paths as they stand, and each other sign by itself.
        let words = Regex::new(r"[\w:]+\*?|\S").expect("a pattern");
        let words: Vec<_> =
            words.find_iter(&code).map(|word| (word.start(), word.as_str())).collect();
        let word = |at: usize| words.get(at).map_or("", |(_, word)| *word);
        // Modules within the file, and the depths of their braces.
        let (mut within, mut depth): (Vec<(&str, usize)>, usize) = (Vec::new(), 0);
        // What comes before the braces of a `use`, while there is one.
        let mut prefixes: Option<Vec<&str>> = None;
        for (n, &(at, this)) in words.iter().enumerate() {
            let inner: Names = within.iter().map(|(name, _)| (*name).to_owned()).collect();
            let here = [names, &inner].concat();
            let line = code[..at].matches('\n').count() + 1;
            match (this, &mut prefixes) {
                (";", Some(_)) => prefixes = None,
                ("{" | ",", Some(_)) => {}
                ("}", Some(prefixes)) => _ = prefixes.pop(),
                (prefix, Some(prefixes)) if word(n + 1) == "{" => prefixes.push(prefix),
                (last, Some(prefixes)) if last != "as" && word(n - 1) != "as" => {
                    let path = prefixes.concat() + last;
                    let path = path.strip_suffix("::self").unwrap_or(&path);
                    let name = match (word(n + 1), path.rsplit("::").next()) {
                        ("as", _) => word(n + 2),
                        (_, Some(name)) if name != "*" => name,
                        _ => path,
                    };
                    let name = [&inner[..], &[name.to_owned()]].concat().join("::");
                    let used = resolve(&here, path, &module.files);
                    module.exports.insert(name, used.clone());
                    module.uses.extend(used.map(|used| (line, used)));
                }
                (_, Some(_)) => {}
                ("use", None) => prefixes = Some(Vec::new()),
                ("{", None) => depth += 1,
                ("}", None) => {
                    depth = depth.saturating_sub(1);
                    within.retain(|(_, opened)| *opened < depth);
                }
                ("mod", None) if word(n + 2) == ";" => module.files.push(word(n + 1).to_owned()),
                ("mod", None) if word(n + 2) == "{" => within.push((word(n + 1), depth)),
                (item, None) if depth == 0 && ITEMS.contains(&item) => {
                    module.items.push(word(n + 1).trim_end_matches(':').to_owned());
                }
                // Not in `pub(in crate::a)`.
                (path, None) if path.contains("::") && (n == 0 || word(n - 1) != "in") => {
                    let used = resolve(&here, path.trim_end_matches(':'), &[]);
                    module.uses.extend(used.map(|used| (line, used)));
                }
                _ => {}
            }
        }
        module
    }
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
        assert!(modules.modules.len() > 30, "only {} modules", modules.modules.len());
        // A wrong arrow is noticed wherever it is put: to the last folder from all others.
        let last = modules.modules[&Names::new()].files.last().expect("a list of modules");
        let others = modules.order.iter().filter(|names| names.first().is_some_and(|n| n != last));
        for names in others.filter(|names| modules.modules.contains_key(*names)) {
            let path = &modules.modules[names].path;
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
