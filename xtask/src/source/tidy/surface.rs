//! The public items: of the crate, as they are written down, and of its peers, as the guide for
//! their users lists them.

use std::collections::BTreeSet;
use std::path::Path;

use super::files::{Misses, none};
use crate::run::{ROOT, cargo, context, output_of};
use crate::source::declared::listing;
use crate::source::surface::{LISTING, surface};
use crate::source::tree::{Tree, crate_only, read_folder};

fn listed(text: &str) -> String {
    let tree = Tree::from([("src/lib.rs".to_owned(), text.to_owned())]);
    listing(&surface(&tree).unwrap_or_else(|error| panic!("{error:#}")))
}

#[test]
fn the_public_items_are_written_down() {
    let now = listing(&surface(&crate_only().unwrap()).unwrap_or_else(|error| panic!("{error:#}")));
    let written = context::read(LISTING).unwrap();
    let changes = diffy::create_patch(&written, &now);
    assert!(written == now, "{LISTING} is old: `cargo xtask surface` writes it\n{changes}");
    assert!(now.lines().count() > 500);
}

#[test]
fn items_are_found_by_their_public_paths() {
    let text = "mod a { pub struct S<T>(pub u8, T); pub struct Private; #[derive(Clone)] \
                pub enum E { A, B { c: u8 } } impl<T> S<T> { pub fn f(mut self, x: &T) -> u8 {} \
                fn g() {} #[doc(hidden)] pub fn h() {} f!(k); } impl X for S<u8> {} \
                macro_rules! f { ($x:ident) => { pub const fn $x() {} } } } \
                pub use a::{S, E as F}; pub mod m { pub use crate::a::*; } pub trait X {} \
                #[cfg(test)] pub fn t() {} impl X for Vec<u8> {}";
    let right = "\
S: impl X for S<u8>
S: impl<T> S<T>
    const fn k()
    fn f(self, x: &T) -> u8
Vec: impl X for Vec<u8>
enum F
    derive Clone
    variant A
    variant B { c: u8 }
mod m
struct S<T>
    0: u8
struct m::Private
trait X
use m::E = F
use m::S = S
";
    assert_eq!(listed(text), right);
}

/// The crates whose users come here. `xtask/Cargo.toml` has their versions.
const PEERS: [&str; 3] = ["slab", "sharded-slab", "slotmap"];

const GUIDE: &str = "docs/MIGRATION.md";

/// Returns each name that braces stand for: of `{a,b}::c`, `a::c` and `b::c`.
fn expanded(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let (names, after) = rest.split_once('}').expect("a closed brace");
    let each = names.split(',').map(|name| format!("{before}{name}{after}"));
    each.flat_map(|one| expanded(&one)).collect()
}

/// Returns the code spans of a row's two columns.
fn columns(row: &str) -> [Vec<&str>; 2] {
    let (theirs, ours) = row.trim_matches('|').split_once(" | ").expect("two columns");
    [theirs, ours].map(|column| column.split('`').skip(1).step_by(2).collect())
}

/// Returns `true` if a code span names an item of a type.
fn is_path(span: &&str) -> bool {
    span.contains(':') && !span.contains(['(', '<'])
}

fn paths(tree: &Tree) -> BTreeSet<String> {
    let found = surface(tree).unwrap_or_else(|error| panic!("{error:#}"));
    found.into_iter().map(|entry| entry.path).collect()
}

/// Returns what the table of a crate lacks, or has though it is not there.
fn wrong(items: &BTreeSet<String>, table: &[&str]) -> Misses {
    let rows = table.iter().flat_map(|row| columns(row)[0].clone()).flat_map(expanded);
    let (mut listed, mut misses) = (BTreeSet::new(), Misses::new());
    for item in rows {
        if !items.contains(&item) {
            misses.push(format!("`{item}` is listed, and there is none"));
        }
        if !listed.insert(item.clone()) {
            misses.push(format!("`{item}` is listed twice"));
        }
    }
    misses.extend(items.difference(&listed).map(|item| format!("`{item}` is not listed")));
    misses
}

