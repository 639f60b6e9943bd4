//! The public items of a crate, from its source.
//!
//! The source is parsed, and the crate's own macros are expanded. An item counts if a public path
//! leads to it. Hidden ones, tests, and what is there for models alone do not count.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::Parse;
use syn::{ImplItem, Item, ItemImpl, Visibility};

use super::declared::{Entry, Names, Paths, Surface, add, alone, listing};
use super::expand::{expand, rules};
use super::items::{brought, head, is_compiled, is_there, names, text};
use super::tree::{Tree, crate_only};
use crate::run::context;

/// Where the crate's own public items are written down, so that a change of them is seen.
pub const LISTING: &str = "docs/API.txt";

pub fn write() -> Result<()> {
    context::write(LISTING, &listing(&surface(&crate_only()?)?))
}

/// Returns the public items of the crate with this source, all of its features on.
pub fn surface(tree: &Tree) -> Result<Surface> {
    let mut source = Crate::default();
    for (path, text) in tree {
        let file = syn::parse_file(text).with_context(|| path.clone())?;
        let names = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs").split('/');
        let names = names.filter(|name| !["mod", "lib"].contains(name)).map(str::to_owned);
        if is_compiled(&file.attrs) {
            source.read(names.collect(), file.items);
        }
    }
    source.forget_unlisted();
    source.expand()?;
    let (mut found, mut paths) = (Surface::new(), Paths::new());
    source.walk(&Names::new(), "", &mut paths, &mut found);
    for (at, module) in &source.modules {
        for item in &module.items {
            let (attributes, _, name) = head(item);
            let is_exported = attributes.iter().any(|of| of.path().is_ident("macro_export"));
            if let Item::Impl(item) = item {
                source.add_impl(at, item, &paths, &mut found)?;
            } else if is_exported && is_there(attributes) {
                found.insert(alone(format!("macro {name}!"), format!("{name}!")));
            }
        }
    }
    Ok(found)
}

/// The items of a module, and what its `use`s bring: under which name, what, and whether publicly.
#[derive(Default)]
struct Module {
    items: Vec<Item>,
    uses: Vec<(String, Names, bool)>,
}

/// A crate's modules by their paths.
#[derive(Default)]
struct Crate {
    modules: BTreeMap<Names, Module>,
}

impl Crate {
    /// Files items under their module.
    fn read(&mut self, at: Names, items: Vec<Item>) {
        self.modules.entry(at.clone()).or_default();
        for item in items.into_iter().filter(|item| is_compiled(head(item).0)) {
            let mut inner = None;
            let item = match item {
                Item::Mod(mut item) => {
                    inner = item.content.take().map(|(_, items)| (item.ident.to_string(), items));
                    Item::Mod(item)
                }
                item => item,
            };
            let module = self.modules.entry(at.clone()).or_default();
            if let Item::Use(item) = &item {
                let mut uses = Vec::new();
                brought(&item.tree, &mut Names::new(), &mut uses);
                let is_public = matches!(item.vis, Visibility::Public(_));
                module.uses.extend(uses.into_iter().map(|(name, path)| (name, path, is_public)));
            }
            module.items.push(item);
            if let Some((name, items)) = inner {
                self.read([&at[..], &[name]].concat(), items);
            }
        }
    }

    /// Takes out files that no module lists, such as tests.
    fn forget_unlisted(&mut self) {
        while let Some(unlisted) = self.modules.keys().find(|at| !self.is_listed(at)).cloned() {
            self.modules.remove(&unlisted);
        }
    }

    fn is_listed(&self, at: &[String]) -> bool {
        let Some((own, parent)) = at.split_last() else { return true };
        let is_it = |item: &Item| matches!(item, Item::Mod(item) if item.ident == own);
        self.modules.get(parent).is_some_and(|module| module.items.iter().any(is_it))
    }

    /// Puts items in the place of the macros that make them.
    fn expand(&mut self) -> Result<()> {
        let is_call = |item: &Item| matches!(item, Item::Macro(item) if item.ident.is_none());
        let calls = |(_, module): &(&Names, &Module)| module.items.iter().any(is_call);
        while let Some(at) = self.modules.iter().find(calls).map(|(at, _)| at.clone()) {
            let Some(module) = self.modules.get_mut(&at) else { break };
            let (called, kept) = module.items.drain(..).partition(is_call);
            module.items = kept;
            for item in called {
                let Item::Macro(item) = item else { continue };
                if let Some(file) = self.made::<syn::File>(&at, &item.mac, |made| made)? {
                    self.read(at.clone(), file.items);
                }
            }
        }
        Ok(())
    }

    /// Returns what a macro makes. `None` if it is not the crate's.
    fn made<T: Parse>(
        &self,
        at: &[String],
        call: &syn::Macro,
        wrap: impl FnOnce(TokenStream) -> TokenStream,
    ) -> Result<Option<T>> {
        let name = call.path.segments.last().map_or(String::new(), |last| last.ident.to_string());
        let rules = |at: &Names| {
            let mut items = self.modules.get(at)?.items.iter();
            items.find_map(|item| match item {
                Item::Macro(item) if item.ident.as_ref().is_some_and(|own| *own == name) => {
                    Some(rules(item.mac.tokens.clone()))
                }
                _ => None,
            })
        };
        let near = self.find(at, std::slice::from_ref(&name), 9);
        let near = near.and_then(|(at, _)| rules(&at));
        let Some(rules) = near.or_else(|| self.modules.keys().find_map(rules)) else {
            return Ok(None);
        };
        let made = expand(&rules, &call.tokens);
        let made = made.with_context(|| format!("no rule of {name}! fits in {at:?}"))?;
        let parsed = syn::parse2(wrap(made));
        Ok(Some(parsed.with_context(|| format!("{name}! in {at:?} makes no items"))?))
    }

