//! Public items, how they are declared, and their list.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Item, TraitItem};

use super::items::{derived, head, is_there, shown, text};

/// The names of a path, from the root of a crate.
pub type Names = Vec<String>;

/// Modules and the names of their items, each with the path that a user writes.
pub type Paths = BTreeMap<(Names, String), String>;

/// A public item.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Entry {
    /// What declares it: a type, an impl, or a module.
    pub within: String,
    pub declared: String,
    /// Without generics: `Slab::insert`, or `Slab: Clone`.
    pub path: String,
}

pub type Surface = BTreeSet<Entry>;

/// Returns a line for each item.
pub fn listing(surface: &Surface) -> String {
    let (mut text, mut within) = (String::new(), "");
    for entry in surface {
        if entry.within != within {
            within = &entry.within;
            text += &format!("{within}\n");
        }
        if !entry.declared.is_empty() {
            text += &format!("    {}\n", entry.declared);
        }
    }
    text
}

pub fn alone(within: String, path: String) -> Entry {
    Entry { within, declared: String::new(), path }
}

/// Adds an item of a module, and what it declares, under a path.
pub fn add(at: &Names, item: &Item, path: String, paths: &mut Paths, found: &mut Surface) {
    let key = (at.clone(), head(item).2);
    if let Some(first) = paths.get(&key).filter(|first| **first != path) {
        found.insert(alone(format!("use {path} = {first}"), path));
        return;
    }
    paths.insert(key, path.clone());
    let name: TokenStream = path.parse().unwrap_or_default();
    let within = match item {
        Item::Fn(item) => {
            let signature = &item.sig;
            quote!(#signature)
        }
        Item::Const(item) => {
            let of = &item.ty;
            quote!(const #name: #of)
        }
        Item::Static(item) => {
            let of = &item.ty;
            quote!(static #name: #of)
        }
        Item::Type(item) => {
            let of = &item.ty;
            quote!(type #name = #of)
        }
        Item::Struct(item) => {
            let generics = &item.generics;
            quote!(struct #name #generics)
        }
        Item::Enum(item) => {
            let generics = &item.generics;
            quote!(enum #name #generics)
        }
        Item::Trait(item) => {
            let (unsafety, bounds, generics) = (&item.unsafety, &item.supertraits, &item.generics);
            let bounds = (!bounds.is_empty()).then(|| quote!(: #bounds));
            quote!(#unsafety trait #name #generics #bounds)
        }
        _ => return,
    };
    let within = text(within);
    found.insert(alone(within.clone(), path.clone()));
    let mut line = |path: String, declared: String| {
        found.insert(Entry { within: within.clone(), declared, path });
    };
    match item {
        Item::Struct(item) => {
            for (name, of) in shown(&item.fields, false) {
                line(format!("{path}::{name}"), format!("{name}: {}", text(quote!(#of))));
            }
        }
        Item::Enum(item) => {
            for variant in item.variants.iter().filter(|variant| is_there(&variant.attrs)) {
                let fields = shown(&variant.fields, true);
                let fields =
                    fields.iter().map(|(name, of)| format!("{name}: {}", text(quote!(#of))));
                let fields = fields.collect::<Vec<_>>().join(", ");
                let ident = &variant.ident;
                let declared = format!("variant {ident} {{ {fields} }}").replace(" {  }", "");
                line(format!("{path}::{ident}"), declared);
            }
        }
        Item::Trait(item) => {
            for item in &item.items {
                let (attributes, ident, declared) = match item {
                    TraitItem::Fn(item) => {
                        (&item.attrs, &item.sig.ident, item.sig.to_token_stream())
                    }
                    TraitItem::Const(item) => {
                        let (ident, of) = (&item.ident, &item.ty);
                        (&item.attrs, ident, quote!(const #ident: #of))
                    }
                    TraitItem::Type(item) => {
                        let ident = &item.ident;
                        (&item.attrs, ident, quote!(type #ident))
                    }
                    _ => continue,
                };
                if is_there(attributes) {
                    line(format!("{path}::{ident}"), text(declared));
                }
            }
        }
        _ => {}
    }
    derived(head(item).0)
        .iter()
        .for_each(|of| line(format!("{path}: {of}"), format!("derive {of}")));
}
