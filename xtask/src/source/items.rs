//! Items of parsed source: their names, whether they are there, and how they read.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Fields, Item, Lit, Meta, Token, Type, UseTree, Visibility};

/// Configurations under which an item is there. All features are.
const THERE: [&str; 4] = ["unix", "target_os", "target_arch", "target_pointer_width"];

/// Returns `true` if an item is compiled outside of tests and models.
pub fn is_compiled(attributes: &[Attribute]) -> bool {
    let is_off = |of: &Attribute| {
        let given = of.path().is_ident("cfg").then(|| of.parse_args::<Meta>());
        given.is_some_and(|given| given.is_ok_and(|meta| !holds(&meta)))
    };
    !attributes.iter().any(is_off)
}

/// Returns `true` if an item is compiled, and the documentation shows it.
pub fn is_there(attributes: &[Attribute]) -> bool {
    let is_hidden = |of: &Attribute| of.path().is_ident("doc") && list(&of.meta) == ["hidden"];
    is_compiled(attributes) && !attributes.iter().any(is_hidden)
}

fn list(meta: &Meta) -> Vec<String> {
    let Meta::List(meta) = meta else { return Vec::new() };
    meta.tokens.clone().into_iter().map(|token| token.to_string()).collect()
}

fn holds(meta: &Meta) -> bool {
    let inner = |meta: &Meta| match meta {
        Meta::List(list) => list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated),
        _ => Ok(Punctuated::new()),
    };
    let inner = inner(meta).unwrap_or_default();
    match meta.path().get_ident().map(ToString::to_string).as_deref() {
        Some("not") => !inner.iter().all(holds),
        Some("all") => inner.iter().all(holds),
        Some("any") => inner.iter().any(holds),
        Some("feature") => !matches!(value(meta).as_deref(), Some("loom")),
        Some(name) => THERE.contains(&name) && value(meta).is_none_or(|value| value != "32"),
        None => false,
    }
}

fn value(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// Returns what a `use` brings: under which name, or `*`, and the path of what.
pub fn brought(tree: &UseTree, path: &mut Vec<String>, all: &mut Vec<(String, Vec<String>)>) {
    let mut add = |name: String, last: Option<String>, path: &[String]| {
        let path = [path, last.as_slice()].concat();
        all.push((name, path));
    };
    match tree {
        UseTree::Path(tree) => {
            path.push(tree.ident.to_string());
            brought(&tree.tree, path, all);
            path.pop();
        }
        UseTree::Name(tree) if tree.ident == "self" => {
            add(path.last().cloned().unwrap_or_default(), None, path);
        }
        UseTree::Name(tree) => add(tree.ident.to_string(), Some(tree.ident.to_string()), path),
        UseTree::Rename(tree) => add(tree.rename.to_string(), Some(tree.ident.to_string()), path),
        UseTree::Glob(_) => add("*".to_owned(), None, path),
        UseTree::Group(tree) => tree.items.iter().for_each(|tree| brought(tree, path, all)),
    }
}

/// Returns an item's attributes, whether it is public, and its name.
pub fn head(item: &Item) -> (&[Attribute], bool, String) {
    macro_rules! heads {
        ($($kind:ident),*) => {
            match item {
                $(Item::$kind(item) => (&*item.attrs, Some(&item.vis), item.ident.to_string()),)*
                Item::Fn(item) => (&*item.attrs, Some(&item.vis), item.sig.ident.to_string()),
                Item::Macro(item) => {
                    let name = item.ident.as_ref().map(ToString::to_string);
                    (&*item.attrs, None, name.unwrap_or_default())
                }
                Item::Impl(item) => (&*item.attrs, None, String::new()),
                Item::Use(item) => (&*item.attrs, Some(&item.vis), String::new()),
                _ => (&[][..], None, String::new()),
            }
        };
    }
    let (attributes, vis, name) = heads!(Const, Enum, Mod, Static, Struct, Trait, Type, Union);
    (attributes, vis.is_some_and(|vis| matches!(vis, Visibility::Public(_))), name)
}

/// Returns the traits that are derived.
pub fn derived(attributes: &[Attribute]) -> Vec<String> {
    let derives = attributes.iter().filter(|of| of.path().is_ident("derive"));
    derives.flat_map(|of| list(&of.meta)).filter(|name| name != ",").collect()
}

/// Returns the fields that are public, or all, each with its name.
pub fn shown(fields: &Fields, all: bool) -> Vec<(String, &Type)> {
    let shown = fields.iter().enumerate().filter(|(_, field)| {
        is_there(&field.attrs) && (all || matches!(field.vis, Visibility::Public(_)))
    });
    let name = |at: usize, field: &syn::Field| {
        field.ident.as_ref().map_or_else(|| at.to_string(), ToString::to_string)
    };
    shown.map(|(at, field)| (name(at, field), &field.ty)).collect()
}

/// Returns the path of a type, or the name of its kind.
pub fn names(of: &Type) -> Vec<String> {
    match of {
        Type::Path(path) => path.path.segments.iter().map(|s| s.ident.to_string()).collect(),
        Type::Reference(of) => names(&of.elem),
        Type::Group(of) => names(&of.elem),
        other => vec![text(quote!(#other))],
    }
}

/// Writes tokens as rustfmt would, in one line.
pub fn text(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(tokens, &mut text);
    for (long, short) in [
        (",>", ">"),
        (", >", ">"),
        (", )", ")"),
        ("( ", "("),
        (" :", ":"),
        ("for(", "for ("),
        (", mut ", ", "),
        ("(mut ", "("),
    ] {
        text = text.replace(long, short);
    }
    text.trim().to_owned()
}

fn write(tokens: TokenStream, text: &mut String) {
    // What a token stands off from: what comes before it, and what after.
    const BEFORE: &str = "=+{|";
    const AFTER: &str = ",:=+};|";
    for token in tokens {
        let last = text.chars().last().unwrap_or(' ');
        let is_word = |c: char| c.is_alphanumeric() || "_'".contains(c);
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
                write(group.stream(), text);
            }
            TokenTree::Group(group) => {
                let ends = match group.delimiter() {
                    Delimiter::Parenthesis => ["(", ")"],
                    Delimiter::Bracket => ["[", "]"],
                    _ => [" { ", " }"],
                };
                text.push_str(ends[0]);
                write(group.stream(), text);
                text.push_str(ends[1]);
            }
            TokenTree::Punct(punct) => {
                let sign = punct.as_char();
                let is_second = text.ends_with([':', '-', '=']) && (sign == ':' || sign == '>');
                if is_second && text.ends_with(": ") || sign == ':' && text.ends_with(": ") {
                    text.truncate(text.len() - 1);
                }
                let is_arrow = sign == '>' && last == '-';
                if BEFORE.contains(sign) || sign == '-' || sign == '&' && is_word(last) {
                    text.push(' ');
                }
                text.push(sign);
                let joint = punct.spacing() == proc_macro2::Spacing::Joint;
                if is_arrow || AFTER.contains(sign) && !joint {
                    text.push(' ');
                }
                if text.ends_with(":: ") {
                    text.truncate(text.len() - 1);
                }
            }
            word => {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let stands_off = is_word(last) || last == '>' && !text.ends_with("->");
                if stands_off || last == ')' || last == ']' {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}
