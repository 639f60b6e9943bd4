//! A collection marks, while others change entries and make new ones.

use std::sync::Arc;

use slotarena::collected::{CollectError, Marking, TagRange};

use super::told::Told;
use super::{Scene, collected, object, plain};

/// One marks an entry, while another does something. Returns what it returned, and whether the
/// first was the first to mark.
fn beside<R: Told>(
    scene: Scene,
    raw: u32,
    act: impl FnOnce(&Scene, &Marking) -> R,
) -> (Arc<Scene>, Marking, bool, R) {
    let marking = Arc::new(scene.begin());
    let (for_one, for_two) = (marking.clone(), marking.clone());
    let act = move |scene: &Scene| act(scene, &for_two);
    let (scene, first, result) = scene.play(move |_| for_one.mark(raw), act);
    let marking = Arc::into_inner(marking).expect("no other thread has it");
    (scene, marking, first, result)
}

/// Ends the marking, which leaves these, of which `emptied` have been emptied.
fn finish(scene: &Scene, marking: Marking, live: &[u32], emptied: u64) {
    for &raw in live {
        assert!(marking.is_marked(raw), "Invariant 16: no mark is lost");
    }
    let report = marking.sweep().expect("idle").finish().expect("idle");
    assert_eq!(report.live, live.len() as u64 + emptied, "Invariant 16: the marked live");
    assert_eq!(report.freed, 0, "Invariant 16: the marked live");
    scene.end(live, emptied);
}

#[test]
fn collected_mark_exchange() {
    let what = "collected: one marks an entry, another exchanges its pointer";
    collected("collected_mark_exchange", what).explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let (scene, marking, first, old) =
            beside(scene, raw, move |scene, _| scene.exchange(raw, 2).expect("live"));
        assert!(first && old == 1, "Invariant 16");
        assert_eq!(scene.get(raw), Some(2), "Invariant 7");
        finish(&scene, marking, &[raw], 0);
    });
}

#[test]
fn collected_mark_zap() {
    let what = "collected: one marks an entry that owns its object, another empties it";
    collected("collected_mark_zap", what).explore(|| {
        let scene = Scene::new();
        let raw = scene.owned();
        let (scene, marking, _, ()) = beside(scene, raw, move |scene, _| {
            scene.zap(raw).expect("live");
        });
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        assert!(marking.is_marked(raw), "Invariant 16: no mark is lost");
        finish(&scene, marking, &[], 1);
    });
}

#[test]
fn collected_mark_free() {
    let what = "collected: one marks an entry that owns its object, another frees it";
    collected("collected_mark_free", what).explore(|| {
        let scene = Scene::new();
        let raw = scene.owned();
        let (scene, marking, _, ()) = beside(scene, raw, move |scene, _| {
            scene.free(raw).expect("live");
        });
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        finish(&scene, marking, &[], 0);
    });
}

#[test]
fn collected_mark_reuse() {
    let what = "collected: one marks an entry, another frees it and makes one";
    collected("collected_mark_reuse", what).explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let (scene, marking, _, new) = beside(scene, raw, move |scene, _| {
            scene.free(raw).expect("live");
            scene.allocate(0, 2)
        });
        assert_eq!(scene.get(new), Some(2), "Invariant 7");
        finish(&scene, marking, &[new], 0);
    });
}

#[test]
fn collected_mark_allocate() {
    let what = "collected: one marks an entry, another makes one and exchanges its pointer";
    collected("collected_mark_allocate", what).explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let (scene, marking, first, new) = beside(scene, raw, move |scene, marking| {
            let new = scene.allocate(0, 2);
            assert!(!marking.mark(new), "Invariant 16: a new entry is marked");
            assert_eq!(scene.exchange(new, 3).expect("live"), 2);
            new
        });
        assert!(first, "Invariant 16");
        assert_eq!(scene.get(new), Some(3), "Invariant 7");
        finish(&scene, marking, &[raw, new], 0);
    });
}

#[test]
fn collected_mark_mark() {
    let what = "collected: two mark one entry, of which one is the first, and one exchanges";
    collected("collected_mark_mark", what).explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let (scene, marking, first, second) = beside(scene, raw, move |scene, marking| {
            scene.exchange(raw, 2).expect("live");
            marking.mark(raw)
        });
        assert!(first != second, "Invariant 16: exactly one is the first");
        finish(&scene, marking, &[raw], 0);
    });
}

#[test]
fn collected_mark_publish() {
    let what = "collected: one marks an entry, another publishes it";
    collected("collected_mark_publish", what).explore(|| {
        let scene = Scene::new();
        let handle = scene.space().allocate_unpublished().expect("room");
        let raw = handle.to_raw();
        let (scene, marking, first, ()) = beside(scene, raw, move |scene, _| {
            scene.table.publish(handle, plain(), object(2)).expect("unpublished");
        });
        assert!(first, "Invariant 16");
        assert_eq!(scene.get(raw), Some(2), "Invariant 7");
        finish(&scene, marking, &[raw], 0);
    });
}

#[test]
fn collected_begin_allocate() {
    let what = "collected: one begins a collection and marks, another makes an entry";
    collected("collected_begin_allocate", what).bound(3).explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let begin = move |scene: &Scene| {
            let marking = scene.begin();
            assert!(marking.mark(raw), "Invariant 16: white before");
            marking
        };
        let (scene, marking, new) = scene.play(begin, |scene| scene.allocate(0, 2));
        // Made before the marking began or since.
        marking.mark(new);
        finish(&scene, marking, &[raw, new], 0);
    });
}

#[test]
fn collected_begin_begin() {
    let what = "collected: two threads collect, and both mark the one entry";
    collected("collected_begin_begin", what).bound(2).coarse().explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let collect = move |scene: &Scene| match scene.table.begin(&[scene.space()]) {
            Ok(marking) => {
                assert!(marking.mark(raw), "Invariant 16: white before");
                marking.sweep().expect("idle").finish().expect("idle");
                true
            }
            Err(error) => {
                assert_eq!(error, CollectError::UnderWay);
                false
            }
        };
        let (scene, one, two) = scene.play(collect, collect);
        assert!(one || two, "one at a time");
        assert_eq!(scene.get(raw), Some(1), "Invariant 16: a marked entry stays");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_abandon_allocate() {
    let what = "collected: one gives a marking up, another makes an entry";
    collected("collected_abandon_allocate", what).bound(3).explore(|| {
        let scene = Scene::new();
        let raw = scene.plain();
        let marking = scene.begin();
        let allocate = |scene: &Scene| scene.allocate(0, 2);
        let (scene, (), new) = scene.play(move |_| drop(marking), allocate);
        scene.end(&[raw, new], 0);
    });
}

#[test]
fn collected_abandon_exchange() {
    let what = "collected: one gives a marking up, another exchanges a pointer and frees an entry";
    collected("collected_abandon_exchange", what).bound(3).explore(|| {
        let scene = Scene::new();
        let (raw, other) = (scene.plain(), scene.owned());
        let marking = scene.begin();
        let act = move |scene: &Scene| {
            scene.exchange(raw, 2).expect("live");
            scene.table.free(other, TagRange::ALL).expect("live");
        };
        let (scene, (), ()) = scene.play(move |_| drop(marking), act);
        assert_eq!(scene.get(raw), Some(2), "Invariant 7");
        scene.end(&[raw], 0);
    });
}
