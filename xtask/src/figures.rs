//! The figures of the benchmarks: their tables in one file, their plots beside it.

use crate::run::command::cargo;
use crate::run::context::{Context, paths};
use crate::run::process::output_of;

/// The benchmarks that print tables; the last one writes plots, too.
const BENCHES: [&str; 3] = ["ratios", "latency", "curves"];

/// Runs all of them and writes what they print.
pub fn regenerate(context: &Context) -> Result<(), String> {
    let mut tables = Vec::new();
    for bench in BENCHES {
        println!("measuring: {bench}");
        tables.push(output_of(&cargo(&format!("bench --bench {bench}")), &context.root)?);
    }
    context.write(paths::FIGURES, &page(&tables))?;
    println!("written: {} and the plots", paths::FIGURES);
    Ok(())
}

/// Returns the page, from what each of the benchmarks printed.
fn page(tables: &[String]) -> String {
    let head = "# Results\n\n\
                Written by `cargo xtask figures`. How it is measured, where we lose, and why: \
                [benchmarks](README.md).\n";
    tables.iter().fold(head.to_owned(), |page, text| page + "\n" + text.trim() + "\n")
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
