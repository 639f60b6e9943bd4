//! A compaction moves an entry that a cell names, while others use it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use slotarena::collected::{Compaction, ExternalPointerTable, Relocated};

use super::{Object, Scene, collected, owned};

/// A scene in which the only entry is to move from slot 2 to slot 1.
fn scene(make: impl FnOnce(&Scene) -> u32) -> (Scene, u32, Compaction) {
    let scene = Scene::new();
    let below = scene.plain();
    let raw = make(&scene);
    assert_eq!((below, raw), (1, 2));
    scene.free(below).expect("live");
    let compaction = scene.table.compact(scene.space()).expect("idle").expect("it pays");
    assert_eq!(compaction.frontier(), 2);
    (scene, raw, compaction)
}

/// A cell that a thread of the program holds too.
macro_rules! cell {
    ($raw:expr) => {
        Arc::new(ExternalPointerTable::cell($raw))
    };
}

#[test]
fn collected_compact_get() {
    let what = "collected: one moves an entry and ends the compaction, another looks by the cell";
    collected("collected_compact_get", what).bound(2).explore(|| {
        let (scene, raw, mut compaction) = scene(Scene::plain);
        let cell = cell!(raw);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            assert_eq!(compaction.relocate(&of_mover), Ok(Relocated::Moved));
            compaction.finish().expect("idle")
        };
        let look = |scene: &Scene| {
            let found = scene.get(cell.load(Ordering::Acquire));
            assert!(matches!(found, None | Some(1)), "Invariant 7: no other entry");
        };
        let (scene, report, ()) = scene.play(relocate, look);
        assert_eq!((report.moved, report.segments_after), (1, 1));
        let new = cell.load(Ordering::Acquire);
        assert_eq!((new, scene.get(new)), (1, Some(1)), "Invariant 7: the entry has moved");
        assert_eq!(scene.get(raw), None, "Invariant 3: one handle");
        scene.end(&[new], 0);
    });
}

#[test]
fn collected_compact_exchange() {
    let what = "collected: one moves an entry, another exchanges its pointer by the cell";
    collected("collected_compact_exchange", what).explore(|| {
        let (scene, raw, mut compaction) = scene(Scene::plain);
        let cell = cell!(raw);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            assert_eq!(compaction.relocate(&of_mover), Ok(Relocated::Moved));
            compaction
        };
        let exchange = |scene: &Scene| scene.exchange(cell.load(Ordering::Acquire), 2);
        let (scene, compaction, exchanged) = scene.play(relocate, exchange);
        compaction.finish().expect("idle");
        let new = cell.load(Ordering::Acquire);
        let wanted = if exchanged.is_ok() { 2 } else { 1 };
        assert_eq!((new, scene.get(new)), (1, Some(wanted)), "Invariant 16: no change is lost");
        scene.end(&[new], 0);
    });
}

#[test]
fn collected_compact_zap() {
    let what = "collected: one moves an entry that owns its object, another looks and empties it";
    collected("collected_compact_zap", what).explore(|| {
        let (scene, raw, mut compaction) = scene(Scene::owned);
        let cell = cell!(raw);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            let outcome = compaction.relocate(&of_mover).expect("idle");
            (outcome, compaction)
        };
        let zap = |scene: &Scene| {
            let raw = cell.load(Ordering::Acquire);
            let _ = scene.table.with(raw, owned(), Object::read);
            scene.zap(raw).is_ok()
        };
        let (scene, (outcome, compaction), zapped) = scene.play(relocate, zap);
        assert_eq!(scene.drops(), usize::from(zapped), "Invariant 16: dropped once");
        compaction.finish().expect("idle");
        // What is emptied moves, too.
        assert_eq!(outcome, Relocated::Moved);
        let new = cell.load(Ordering::Acquire);
        let live: &[u32] = if zapped { &[] } else { &[new] };
        assert!(zapped || scene.look(new), "Invariant 16: not dropped");
        scene.end(live, u64::from(zapped));
    });
}

#[test]
fn collected_compact_free() {
    let what = "collected: one moves an entry, another frees it by the cell and makes one";
    collected("collected_compact_free", what).bound(2).coarse().explore(|| {
        let (scene, raw, mut compaction) = scene(Scene::owned);
        let cell = cell!(raw);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            let outcome = compaction.relocate(&of_mover).expect("idle");
            compaction.finish().expect("idle");
            outcome
        };
        let free = |scene: &Scene| {
            let raw = cell.load(Ordering::Acquire);
            (scene.free(raw).is_ok(), scene.allocate(0, 2))
        };
        let (scene, outcome, (freed, new)) = scene.play(relocate, free);
        assert_eq!(scene.drops(), usize::from(freed), "Invariant 16: dropped once");
        assert_eq!(scene.get(new), Some(2), "Invariant 3: it has one owner");
        let kept = cell.load(Ordering::Acquire);
        assert!(freed || outcome == Relocated::NoSlot || kept == 1);
        let live = if freed { vec![new] } else { vec![new, kept] };
        assert!(freed || scene.look(kept), "Invariant 16: not dropped");
        // Above the frontier it is only emptied.
        let emptied = scene.space().stats().live - live.len() as u64;
        scene.end(&live, emptied);
    });
}

