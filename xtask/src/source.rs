//! Rust source as text: what is code in it, what of that a model can run, and in which function a
//! place is.
//!
//! Not a parser. It knows what rustfmt's layout guarantees, and the forms that this crate uses.

use std::ops::Range;

/// The source with comments and the insides of literals blanked. Every place stays where it is.
pub fn code_only(text: &str) -> String {
    blank(text, true)
}

/// The source without tests, comments and empty lines: equal for two that compile to the same.
pub fn essence(text: &str) -> String {
    let mut code = blank(text, false);
    for range in items(text, &code_only(text), &TESTS).into_iter().rev() {
        code.replace_range(range, "");
    }
    let lines = code.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn blank(text: &str, literals: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (length, inside) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), true)
        } else if rest.starts_with('"') {
            (string_length(rest), literals)
        } else if rest.starts_with("'{'") || rest.starts_with("'}'") {
            (3, literals)
        } else {
            (rest.chars().next().map_or(1, char::len_utf8), false)
        };
        if inside {
            out[at..at + length].iter_mut().filter(|byte| **byte != b'\n').for_each(|b| *b = b' ');
        }
        at += length;
    }
    // Whole characters were blanked, so this is what it looks like.
    String::from_utf8(out).unwrap_or_default()
}

/// The length of the string literal at the start.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// What an item begins with that only tests have.
const TESTS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test"];

/// What no model runs: tests, and what is compiled only without loom.
pub fn unmodelled(text: &str, code: &str) -> Vec<Range<usize>> {
    items(text, code, &[TESTS[0], TESTS[1], "#[cfg(not(all(loom"])
}

/// What is not compiled into the crate as it is used: tests, and what is there for loom.
pub fn not_built(text: &str, code: &str) -> Vec<Range<usize>> {
    items(text, code, &[TESTS[0], TESTS[1], "#[cfg(all(loom"])
}

/// The items that begin with one of the attributes.
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

/// The length of the item at the start: up to a semicolon, or to the end of its block.
fn item_length(code: &str) -> usize {
    let mut depth = 0i32;
    for (at, byte) in code.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' => depth -= 1,
            b'}' => {
                depth -= 1;
                if depth <= 0 {
                    return at + 1;
                }
            }
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The name of the function that a place in the code is in.
pub fn function_at(code: &str, place: usize) -> &str {
    let before = &code[..place];
    let Some(start) = before.rfind("fn ") else { return "" };
    let name = &before[start + 3..];
    &name[..name.find(|c: char| !is_word(c)).unwrap_or(name.len())]
}

/// The method whose argument list a place is in, with what it is called on, and the number of
/// arguments before that place.
pub fn call_at(code: &str, place: usize) -> Option<(String, usize)> {
    let mut depth = 0;
    let mut commas = 0;
    for (at, byte) in code[..place].bytes().enumerate().rev() {
        match byte {
            b')' | b']' | b'}' => depth += 1,
            b'(' if depth == 0 => return Some((path_before(code, at), commas)),
            b'(' | b'[' | b'{' => depth -= 1,
            b',' if depth == 0 => commas += 1,
            _ => {}
        }
    }
    None
}

/// The path that ends at a place, `self.claimed[i].load` as `claimed.load`.
fn path_before(code: &str, place: usize) -> String {
    let mut depth = 0;
    let mut path = Vec::new();
    for byte in code[..place].bytes().rev() {
        match byte {
            b']' | b')' => depth += 1,
            b'[' | b'(' if depth > 0 => depth -= 1,
            b'.' => path.push(byte),
            _ if depth > 0 || byte.is_ascii_whitespace() && path.last() == Some(&b'.') => {}
            _ if is_word(byte.into()) => path.push(byte),
            _ => break,
        }
    }
    path.reverse();
    let path = String::from_utf8_lossy(&path).into_owned();
    path.strip_prefix("self.").map_or(path.clone(), str::to_owned)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
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
    }

    #[test]
    fn tests_and_what_loom_leaves_out_are_found() {
        let text =
            "#[cfg(not(all(loom, x)))]\nmod a {\n    {b}\n}\nc;\n#[cfg(test)]\nmod d { e }\nf";
        let ranges = unmodelled(text, &code_only(text));
        let left = ranges.iter().rev().fold(text.to_owned(), |mut text, range| {
            text.replace_range(range.clone(), "");
            text
        });
        assert_eq!(left, "\nc;\n\nf");
    }

    #[test]
    fn a_place_is_described() {
        let code = "fn x() {\n a.b(self.c[d(e)]\n    .load(1 + (2, 3), Ordering::Acquire))";
        let place = code.find("Ordering").unwrap();
        assert_eq!(function_at(code, place), "x");
        assert_eq!(call_at(code, place), Some(("c.load".to_owned(), 1)));
    }
}
