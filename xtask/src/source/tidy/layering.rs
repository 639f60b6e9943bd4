//! Each file uses only what is above it: folders and files in the order of the `mod` lines of the
//! `lib.rs`, `main.rs`, or `mod.rs` that they are listed in. A `mod.rs` comes after its own files;
//! they may use its re-exports of files above them.

use std::collections::BTreeMap;

use ra_ap_rustc_lexer::TokenKind::{self, CloseBrace, Colon, Comma, Ident, OpenBrace, Semi, Star};

use super::files::{Misses, files, none, root};
use crate::run::context::paths;
use crate::source::lexer::{is_word, shipped, tokens};
use crate::source::sites::is_sync;
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
    /// Its own items.
    items: Vec<String>,
    /// With the numbers of their lines.
    uses: Vec<(usize, Names)>,
}

struct Crate(BTreeMap<Names, Module>);

impl Crate {
    /// Reads the modules below a folder.
    fn read(tree: &Tree, folder: &str) -> Self {
        let below =
            |path: &String| Some(path.strip_prefix(folder)?.strip_suffix(".rs")?.to_owned());
        let sources = tree.iter().filter_map(|(path, text)| Some((path, below(path)?, text)));
        let modules = sources.map(|(path, below, text)| {
            let names = below.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
            let names: Names = names.map(str::to_owned).collect();
            let module = Reader::read(path, &names, text);
            (names, module)
        });
        Self(modules.collect())
    }

