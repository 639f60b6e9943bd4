//! The figures of the benchmarks: their tables in one file, their plots beside it.

use anyhow::Result;

use crate::run::{cargo, context, output_of};

const FIGURES: &str = "benches/RESULTS.md";

/// Runs the benchmarks that print tables, and writes what they print. The last writes plots, too.
pub fn regenerate() -> Result<()> {
    let mut page = "# Results\n\nWritten by `cargo xtask figures`. How it is measured, where we \
                    lose, and why: [benchmarks](README.md).\n"
        .to_owned();
    for bench in ["ratios", "latency", "curves"] {
        println!("measuring: {bench}");
        let tables = output_of(&cargo(&format!("bench --bench {bench}")))?;
        page += &format!("\n{}\n", tables.trim());
    }
    context::write(FIGURES, &page)?;
    println!("written: {FIGURES} and the plots");
    Ok(())
}
