//! The figures of the benchmarks: their tables in one file, their plots beside it.

use std::fs;
use std::path::Path;

use crate::invocation::cargo;
use crate::process::output_of;

/// The file that the tables go to.
const RESULTS: &str = "benches/RESULTS.md";

/// The benchmarks that print tables; the last one writes plots, too.
const BENCHES: [&str; 3] = ["ratios", "latency", "curves"];

/// Runs all of them and writes what they print.
pub fn regenerate(root: &Path) -> Result<(), String> {
    let mut tables = Vec::new();
    for bench in BENCHES {
        println!("measuring: {bench}");
        tables.push(output_of(&cargo(&format!("bench --bench {bench}")), root)?);
    }
    let file = root.join(RESULTS);
    fs::write(&file, page(&tables)).map_err(|error| format!("{}: {error}", file.display()))?;
    println!("written: {RESULTS} and the plots");
    Ok(())
}

/// The page, from what each of the benchmarks printed.
fn page(tables: &[String]) -> String {
    let head = "# Results\n\n\
                Written by `cargo xtask figures`. How it is measured, where we lose, and why: \
                [benchmarks](README.md).\n";
    let mut page = head.to_owned();
    for text in tables {
        page += "\n";
        page += text.trim();
        page += "\n";
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_all_tables() {
        let page = page(&["### a\n\n| 1 |\n\n".to_owned(), "### b".to_owned()]);
        assert!(page.starts_with("# Results\n") && page.ends_with("\n\n### b\n"), "{page}");
        assert!(page.contains("\n\n### a\n\n| 1 |\n\n### b"), "{page}");
    }
}
