//! What single operations take with 32 threads on however few processors there are: does any wait
//! for a thread that has lost its own? Prints a table in Markdown.
//!
//! `--test` runs everything once, shortly, and prints no figures.

mod common;

use common::latency::{HEADER, Locked, Marker, measure};
use common::peers::{Explicit, Implicit, Peer, Sharded};

const THREADS: usize = 32;

/// How many exchanges a thread makes.
const COUNT: usize = 50_000;

fn row<P: Peer + Sync>(measuring: bool) {
    let latencies = measure::<P>(THREADS, if measuring { COUNT } else { 100 });
    if measuring {
        println!("{}", latencies.row(P::NAME));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let measuring = has("--bench") && !has("--test");
    if measuring {
        println!("### An exchange by one of {THREADS} threads: a slot freed, another allocated\n");
        println!("{HEADER}");
    }
    row::<Explicit>(measuring);
    row::<Implicit>(measuring);
    #[cfg(all(unix, target_pointer_width = "64"))]
    row::<common::peers::Mimalloc>(measuring);
    row::<Sharded>(measuring);
    row::<Locked>(measuring);
    row::<Marker>(measuring);
    if !measuring {
        println!("Success");
    }
}
