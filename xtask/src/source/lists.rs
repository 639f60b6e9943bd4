//! Text files with a reason for each name, and Markdown tables with a row for each name.

use std::collections::BTreeMap;

use anyhow::{Result, bail, ensure};

use crate::run::context;

/// What is said of each name.
pub type List = BTreeMap<String, String>;

pub fn read_reasons(file: &str) -> Result<List> {
    reasons(file, &context::read(file)?)
}

/// Returns a file's reasons by names. A name stands alone in its line, its reason is indented
/// below. Lines that begin with `#` are comments.
fn reasons(file: &str, text: &str) -> Result<List> {
    let mut reasons = List::new();
    let mut name = "";
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if !line.starts_with(' ') {
            name = line.trim_end();
            let is_first = reasons.insert(name.to_owned(), String::new()).is_none();
            ensure!(is_first, "{file}: two reasons for `{name}`, expected one");
        } else if let Some(reason) = reasons.get_mut(name) {
            *reason += line;
        } else {
            bail!("{file}: an indented line before the first name: `{line}`");
        }
    }
    if let Some((name, _)) = reasons.iter().find(|(_, reason)| reason.is_empty()) {
        bail!("{file}: no reason for `{name}`, expected indented lines below it");
    }
    Ok(reasons)
}

/// Returns the rows of the first Markdown table in a text, by their first cells, so many.
pub fn rows(table: &str, named_by: usize) -> List {
    let lines = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(" | ").collect();
        Some((cells.get(..named_by)?.join(" "), line.to_owned()))
    };
    lines.skip(1).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_about_something_and_says_something() {
        let read = |text| reasons("file", text);
        let names = read("# about\na.rs f x.load\n    because\n    of it\n\nb\n  so\n").unwrap();
        assert_eq!(names.into_keys().collect::<Vec<_>>(), ["a.rs f x.load", "b"]);
        for wrong in ["  because\n", "a\nb\n  so\n", "a\n  so\na\n  so\n"] {
            assert!(read(wrong).is_err());
        }
    }
}