#[test]
fn collected_compact_allocate() {
    let what = "collected: one moves an entry, another makes one";
    collected("collected_compact_allocate", what).explore(|| {
        let (scene, raw, mut compaction) = scene(Scene::plain);
        let cell = cell!(raw);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            let outcome = compaction.relocate(&of_mover).expect("idle");
            assert!(matches!(outcome, Relocated::Moved | Relocated::NoSlot));
            compaction
        };
        let (scene, compaction, new) = scene.play(relocate, |scene| scene.allocate(0, 2));
        compaction.finish().expect("idle");
        let moved = cell.load(Ordering::Acquire);
        assert_eq!(scene.get(moved), Some(1), "Invariant 16");
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        scene.end(&[moved, new], 0);
    });
}

#[test]
fn collected_compact_end_allocate() {
    let what = "collected: one ends a compaction, another makes entries that need a new segment";
    collected("collected_compact_end_allocate", what).bound(2).explore(|| {
        let scene = Scene::of(6, 1);
        let below = scene.plain();
        let kept = scene.plain();
        scene.free(below).expect("live");
        let compaction = scene.table.compact(scene.space()).expect("idle").expect("it pays");
        // The free slots of the committed segments are taken before.
        let filled = [0, 0].map(|object| scene.allocate(0, object));
        let end = move |_: &Scene| compaction.finish().expect("idle");
        let (scene, _, new) = scene.play(end, |scene| scene.allocate(0, 2));
        assert_eq!(scene.get(new), Some(2), "Invariant 7");
        let old = scene.exchange(new, 3);
        assert_eq!(old, Ok(2), "Invariant 16: a new entry stays");
        scene.end(&[kept, filled[0], filled[1], new], 0);
    });
}

#[test]
fn collected_compact_end_free() {
    let what = "collected: one ends a compaction, another frees an entry that did not move";
    collected("collected_compact_end_free", what).bound(2).coarse().explore(|| {
        let (scene, raw, compaction) = scene(Scene::owned);
        let end = move |_: &Scene| compaction.finish().expect("idle");
        let free = |scene: &Scene| {
            scene.free(raw).expect("live");
            scene.allocate(0, 2)
        };
        let (scene, _, new) = scene.play(end, free);
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        assert_eq!(scene.get(new), Some(2), "Invariant 3: it has one owner");
        let emptied = scene.space().stats().live - 1;
        assert!(emptied <= 1, "Invariant 4");
        scene.end(&[new], emptied);
    });
}

#[test]
fn collected_compact_overwrite() {
    let what = "collected: one moves an entry, another overwrites the cell";
    collected("collected_compact_overwrite", what).explore(|| {
        let (scene, raw, mut compaction) = scene(Scene::owned);
        let cell = cell!(raw);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            let outcome = compaction.relocate(&of_mover).expect("idle");
            (outcome, compaction)
        };
        let overwrite = |_: &Scene| cell.swap(0, Ordering::AcqRel);
        let (scene, (outcome, compaction), old) = scene.play(relocate, overwrite);
        let is_moved = outcome == Relocated::Moved;
        assert_eq!(is_moved, old == 1, "Invariant 16: moved, or as it was");
        assert!(scene.look(old), "Invariant 16: not dropped");
        compaction.finish().expect("idle");
        assert!(scene.look(old), "Invariant 16: not dropped");
        scene.end(&[old], 0);
    });
}

#[test]
fn collected_compact_store() {
    let what = "collected: one makes an entry and stores its handle in a cell, another moves it";
    collected("collected_compact_store", what).explore(|| {
        let scene = Scene::of(7, 1);
        let all = [1, 1, 1, 1, 1, 1, 1].map(|object| scene.allocate(0, object));
        for raw in [1, 2, 3, 7] {
            scene.free(raw).expect("live");
        }
        assert_eq!(all, [1, 2, 3, 4, 5, 6, 7]);
        let mut compaction = scene.table.compact(scene.space()).expect("idle").expect("it pays");
        // Slot 3 is the next target. Slot 7 is the only free one besides.
        for raw in [4, 5] {
            assert_eq!(compaction.relocate(&cell!(raw)), Ok(Relocated::Moved));
        }
        let cell = cell!(0);
        let of_mover = cell.clone();
        let relocate = move |_: &Scene| {
            let outcome = compaction.relocate(&of_mover).expect("idle");
            (outcome, compaction)
        };
        let make = |scene: &Scene| {
            let new = scene.allocate(0, 2);
            cell.store(new, Ordering::Release);
            new
        };
        let (scene, (outcome, compaction), new) = scene.play(relocate, make);
        compaction.finish().expect("idle");
        let now = cell.load(Ordering::Acquire);
        let (moved, stays) = ((Relocated::Moved, 3), (Relocated::Below, new));
        assert!([moved, stays].contains(&(outcome, now)), "Invariant 16: an entry is found");
        assert_eq!(scene.get(now), Some(2), "Invariant 16: a new entry stays");
        scene.end(&[1, 2, 6, now], 0);
    });
}