    /// Returns the module that has an item, and the item's name there. `None` if it is foreign.
    fn find(&self, at: &[String], path: &[String], depth: usize) -> Option<(Names, String)> {
        let (first, rest) = path.split_first()?;
        let from = match &**first {
            "crate" => Names::new(),
            "self" => at.to_vec(),
            "super" => at[..at.len().checked_sub(1)?].to_vec(),
            _ => {
                let module = self.modules.get(at)?;
                let inner = [at, std::slice::from_ref(first)].concat();
                if self.modules.contains_key(&inner) && !rest.is_empty() {
                    return self.find(&inner, rest, depth);
                }
                let is_it = |item: &Item| head(item).2 == *first && !matches!(item, Item::Mod(_));
                if rest.is_empty() && module.items.iter().any(is_it) {
                    return Some((at.to_vec(), first.clone()));
                }
                let deeper = depth.checked_sub(1)?;
                let used = module.uses.iter().filter(|(name, ..)| name == first || name == "*");
                let mut used = used.map(|(name, path, _)| match &**name {
                    "*" => [&path[..], std::slice::from_ref(first)].concat(),
                    _ => path.clone(),
                });
                return used.find_map(|used| self.find(at, &[&used[..], rest].concat(), deeper));
            }
        };
        if rest.is_empty() { None } else { self.find(&from, rest, depth) }
    }

    /// Adds what a module shows, under a path. The first path to an item is its own.
    fn walk(&self, at: &Names, shown: &str, paths: &mut Paths, found: &mut Surface) {
        let Some(module) = self.modules.get(at) else { return };
        let mut inner = Vec::new();
        for item in &module.items {
            let (attributes, is_public, name) = head(item);
            let path = format!("{shown}{name}");
            if !is_there(attributes) || !is_public {
                continue;
            } else if matches!(item, Item::Mod(_)) {
                inner.push(([&at[..], &[name]].concat(), format!("{path}::")));
                found.insert(alone(format!("mod {path}"), path));
            } else {
                add(at, item, path, paths, found);
            }
        }
        for (name, path, _) in module.uses.iter().filter(|(_, _, is_public)| *is_public) {
            if name == "*" {
                let outer = if path[0] == "crate" { &[] } else { &at[..] };
                let names = path.iter().filter(|name| !["crate", "self"].contains(&&***name));
                let names: Names = outer.iter().chain(names).cloned().collect();
                self.walk(&names, shown, paths, found);
            } else if let Some((module, own)) = self.find(at, path, 9) {
                let items = self.modules[&module].items.iter();
                for item in items.filter(|item| head(item).2 == own && is_there(head(item).0)) {
                    add(&module, item, format!("{shown}{name}"), paths, found);
                }
            }
        }
        for (module, shown) in inner {
            self.walk(&module, &shown, paths, found);
        }
    }

    /// Adds the public functions of an impl, or the trait that it implements.
    fn add_impl(
        &self,
        at: &Names,
        item: &ItemImpl,
        paths: &Paths,
        found: &mut Surface,
    ) -> Result<()> {
        let find = |path: &Names| self.find(at, path, 9);
        let of = names(&item.self_ty);
        let place = find(&of);
        let path = place.as_ref().and_then(|place| paths.get(place)).cloned();
        let (this, generics) = (&item.self_ty, &item.generics);
        let (parameters, bounds) = (&generics.params, &generics.where_clause);
        let parameters = (!parameters.is_empty()).then(|| quote!(<#parameters>));
        if let Some((_, implemented, _)) = &item.trait_ {
            let names: Names = implemented.segments.iter().map(|s| s.ident.to_string()).collect();
            // Of foreign types, the crate's own traits.
            let is_own = || find(&names).is_some_and(|place| paths.contains_key(&place));
            let foreign = || of.last().filter(|_| place.is_none() && is_own()).cloned();
            let last = names.last().cloned().unwrap_or_default();
            if let Some(path) = path.or_else(foreign).filter(|_| last != "Drop") {
                let line = text(quote!(impl #parameters #implemented for #this #bounds));
                found.insert(alone(format!("{path}: {line}"), format!("{path}: {last}")));
            }
            return Ok(());
        }
        let Some(path) = path else { return Ok(()) };
        let within = format!("{path}: {}", text(quote!(impl #parameters #this #bounds)));
        let mut items: Vec<ImplItem> = item.items.clone();
        while let Some(item) = items.pop() {
            let (attributes, vis, ident, declared) = match &item {
                ImplItem::Fn(item) => {
                    (&item.attrs, &item.vis, &item.sig.ident, item.sig.to_token_stream())
                }
                ImplItem::Const(item) => {
                    let (ident, of) = (&item.ident, &item.ty);
                    (&item.attrs, &item.vis, ident, quote!(const #ident: #of))
                }
                ImplItem::Macro(item) => {
                    let wrap = |made| quote!(impl X { #made });
                    if let Some(made) = self.made::<ItemImpl>(at, &item.mac, wrap)? {
                        items.extend(made.items);
                    }
                    continue;
                }
                _ => continue,
            };
            if is_there(attributes) && matches!(vis, Visibility::Public(_)) {
                let (within, declared) = (within.clone(), text(declared));
                found.insert(Entry { within, declared, path: format!("{path}::{ident}") });
            }
        }
        Ok(())
    }
}
