//! A layer that counts, and a registry with it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// What has been seen of spans.
#[derive(Default)]
pub struct Seen {
    /// Spans that were made.
    pub made: AtomicUsize,
    /// Spans that were closed.
    pub closed: AtomicUsize,
    /// The numbers of the spans that are open.
    open: Mutex<HashSet<u64>>,
}

impl Seen {
    /// Returns `true` if the span was made and is not closed.
    pub fn is_open(&self, id: &Id) -> bool {
        self.open.lock().expect("no panic").contains(&id.into_u64())
    }

    /// Returns the number of spans that are open.
    pub fn open(&self) -> usize {
        self.open.lock().expect("no panic").len()
    }
}

/// A layer that counts spans.
pub struct Count(pub Arc<Seen>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Count {
    fn on_new_span(&self, _: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        assert!(context.span(id).is_some(), "a new span is found");
        self.0.made.fetch_add(1, Ordering::Relaxed);
        let fresh = self.0.open.lock().expect("no panic").insert(id.into_u64());
        assert!(fresh, "no two open spans have the same number");
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        assert!(context.span(&id).is_some(), "a span that closes is still found");
        self.0.closed.fetch_add(1, Ordering::Relaxed);
        let was_open = self.0.open.lock().expect("no panic").remove(&id.into_u64());
        assert!(was_open, "closed once");
    }
}

/// A registry, by itself for looks at its spans.
pub type Counting = tracing_subscriber::layer::Layered<Count, Registry>;

/// Makes a subscriber that counts its spans.
pub fn counting() -> (Dispatch, Arc<Seen>) {
    let seen = Arc::new(Seen::default());
    let subscriber: Counting = Registry::default().with(Count(Arc::clone(&seen)));
    (Dispatch::new(subscriber), seen)
}
