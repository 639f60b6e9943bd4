//! The expansion of a source's own `macro_rules!`, as far as items need it.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Error, Ident, Result};

/// The rules of a macro: each has a pattern and a body.
pub type Rules = Vec<(TokenStream, TokenStream)>;

/// What a rule's variables stand for. The variables of a repetition have no name together.
enum Bound {
    One(TokenStream),
    Many(Vec<Bindings>),
}

type Bindings = Vec<(String, Bound)>;

pub fn rules(body: TokenStream) -> Rules {
    let groups = body.into_iter().filter_map(|tree| match tree {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    });
    let groups: Vec<_> = groups.collect();
    groups.chunks_exact(2).map(|rule| (rule[0].clone(), rule[1].clone())).collect()
}

/// Returns what a macro makes of its input. `None` if no rule fits.
pub fn expand(rules: &[(TokenStream, TokenStream)], input: &TokenStream) -> Option<TokenStream> {
    rules.iter().find_map(|(pattern, body)| {
        let found = |input: ParseStream| matched(pattern, input);
        let bindings = found.parse2(input.clone()).ok()?;
        Some(written(body, &[&bindings]))
    })
}

/// A part of a pattern or of a body.
enum Part {
    Token(TokenTree),
    Group(Group),
    Variable(String),
    /// What is repeated, what stands between, and how often.
    Repeated(TokenStream, Option<TokenTree>, char),
}