/// Returns the version of a crate that the tests are built with, and its source.
fn peer(metadata: &serde_json::Value, name: &str) -> (String, Tree) {
    let packages = metadata["packages"].as_array().expect("packages");
    let manifest = fs_err::read_to_string(ROOT.join("xtask/Cargo.toml")).expect("a manifest");
    let line = manifest.lines().find(|line| line.starts_with(&format!("{name} = \"=")));
    let version = line.and_then(|line| line.split(['=', '"']).nth(3)).expect("a pinned version");
    let package = packages.iter().find(|one| one["name"] == name && one["version"] == version);
    let manifest = package.and_then(|one| one["manifest_path"].as_str()).expect("a package");
    let root = Path::new(manifest).parent().expect("a folder");
    (version.to_owned(), read_folder(root, "src", &[".rs"]).expect("its source"))
}

#[test]
fn the_guide_lists_every_item_of_the_peers() {
    let (guide, own) = (context::read(GUIDE).unwrap(), paths(&crate_only().unwrap()));
    let metadata = output_of(&cargo("metadata --format-version 1 --offline")).unwrap();
    let metadata = serde_json::from_str(&metadata).expect("JSON");
    let mut misses = Misses::new();
    for name in PEERS {
        let (version, tree) = peer(&metadata, name);
        let heading = format!("\n### Every item of `{name}` {version}\n");
        let (_, section) = guide.split_once(&heading).expect(&heading);
        let section = section.split("\n#").next().unwrap_or_default();
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        let items = paths(&tree);
        assert!(items.len() > 70, "only {} items of {name}", items.len());
        misses.extend(wrong(&items, &rows));
        // What stands for them is there.
        let ours = rows.iter().flat_map(|row| columns(row)[1].clone());
        let unknown = ours.filter(is_path).filter(|path| !own.contains(*path));
        misses.extend(unknown.map(|path| format!("`{path}` is said to be ours")));
    }
    none(misses);
}

#[test]
fn the_list_of_every_day_is_tested() {
    let (guide, own) = (context::read(GUIDE).unwrap(), paths(&crate_only().unwrap()));
    let (_, section) = guide.split_once("\n## Every day\n").expect("a section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let rows: Vec<_> = rows.filter_map(|row| row.trim_matches('|').split_once(" | ")).collect();
    let (none_there, there): (Vec<_>, Vec<_>) =
        rows.iter().partition(|(_, how)| how.starts_with("none: "));
    let name = |(what, _): (&str, &str)| what.trim().replace(' ', "_");
    let listed: BTreeSet<String> = there.into_iter().map(name).collect();
    let text = context::read("tests/slab/everyday.rs").unwrap();
    let tests = text
        .split("#[test]\n")
        .skip(1)
        .filter_map(|test| test.split_once("fn ")?.1.split_once('('));
    let tests: BTreeSet<String> = tests.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(listed, tests);
    assert_eq!((rows.len(), none_there.len()), (61, 8));
    let spans = rows.iter().flat_map(|(_, how)| how.split('`').skip(1).step_by(2));
    let unknown = spans.filter(is_path).filter(|path| !own.contains(*path));
    none(unknown.map(|path| format!("`{path}` is said to be ours")).collect());
}

#[test]
fn a_missing_item_is_noticed() {
    let items = ["S", "S::f", "S::g", "S: Clone"].map(str::to_owned).into();
    let misses = |row| wrong(&items, &[row]);
    assert!(misses("| `S`, `S::{f,g}`, `S: Clone` | `T` |").is_empty());
    assert_eq!(misses("| `S`, `S::g`, `S: Clone` | `T` |"), ["`S::f` is not listed"]);
    assert_eq!(misses("| `S`, `S::{f,g,h,f}`, `S: Clone` | `T` |").len(), 2);
}
