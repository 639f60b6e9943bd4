//! Prints the memory that a million spans take while they are open, and after they have closed:
//! KiB of anonymous memory. Without the patch in `Cargo.toml` it measures the original.
//!
//! With `random` as an argument they are closed in random order. With `notes`, a layer notes
//! something of each span, as layers do that format or time them.

use std::fs::File;
use std::io::Read;

use tracing::{Dispatch, Id, Span, dispatcher, info_span};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::{LookupSpan, Registry};

const SPANS: usize = 1_000_000;

/// A layer that notes something of each span, or does nothing.
struct Notes(bool);

struct Note(#[allow(dead_code)] [u64; 4]);

impl<S: tracing::Subscriber + for<'s> LookupSpan<'s>> tracing_subscriber::Layer<S> for Notes {
    fn on_new_span(&self, _: &tracing::span::Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.0 {
            let span = context.span(id).expect("a new span");
            span.extensions_mut().insert(Note([id.into_u64(); 4]));
        }
    }
}

/// The process's anonymous memory, in KiB. Allocates nothing: a block that is allocated at the peak
/// would keep the memory below it.
fn resident() -> usize {
    let mut bytes = [0; 4096];
    let file = File::open("/proc/self/smaps_rollup");
    let length = file.and_then(|mut file| file.read(&mut bytes)).expect("the process's memory");
    let text = std::str::from_utf8(&bytes[..length]).expect("text");
    let line = text.lines().find(|line| line.starts_with("Anonymous:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

/// Puts spans into an order of no meaning.
fn shuffle(spans: &mut [Span]) {
    let mut state = 1u64;
    for i in (1..spans.len()).rev() {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        spans.swap(i, (state >> 33) as usize % (i + 1));
    }
}

/// Opens a million spans, and closes them. Returns the memory that they take, and what is left.
fn run(is_random: bool) -> [usize; 2] {
    let mut spans = vec![Span::none(); SPANS];
    let before = resident();
    for span in &mut spans {
        *span = info_span!("span");
    }
    let open = resident();
    if is_random {
        shuffle(&mut spans);
    }
    for span in &mut spans {
        *span = Span::none();
    }
    [open, resident()].map(|bytes| bytes.saturating_sub(before))
}

fn main() {
    let has = |word: &str| std::env::args().any(|argument| argument == word);
    let dispatch = Dispatch::new(Registry::default().with(Notes(has("notes"))));
    let [open, closed] = dispatcher::with_default(&dispatch, || run(has("random")));
    println!("{open} KiB open, {closed} KiB closed");
}