fn is_sign(tree: &TokenTree, sign: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn parts(stream: &TokenStream) -> Vec<Part> {
    let trees: Vec<TokenTree> = stream.clone().into_iter().collect();
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < trees.len() {
        let next = trees.get(at + 1).filter(|_| is_sign(&trees[at], '$'));
        match (&trees[at], next) {
            (_, Some(TokenTree::Ident(name))) => {
                parts.push(Part::Variable(name.to_string()));
                at += 2;
            }
            (_, Some(TokenTree::Group(group))) => {
                let sign = |at: usize| match trees.get(at) {
                    Some(TokenTree::Punct(punct)) => Some(punct.as_char()),
                    _ => None,
                };
                let times = |at| sign(at).filter(|sign| "*+?".contains(*sign));
                let (between, end) = match times(at + 2) {
                    Some(_) => (None, at + 2),
                    None => (trees.get(at + 2).cloned(), at + 3),
                };
                let times = times(end).unwrap_or('*');
                parts.push(Part::Repeated(group.stream(), between, times));
                at = end + 1;
            }
            (TokenTree::Group(group), _) => {
                parts.push(Part::Group(group.clone()));
                at += 1;
            }
            (token, _) => {
                parts.push(Part::Token(token.clone()));
                at += 1;
            }
        }
    }
    parts
}

fn matched(pattern: &TokenStream, input: ParseStream) -> Result<Bindings> {
    let mut bindings = Bindings::new();
    let mut parts = parts(pattern).into_iter();
    while let Some(part) = parts.next() {
        match part {
            Part::Variable(name) => {
                let (_, kind) = (parts.next(), parts.next());
                let Some(Part::Token(kind)) = kind else { return Err(input.error("no kind")) };
                bindings.push((name, Bound::One(fragment(&kind.to_string(), input)?)));
            }
            Part::Repeated(inner, between, times) => {
                let mut all = Vec::new();
                while !input.is_empty() && (times != '?' || all.is_empty()) {
                    let ahead = input.fork();
                    if let Some(between) = between.as_ref().filter(|_| !all.is_empty()) {
                        if ahead.parse::<TokenTree>()?.to_string() != between.to_string() {
                            break;
                        }
                    }
                    let Ok(one) = matched(&inner, &ahead) else { break };
                    syn::parse::discouraged::Speculative::advance_to(input, &ahead);
                    all.push(one);
                }
                bindings.push((String::new(), Bound::Many(all)));
            }
            Part::Group(group) => match input.parse()? {
                TokenTree::Group(given) if given.delimiter() == group.delimiter() => {
                    let inner = |input: ParseStream| matched(&group.stream(), input);
                    bindings.extend(inner.parse2(given.stream())?);
                }
                other => return Err(Error::new(other.span(), "another group")),
            },
            Part::Token(token) => {
                let given: TokenTree = input.parse()?;
                if given.to_string() != token.to_string() {
                    return Err(Error::new(given.span(), "another token"));
                }
            }
        }
    }
    Ok(bindings)
}

fn fragment(kind: &str, input: ParseStream) -> Result<TokenStream> {
    Ok(match kind {
        "ident" => Ident::parse_any(input)?.into_token_stream(),
        "ty" => input.parse::<syn::Type>()?.into_token_stream(),
        "path" => input.parse::<syn::Path>()?.into_token_stream(),
        "expr" => input.parse::<syn::Expr>()?.into_token_stream(),
        "pat" => syn::Pat::parse_multi(input)?.into_token_stream(),
        "literal" => input.parse::<syn::Lit>()?.into_token_stream(),
        "lifetime" => input.parse::<syn::Lifetime>()?.into_token_stream(),
        "meta" => input.parse::<syn::Meta>()?.into_token_stream(),
        "vis" => input.parse::<syn::Visibility>()?.into_token_stream(),
        "block" => input.parse::<syn::Block>()?.into_token_stream(),
        "item" => input.parse::<syn::Item>()?.into_token_stream(),
        "tt" => input.parse::<TokenTree>()?.into_token_stream(),
        _ => return Err(input.error("another kind")),
    })
}

/// Writes a body out. Inner repetitions come last.
fn written(body: &TokenStream, scopes: &[&Bindings]) -> TokenStream {
    let bound = |name: &str| {
        let all = scopes.iter().rev().flat_map(|scope| scope.iter());
        all.clone().find_map(|(bound, to)| match to {
            Bound::One(tokens) if bound == name => Some(tokens.clone()),
            _ => None,
        })
    };
    let mut text = TokenStream::new();
    for part in parts(body) {
        match part {
            Part::Token(token) => text.extend([token]),
            Part::Group(group) => {
                let inner = written(&group.stream(), scopes);
                text.extend([TokenTree::Group(Group::new(group.delimiter(), inner))]);
            }
            Part::Variable(name) if name == "crate" => text.extend(name.parse::<TokenStream>()),
            Part::Variable(name) => text.extend(bound(&name)),
            Part::Repeated(inner, between, _) => {
                for (at, once) in repetitions(&inner, scopes).iter().enumerate() {
                    text.extend(between.clone().filter(|_| at > 0));
                    text.extend(written(&inner, &[scopes, &[*once]].concat()));
                }
            }
        }
    }
    text
}

/// Returns the repetitions that have a variable of this body.
fn repetitions<'b>(body: &TokenStream, scopes: &[&'b Bindings]) -> Vec<&'b Bindings> {
    let has = |bindings: &Bindings| {
        bindings.iter().any(|(name, bound)| match bound {
            Bound::One(_) => uses(body, name),
            Bound::Many(_) => false,
        })
    };
    fn deep<'b>(bindings: &'b Bindings, has: &dyn Fn(&Bindings) -> bool) -> Vec<&'b Bindings> {
        let many = bindings.iter().filter_map(|(_, bound)| match bound {
            Bound::Many(all) => Some(all),
            Bound::One(_) => None,
        });
        for all in many {
            if all.iter().any(has) {
                return all.iter().collect();
            }
        }
        Vec::new()
    }
    scopes
        .iter()
        .rev()
        .map(|scope| deep(scope, &has))
        .find(|all| !all.is_empty())
        .unwrap_or_default()
}

fn uses(body: &TokenStream, name: &str) -> bool {
    parts(body).iter().any(|part| match part {
        Part::Variable(used) => used == name,
        Part::Group(group) => uses(&group.stream(), name),
        Part::Repeated(inner, ..) => uses(inner, name),
        Part::Token(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_expanded() {
        let made = |text: &str, input: &str| {
            let rules = rules(text.parse().expect("tokens"));
            let made = expand(&rules, &input.parse().expect("tokens"));
            made.map(|made| made.to_string().replace(' ', ""))
        };
        let text = "($(#[$doc:meta])* [$($of:tt)*] $type:ty, $($name:ident),*) => \
                    { $(fn $name(_: $type);)* impl<$($of)*> X for $type {} }";
        let input = "#[doc(x)] [T: A, M] S<T, M>, a, b";
        let right = "fna(_:S<T,M>);fnb(_:S<T,M>);impl<T:A,M>XforS<T,M>{}";
        assert_eq!(made(text, input).as_deref(), Some(right));
        assert_eq!(made("(a) => { b }; ($x:expr) => { c }", "1 + 2").as_deref(), Some("c"));
        assert_eq!(made("(a) => { b }", "c"), None);
    }
}
