//! What is left of the memory for many spans, once they have closed.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Read;

use tracing::{Dispatch, Span, dispatcher, info_span};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::Registry;

const SPANS: usize = 200_000;

/// A layer that does nothing. A registry without a layer never frees the spans that have closed.
struct Idle;

impl tracing_subscriber::Layer<Registry> for Idle {}

/// The process's anonymous memory, in KiB.
fn resident() -> usize {
    let mut bytes = [0; 4096];
    let file = File::open("/proc/self/smaps_rollup");
    let length = file.and_then(|mut file| file.read(&mut bytes)).expect("the process's memory");
    let text = std::str::from_utf8(&bytes[..length]).expect("text");
    let line = text.lines().find(|line| line.starts_with("Anonymous:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Opens spans and closes them, each `step`th at a time. Returns the memory that they take, and
/// what is left.
fn peak(step: usize) -> [usize; 2] {
    let mut spans = vec![Span::none(); SPANS];
    let before = resident();
    for span in &mut spans {
        *span = info_span!("span");
    }
    let open = resident();
    for first in 0..step {
        spans.iter_mut().skip(first).step_by(step).for_each(|span| *span = Span::none());
    }
    [open, resident()].map(|memory| memory.saturating_sub(before))
}

#[test]
fn the_memory_for_spans_goes_back_after_a_peak() {
    for step in [1, 7] {
        let dispatch = Dispatch::new(Registry::default().with(Idle));
        let [open, left] = dispatcher::with_default(&dispatch, || peak(step));
        assert!(open > SPANS * 64 / 1024 && left < open / 4, "{left} KiB are left of {open}");
        // The next spans get new memory.
        dispatcher::with_default(&dispatch, || info_span!("span").in_scope(|| ()));
    }
}
