//! When spans close: with their last handle, at that moment, whatever other threads look at.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};

use tracing::span::Id;
use tracing::{Dispatch, Span, dispatcher, info_span};
use tracing_on_slotarena::{Counting, Seen, counting};
use tracing_subscriber::registry::LookupSpan;

fn id(span: &Span) -> Id {
    span.id().expect("enabled")
}

fn registry(dispatch: &Dispatch) -> &Counting {
    dispatch.downcast_ref().expect("the subscriber that was made")
}

fn count(seen: &Seen) -> (usize, usize) {
    (seen.made.load(Ordering::Relaxed), seen.closed.load(Ordering::Relaxed))
}

#[test]
fn slotarena_is_below() {
    // The original writes its shards.
    let slab = format!("{:?}", sharded_slab::Slab::<u8>::new());
    assert!(slab.contains("capacity"), "{slab}");
}

#[test]
fn a_span_closes_with_its_last_handle() {
    let (dispatch, seen) = counting();
    dispatcher::with_default(&dispatch, || {
        let parent = info_span!("parent");
        let child = info_span!(parent: &parent, "child");
        let (parent_id, child_id) = (id(&parent), id(&child));
        drop(parent);
        assert!(seen.is_open(&parent_id), "its child keeps it");
        let copy = child.clone();
        drop(child);
        assert!(seen.is_open(&child_id));
        drop(copy);
        assert!(!seen.is_open(&child_id) && !seen.is_open(&parent_id));
    });
    assert_eq!(count(&seen), (2, 2));
}

#[test]
fn a_look_of_another_thread_delays_nothing_else() {
    let (dispatch, seen) = counting();
    dispatcher::with_default(&dispatch, || {
        let span = info_span!("span");
        let own = id(&span);
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            let (barrier, dispatch, own) = (&barrier, &dispatch, &own);
            scope.spawn(move || {
                let look = registry(dispatch).span(own).expect("open");
                barrier.wait();
                barrier.wait();
                assert_eq!(look.name(), "span");
                drop(look);
            });
            barrier.wait();
            drop(span);
            assert!(!seen.is_open(own), "closed by its last handle, though it is looked at");
            for _ in 0..100 {
                let other = info_span!("other");
                let other_id = id(&other);
                drop(other);
                assert!(!seen.is_open(&other_id));
            }
            barrier.wait();
        });
        assert!(registry(&dispatch).span(&own).is_none());
    });
    assert_eq!(count(&seen), (101, 101));
}

/// How many parents each of the makers makes.
const PARENTS: usize = 40_000;

#[test]
fn all_spans_close_while_others_look() {
    let (dispatch, seen) = counting();
    let latest = Arc::new(AtomicU64::new(0));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let makers: Vec<_> = (0..2)
            .map(|_| {
                let (dispatch, seen, latest) = (dispatch.clone(), &seen, &latest);
                scope.spawn(move || dispatcher::with_default(&dispatch, || make(seen, latest)))
            })
            .collect();
        let lookers: Vec<_> = (0..2)
            .map(|_| {
                let (dispatch, latest, done) = (&dispatch, &latest, &done);
                // A look that ends last clears the child, and so closes the parent: by this default.
                let looks = || look(dispatch, latest, done);
                scope.spawn(move || dispatcher::with_default(dispatch, looks))
            })
            .collect();
        makers.into_iter().for_each(|maker| maker.join().expect("a maker"));
        done.store(true, Ordering::Relaxed);
        let looks: usize = lookers.into_iter().map(|looker| looker.join().expect("a looker")).sum();
        assert!(looks > 0, "spans were looked at");
    });
    assert_eq!(count(&seen), (4 * PARENTS, 4 * PARENTS));
    assert_eq!(seen.open(), 0);
}

fn make(seen: &Seen, latest: &AtomicU64) {
    for _ in 0..PARENTS {
        let parent = info_span!("parent");
        let parent_id = id(&parent);
        latest.store(parent_id.into_u64(), Ordering::Relaxed);
        let child = parent.in_scope(|| info_span!("child"));
        let child_id = id(&child);
        latest.store(child_id.into_u64(), Ordering::Relaxed);
        drop(parent);
        assert!(seen.is_open(&parent_id) && seen.is_open(&child_id));
        child.in_scope(|| ());
        drop(child);
        assert!(!seen.is_open(&child_id), "closed with its last handle");
        // A parent closes when its last child is cleared, which a look at the child delays.
    }
}

/// Looks at spans and their parents until the makers are done.
fn look(dispatch: &Dispatch, latest: &AtomicU64, done: &AtomicBool) -> usize {
    let mut looks = 0;
    while !done.load(Ordering::Relaxed) {
        let number = latest.load(Ordering::Relaxed);
        if number == 0 {
            continue;
        }
        if let Some(span) = registry(dispatch).span(&Id::from_u64(number)) {
            looks += 1;
            assert!(["parent", "child"].contains(&span.name()));
            let names: Vec<_> = span.scope().map(|span| span.name()).collect();
            assert!(names.len() <= 2, "{names:?}");
        }
    }
    looks
}
