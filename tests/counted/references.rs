//! What references keep, and what the last one does.

use std::sync::Barrier;
use std::sync::atomic::Ordering;

use slotarena::CountedSlab;
use slotarena::slab::TakeError;

use super::{count, counter, slab};

#[test]
fn the_last_reference_drops_a_removed_value() {
    let (drops, value) = counter();
    let slab = slab();
    let key = slab.insert(value()).expect("room");
    let (one, two) = (slab.get(key).expect("live"), slab.get_owned(key).expect("live"));
    assert!(slab.remove(key));
    assert!(!slab.remove(key), "removed once");
    assert!(slab.get(key).is_none(), "no new reference");
    assert_eq!((count(&drops), slab.len()), (0, 1));
    drop(one);
    assert_eq!(count(&drops), 0);
    drop(two);
    assert_eq!((count(&drops), slab.len()), (1, 0));
    let next = slab.insert(value()).expect("room");
    assert_eq!(next.index(), key.index(), "the slot is ready for reuse");
}

#[test]
fn a_removal_without_references_drops_at_once() {
    let (drops, value) = counter();
    let slab = slab();
    let key = slab.insert(value()).expect("room");
    drop(slab.get(key).expect("live"));
    assert_eq!(count(&drops), 0, "not removed");
    assert!(slab.remove(key));
    assert_eq!(count(&drops), 1);
}

#[test]
fn another_thread_drops_the_value() {
    let (drops, value) = counter();
    let slab = slab();
    let key = slab.insert(value()).expect("room");
    let entry = slab.get_owned(key).expect("live");
    assert!(slab.remove(key));
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            drop(entry);
            count(&drops)
        });
        assert_eq!(thread.join().expect("a thread"), 1);
        assert!(slab.is_empty());
    });
}

#[test]
fn a_clone_is_a_reference() {
    let (drops, value) = counter();
    let slab = slab();
    let key = slab.insert(value()).expect("room");
    let entry = slab.get(key).expect("live");
    assert!(slab.remove(key));
    let copy = entry.clone();
    assert_eq!(copy.key(), key);
    drop(entry);
    assert_eq!(count(&drops), 0);
    drop(copy);
    assert_eq!(count(&drops), 1);
}

#[test]
fn a_take_does_not_disturb_references() {
    let slab = slab();
    let key = slab.insert("a".to_owned()).expect("room");
    let entry = slab.get(key).expect("live");
    assert_eq!(slab.take(key), Err(TakeError::Guarded));
    assert_eq!((entry.as_str(), slab.contains(key)), ("a", false));
    drop(entry);
    assert!(slab.is_empty());
}

#[test]
fn a_take_waits_for_references() {
    let slab = slab();
    let key = slab.insert("a".to_owned()).expect("room");
    let entry = slab.get_owned(key).expect("live");
    let barrier = Barrier::new(2);
    std::thread::scope(|scope| {
        let taker = scope.spawn(|| {
            barrier.wait();
            slab.take_wait(key)
        });
        barrier.wait();
        while slab.contains(key) {
            std::thread::yield_now();
        }
        assert_eq!(*entry, "a");
        drop(entry);
        assert_eq!(taker.join().expect("a thread").as_deref(), Ok("a"));
    });
    assert!(slab.is_empty());
}

#[test]
fn values_may_refer_to_others() {
    #[allow(dead_code)]
    struct Node(Option<slotarena::counted::OwnedEntry<Node>>, super::Counted);
    let (drops, value) = counter();
    let slab = slab();
    let parent = slab.insert(Node(None, value())).expect("room");
    let held = slab.get_owned(parent).expect("live");
    let child = slab.insert(Node(Some(held), value())).expect("room");
    assert!(slab.remove(parent));
    assert_eq!(count(&drops), 0, "the child keeps its parent");
    assert!(slab.remove(child));
    assert_eq!((count(&drops), slab.len()), (2, 0), "and lets it go");
}

#[test]
fn an_owned_reference_outlives_the_slab() {
    let (drops, value) = counter();
    let slab = slab();
    let keys = [value(), value(), value()].map(|value| slab.insert(value).expect("room"));
    let kept = slab.get_owned(keys[0]).expect("live");
    let removed = slab.get_owned(keys[1]).expect("live");
    assert!(slab.remove(keys[1]));
    drop(slab);
    assert_eq!(count(&drops), 1, "the one without a reference");
    let copy = kept.clone();
    drop(kept);
    assert_eq!(copy.0.load(Ordering::Relaxed), 1, "still there");
    drop(removed);
    assert_eq!(count(&drops), 2);
    drop(copy);
    assert_eq!(count(&drops), 3);
}

#[test]
#[cfg_attr(any(miri, debug_assertions), ignore = "2^28 references")]
fn too_many_references_are_refused() {
    let slab = slab();
    let key = slab.insert(1).expect("room");
    let first = slab.get(key).expect("live");
    for _ in 1..(1 << 28) - 1 {
        std::mem::forget(first.clone());
    }
    assert!(slab.get(key).is_none() && slab.get_owned(key).is_none());
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| first.clone()));
    assert!(refused.is_err());
    assert!(slab.contains(key) && *first == 1);
    drop(first);
    assert!(slab.get(key).is_some());
}

#[test]
fn a_slab_that_trims_itself_gives_back_after_a_peak() {
    for trims in [false, true] {
        let slab = CountedSlab::<u64>::builder().capacity(100_000).trim(trims).build();
        let slab = slab.expect("a slab");
        let keys: Vec<_> = (0..50_000).map(|n| slab.insert(n).expect("room")).collect();
        assert!(keys.into_iter().all(|key| slab.remove(key)));
        let left = slab.audit().expect("a whole slab");
        assert_eq!((left.live, left.slots_committed < 10_000), (0, trims), "{left:?}");
    }
}
