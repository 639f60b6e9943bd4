//! What is code in a Rust source, what of that is compiled when, and in which function a place is.
//!
//! Tokens come from rustc's own lexer. The rest relies on what rustfmt's layout guarantees.

use std::ops::Range;

use ra_ap_rustc_lexer::{FrontmatterAllowed, LiteralKind, TokenKind, tokenize};

/// Returns the tokens that are not white space, with their places.
pub fn tokens(text: &str) -> Vec<(TokenKind, Range<usize>)> {
    let mut at = 0;
    let placed = tokenize(text, FrontmatterAllowed::No).map(|token| {
        let start = at;
        at += token.len as usize;
        (token.kind, start..at)
    });
    placed.filter(|(kind, _)| *kind != TokenKind::Whitespace).collect()
}

/// Returns `true` for line and block comments, those of the documentation too.
pub fn is_comment(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::LineComment { .. } | TokenKind::BlockComment { .. })
}

/// Returns the source with comments and quoted literals blanked. Every place stays where it is.
pub fn code_only(text: &str) -> String {
    use LiteralKind::{Float, Int};
    let is_blanked = |kind| match kind {
        TokenKind::Literal { kind, .. } => !matches!(kind, Int { .. } | Float { .. }),
        kind => is_comment(kind),
    };
    blank(text, places(text, is_blanked))
}

/// Returns the code without tests: comments, literals, and items for tests are blanked.
#[cfg(test)]
pub fn shipped(text: &str) -> String {
    let code = code_only(text);
    blank(&code, items(text, &code, TESTS))
}

/// Returns the source without tests, comments, and empty lines: equal for two that compile to the
/// same.
pub fn essence(text: &str) -> String {
    let tests = items(text, &code_only(text), TESTS);
    let code = blank(text, places(text, is_comment).chain(tests));
    let lines = code.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn places(text: &str, is_meant: impl Fn(TokenKind) -> bool) -> impl Iterator<Item = Range<usize>> {
    tokens(text).into_iter().filter(move |(kind, _)| is_meant(*kind)).map(|(_, place)| place)
}

fn blank(text: &str, places: impl IntoIterator<Item = Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for place in places {
        bytes[place].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    }
    // Whole characters were blanked, so this is what it looks like.
    String::from_utf8(bytes).unwrap_or_default()
}

/// What an item begins with that only tests have, that only models have, and that no model has.
const TESTS: &[&str] = &["#[cfg(test)]", "#[cfg(all(test"];
const MODELS: &[&str] = &["#[cfg(all(loom", "#[cfg(model)]", "#[cfg(all(model"];
const NO_MODELS: &[&str] = &["#[cfg(not(all(loom", "#[cfg(not(model))]"];

/// Returns what is not compiled: tests, and what is there for models, or what no model has.
pub fn left_out(text: &str, code: &str, is_model: bool) -> Vec<Range<usize>> {
    items(text, code, &[TESTS, if is_model { NO_MODELS } else { MODELS }].concat())
}

/// Returns the items that begin with one of the attributes.
fn items(text: &str, code: &str, attributes: &[&str]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let after = start + line.len();
        let begins = attributes.iter().any(|attribute| line.trim_start().starts_with(attribute));
        if begins && ranges.last().is_none_or(|last| last.end <= start) {
            ranges.push(start..after + item_length(&code[after..]));
        }
        start = after;
    }
    ranges
}

/// Returns the length of the item at the start: up to a semicolon, or to the end of its block.
fn item_length(code: &str) -> usize {
    let mut depth = 0;
    let end = code.bytes().position(|byte| {
        depth += opened(byte);
        depth <= 0 && [b'}', b';'].contains(&byte)
    });
    end.map_or(code.len(), |at| at + 1)
}

/// Returns by how much deeper in brackets the code is behind this.
fn opened(byte: u8) -> i32 {
    match byte {
        b'(' | b'[' | b'{' => 1,
        b')' | b']' | b'}' => -1,
        _ => 0,
    }
}

/// Returns the name of the function that a place in the code is in.
pub fn function_at(code: &str, place: usize) -> &str {
    let before = &code[..place];
    let Some(start) = before.rfind("fn ") else { return "" };
    let name = &before[start + 3..];
    &name[..name.find(|c: char| !is_word(c)).unwrap_or(name.len())]
}

/// Returns the method whose argument list a place is in, and the number of arguments before it.
pub fn call_at(code: &str, place: usize) -> Option<(&str, usize)> {
    let (mut depth, mut commas) = (0, 0);
    let start = code[..place].bytes().rposition(|byte| {
        commas += usize::from(depth == 0 && byte == b',');
        depth += opened(byte);
        depth > 0
    })?;
    let name = code[..start].rsplit(|c| !is_word(c)).next()?;
    code[start..].starts_with('(').then_some((name, commas))
}

/// Returns `true` for what a name consists of.
pub fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Returns `true` if the text holds this word, not as a part of another one.
#[cfg(test)]
pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(start, _)| {
        let (before, after) = (&text[..start], &text[start + word.len()..]);
        !before.ends_with(is_word) && !after.starts_with(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_place() {
        let text = "a(\"x{\\\"y\"); // é }\nlet c = '{'; 'a: loop {}\n";
        let code = code_only(text);
        assert_eq!(code.len(), text.len());
        assert_eq!(code.trim_end(), "a(       );        \nlet c =    ; 'a: loop {}");
        assert_eq!(essence("\n// x\na(\"y\"); // z\n#[cfg(test)]\nx {}\n"), "a(\"y\");\n");
        assert_eq!(code_only("r#\"\"// \"#; '\"' // a quote").trim_end(), "         ;");
        assert_eq!(
            shipped("a;\n#[cfg(test)]\nmod b {\n}\nc;\n").replace(' ', ""),
            "a;\n\n\n\nc;\n"
        );
    }

    #[test]
    fn tests_and_what_loom_leaves_out_are_found() {
        let text =
            "#[cfg(not(all(loom, x)))]\nmod a {\n    {b}\n}\nc;\n#[cfg(test)]\nmod d { e }\nf";
        let ranges = left_out(text, &code_only(text), true);
        let found: Vec<&str> = ranges.into_iter().map(|range| &text[range]).collect();
        let first = "#[cfg(not(all(loom, x)))]\nmod a {\n    {b}\n}";
        assert_eq!(found, [first, "#[cfg(test)]\nmod d { e }"]);
    }

    #[test]
    fn a_place_is_described() {
        let code = "fn x() {\n a.b(self.c[d(e)]\n    .load(1 + (2, 3), Ordering::Acquire))";
        let place = code.find("Ordering").unwrap();
        assert_eq!(function_at(code, place), "x");
        assert_eq!(call_at(code, place), Some(("load", 1)));
        assert!(has_word("a.free(b)", "free") && !has_word("free_many", "free"));
    }
}
