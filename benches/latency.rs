//! The time of single operations with 32 threads on few processors: it shows whether an operation
//! waits for a thread that has lost its processor. Prints a Markdown table.
//!
//! `--test` runs everything once, for few operations, and prints no figures.

mod harness;
mod peers;

use harness::latency::{HEADER, measure};
use harness::{Peer, is_measuring};
use peers::blocking::{Locked, Marker};
use peers::{Explicit, Implicit, Sharded};

/// The threads.
const THREADS: usize = 32;

/// The exchanges of each thread.
const COUNT: usize = 50_000;

/// Measures a peer, and prints its row.
fn row<P: Peer + Sync>(measuring: bool) {
    let latencies = measure::<P>(THREADS, if measuring { COUNT } else { 100 });
    if measuring {
        println!("{}", latencies.row(P::NAME));
    }
}

fn main() {
    let measuring = is_measuring();
    if measuring {
        println!("### An exchange by one of {THREADS} threads: a slot freed, another allocated\n");
        println!("{HEADER}");
    }
    if !measuring {
        println!("Testing latencies");
    }
    row::<Explicit>(measuring);
    row::<Implicit>(measuring);
    #[cfg(all(unix, target_pointer_width = "64"))]
    row::<peers::Mimalloc>(measuring);
    row::<Sharded>(measuring);
    row::<Locked>(measuring);
    row::<Marker>(measuring);
    if !measuring {
        println!("Success");
    }
}
