//! Prints what a span costs: made, entered, and closed, by one thread and by two. Without the patch
//! in `Cargo.toml` it measures the original.

use std::sync::Barrier;
use std::time::Instant;

use tracing::{Dispatch, dispatcher, info_span};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::Registry;

const SPANS: u32 = 500_000;

/// A layer that does nothing. A registry without a layer never frees the spans that have closed.
struct Idle;

impl tracing_subscriber::Layer<Registry> for Idle {}

fn spans() {
    for _ in 0..SPANS {
        info_span!("span").in_scope(|| ());
    }
}

/// The nanoseconds that a span takes each of so many threads.
fn cost(threads: usize) -> f64 {
    let dispatch = Dispatch::new(Registry::default().with(Idle));
    let barrier = Barrier::new(threads);
    let one = || {
        dispatcher::with_default(&dispatch, || {
            spans();
            barrier.wait();
            let start = Instant::now();
            spans();
            start.elapsed().as_nanos() as f64 / f64::from(SPANS)
        })
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let costs = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        costs.fold(0.0, f64::max)
    })
}

fn main() {
    println!("{:.1} {:.1}", cost(1), cost(2));
}