    /// Returns all uses of what is not above.
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
        let is_module = |length: &usize| {
            let (folder, name) = (&used[..length.saturating_sub(1)], used[..*length].last());
            // What a folder lists may be a file somewhere else.
            let list = self.0.get(folder).map_or(&[][..], |module| &module.files[..]);
            name.is_none_or(|name| list.contains(name))
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

/// Reads the tokens of a module.
struct Reader<'t> {
    tokens: Vec<(TokenKind, &'t str, usize)>,
    at: usize,
}

impl<'t> Reader<'t> {
    fn read(path: &str, names: &[String], text: &str) -> Module {
        let code = shipped(text);
        let (mut line, mut last) = (1, 0);
        let placed = tokens(&code).into_iter().map(|(kind, range)| {
            line += code[last..range.start].matches('\n').count();
            last = range.start;
            (kind, &code[range], line)
        });
        let mut reader = Reader { tokens: placed.collect(), at: 0 };
        let mut module = Module { path: path.to_owned(), ..Module::default() };
        // Modules within the file, and the depths of their braces.
        let (mut within, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
        while let Some((kind, word, line)) = reader.token(0) {
            let here =
                || names.iter().chain(within.iter().map(|(name, _)| name)).cloned().collect();
            match (kind, word) {
                (OpenBrace, _) => depth += 1,
                (CloseBrace, _) => {
                    depth = depth.saturating_sub(1);
                    within.retain(|(_, opened)| *opened < depth);
                }
                (Ident, "mod") => match (reader.token(1), reader.token(2)) {
                    (Some((_, name, _)), Some((Semi, ..))) => module.files.push(name.to_owned()),
                    (Some((_, name, _)), Some((OpenBrace, ..))) => {
                        within.push((name.to_owned(), depth));
                    }
                    _ => {}
                },
                (Ident, word) if depth == 0 && ITEMS.contains(&word) => {
                    module.items.extend(reader.token(1).map(|(_, name, _)| name.to_owned()));
                }
                (Ident, "use") => {
                    reader.at += 1;
                    let (here, mut found): (Names, _) = (here(), Vec::new());
                    reader.tree(Vec::new(), &mut found);
                    for (path, name) in found {
                        let used = resolve(&here, &path, &module.files);
                        let name = if name == "*" { path.join("::") } else { name };
                        let name = [&here[names.len()..], &[name]].concat().join("::");
                        module.exports.insert(name, used.clone());
                        module.uses.extend(used.map(|used| (line, used)));
                    }
                }
                (Ident, "crate" | "self" | "super") if !reader.is_visibility() => {
                    let path = reader.path();
                    if path.len() > 1 {
                        let used = resolve(&here(), &path, &[]);
                        module.uses.extend(used.map(|used| (line, used)));
                    }
                }
                _ => {}
            }
            reader.at += 1;
        }
        module
    }

    fn token(&self, ahead: usize) -> Option<(TokenKind, &'t str, usize)> {
        self.tokens.get(self.at + ahead).copied()
    }

    /// Returns `true` before `crate::a` in `pub(in crate::a)`, and in the middle of a path.
    fn is_visibility(&self) -> bool {
        let before = |back: usize| self.at.checked_sub(back).map(|at| self.tokens[at]);
        let is_colon = |back| before(back).is_some_and(|(kind, ..)| kind == Colon);
        before(1).is_some_and(|(_, word, _)| word == "in") || (is_colon(1) && is_colon(2))
    }

    /// Reads `a::b::c`, and stays at its last token.
    fn path(&mut self) -> Names {
        let mut names = Names::new();
        while let Some((Ident, name, _)) = self.token(0) {
            names.push(name.to_owned());
            match [1, 2, 3].map(|ahead| self.token(ahead).map(|(kind, ..)| kind)) {
                [Some(Colon), Some(Colon), Some(Ident)] => self.at += 3,
                _ => break,
            }
        }
        names
    }

    /// Reads a tree of `use` up to the `;`, `,`, or `}` behind it. Finds paths and their names.
    fn tree(&mut self, mut path: Names, found: &mut Vec<(Names, String)>) {
        while let Some((kind, word, _)) = self.token(0) {
            match kind {
                OpenBrace => {
                    while self.token(0).is_some_and(|(kind, ..)| [OpenBrace, Comma].contains(&kind))
                    {
                        self.at += 1;
                        if self.token(0).is_some_and(|(kind, ..)| kind != CloseBrace) {
                            self.tree(path.clone(), found);
                        }
                    }
                    self.at += 1;
                    return;
                }
                Semi | Comma | CloseBrace => {
                    if path.last().is_some_and(|name| name == "self") {
                        path.pop();
                    }
                    found.extend(path.last().cloned().map(|name| (path.clone(), name)));
                    return;
                }
                Ident if word == "as" => {
                    let name = self.token(1).map_or("", |(_, name, _)| name).to_owned();
                    self.at += 2;
                    found.push((path, name));
                    return;
                }
                Ident | Star => path.push(word.to_owned()),
                _ => {}
            }
            self.at += 1;
        }
    }
}

/// Returns a path from the root of the crate, or nothing if it leads out of the crate.
fn resolve(here: &[String], path: &[String], files: &[String]) -> Option<Names> {
    let supers = path.iter().take_while(|name| *name == "super").count();
    match &**path.first()? {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some([here, &path[1..]].concat()),
        "super" => Some([&here[..here.len().saturating_sub(supers)], &path[supers..]].concat()),
        name => files.iter().any(|file| file == name).then(|| [here, path].concat()),
    }
}

fn sources(folder: &str) -> Tree {
    let mut tree = Tree::new();
    read_folder(root(), folder, &[".rs"], &mut tree).unwrap_or_else(|error| panic!("{error}"));
    tree
}

#[test]
fn each_file_uses_only_what_is_above_it() {
    for folder in ["src/", "xtask/src/"] {
        let tree = sources(folder.trim_end_matches('/'));
        let modules = Crate::read(&tree, folder);
        none(modules.misses());
        assert!(modules.0.len() > 30, "only {} modules", modules.0.len());
        // A wrong arrow is noticed wherever it is put: to the last folder from all others.
        let last = modules.0[&Names::new()].files.last().expect("a list of modules");
        let others = modules.0.iter().filter(|(names, _)| names.first() != Some(last));
        for (names, Module { path, .. }) in others.filter(|(names, _)| modules.is_listed(names)) {
            let text = format!("use crate::{last}::X;\n{}", tree[path]);
            let misses = modules.misses_of(names, &Reader::read(path, names, &text));
            assert_eq!(misses[0], format!("{path}:1: uses {last}::X, which is below it"));
        }
    }
}

#[test]
fn wrong_arrows_are_found() {
    let misses = |file: &str, line: &str| {
        let texts = [
            ("lib.rs", "mod a; mod b; mod c; pub use a::z::Z;"),
            (
                "a/mod.rs",
                "mod x; mod far; mod y; mod z; pub use x::{X, X as W, *}; struct Own; \
                          mod within { pub use super::x::V; }",
            ),
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
    // To a folder above, and to files above.
    assert_eq!(misses("b.rs", "use crate::{a::{self, x::X}, a::z};"), 0);
    assert_eq!(misses("a/y.rs", "use super::x::{self, X}; fn f() { crate::a::x::f() }"), 0);
    assert_eq!(misses("a/mod.rs", "use z::Z; fn f(_: self::y::Y) {}"), 0);
    // To a folder below, and to files below.
    assert_eq!(misses("a/x.rs", "use crate::{b::B, a::{x::X}};"), 1);
    assert_eq!(
        misses("a/x.rs", "use crate::{\n    a::{x},\n    b::{B, C},\n};\nuse crate::b::D;"),
        3
    );
    assert_eq!(misses("a/mod.rs", "fn f() { crate::b::g() }"), 1);
    assert_eq!(misses("a/x.rs", "use super::{y::{self, Y}, z::Z};"), 3);
    assert_eq!(misses("a/y.rs", "mod m { use super::super::z::Z; } fn f(_: super::z::Z) {}"), 2);
    // To re-exports, and to the folder's own.
    assert_eq!(misses("a/y.rs", "use super::{X, W, within::V, far::F};"), 0);
    assert_eq!(misses("a/y.rs", "use super::Glob;"), 0);
    assert_eq!(misses("a/x.rs", "use super::far::F;"), 1);
    assert_eq!(misses("b.rs", "use crate::Z;"), 0);
    assert_eq!(misses("a/x.rs", "use crate::Z;"), 1);
    assert_eq!(misses("a/y.rs", "use super::Own;"), 1);
    assert_eq!(misses("c/k.rs", "use super::Own; use super::*; use super::Else;"), 3);
    // In tests, in visibilities, and out of the crate.
    assert_eq!(misses("a/x.rs", "\n#[cfg(test)]\nmod tests { use crate::b::B; }"), 0);
    assert_eq!(
        misses("a/x.rs", "pub(in crate::a) fn f() {} use core::b::B; pub(crate) fn g() {}"),
        0
    );
}

/// Atomics and checkers are named by `sync` alone, the operating system by `sys`.
#[test]
fn doors_are_used_alone() {
    let atomics: &[&str] = &["core::sync", "atomic::", "portable_atomic", "loom::", "shuttle::"];
    let is_system: fn(&str) -> bool = |path| path.starts_with(paths::SYSTEM);
    let mut misses = Misses::new();
    for file in files("src", ".rs") {
        for (names, is_door) in [(atomics, is_sync as _), (&["libc", "windows_sys"], is_system)] {
            for (number, code) in file.code().filter(|_| !is_door(&file.path)) {
                let named = |name: &&&str| {
                    code.match_indices(**name).any(|(at, _)| !code[..at].ends_with(is_word))
                };
                let named = names.iter().filter(named);
                misses.extend(named.map(|name| file.at(number, format!("names {name}"))));
            }
        }
    }
    none(misses);
}
