//! Text files with a reason for each name, and Markdown tables with a row for each name.

use std::collections::{BTreeMap, BTreeSet};

use crate::run::context::{Context, paths};

/// Returns reasons by names. A name stands alone in its line, its reason is indented below. Lines
/// that begin with `#` are comments.
pub fn reasons(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut reasons: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if line.starts_with(' ') {
            let reason = reasons.get_mut(&name).ok_or_else(|| {
                format!("an indented line before the first name, expected a name: `{line}`")
            })?;
            *reason += line;
        } else {
            name = line.trim_end().to_owned();
            if reasons.insert(name.clone(), String::new()).is_some() {
                return Err(format!("two reasons for `{name}`, expected one"));
            }
        }
    }
    match reasons.iter().find(|(_, reason)| reason.is_empty()) {
        Some((name, _)) => Err(format!("no reason for `{name}`, expected indented lines below it")),
        None => Ok(reasons),
    }
}

/// Returns the wrong variants that no table has yet.
pub fn untried(context: &Context) -> Result<BTreeSet<String>, String> {
    let reasons = reasons(&context.read(paths::UNTRIED)?);
    Ok(reasons.map_err(|reason| format!("{}: {reason}", paths::UNTRIED))?.into_keys().collect())
}

/// Returns the rows of the first Markdown table in a text: what the first cells say, so many, and
/// the cells behind them.
pub fn rows(table: &str, named_by: usize) -> Vec<(String, String)> {
    let lines = table.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let (name, rest) = cells.split_at_checked(named_by)?;
        Some((name.join(" "), rest.join(" | ")))
    };
    lines.skip(1).filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_about_something_and_says_something() {
        let read = reasons("# about\na.rs f x.load\n    because\n    of it\n\nb\n  so\n");
        let names: Vec<String> = read.unwrap().into_keys().collect();
        assert_eq!(names, ["a.rs f x.load", "b"]);
        assert!(reasons("  because\n").is_err());
        assert!(reasons("a\nb\n  so\n").is_err());
        assert!(reasons("a\n  so\na\n  so\n").is_err());
    }

    #[test]
    fn rows_are_told_by_their_first_cells() {
        let rows = rows("# T\n\n| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n| 4 | 5 |  |\n", 2);
        let row = |name: &str, rest: &str| (name.to_owned(), rest.to_owned());
        assert_eq!(rows, [row("1 2", "3"), row("4 5", "")]);
    }
}
