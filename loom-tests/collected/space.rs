//! A space is closed, while others use handles that were its own.

use super::{Scene, collected, owned};

/// A scene with two spaces, of which the second has one entry that owns its object.
fn scene() -> (Scene, u32) {
    let scene = Scene::of(3, 2);
    let raw = scene.owned_in(1);
    (scene, raw)
}

#[test]
fn collected_close_get() {
    let what = "collected: one closes a space, another looks at its entry";
    collected("collected_close_get", what).bound(3).explore(|| {
        let (mut scene, raw) = scene();
        let space = scene.spaces.pop().expect("two");
        let close = move |_: &Scene| space.close().expect("the only name");
        let look = |scene: &Scene| {
            scene.look(raw);
            let is_there = || scene.table.get(raw, owned()).is_some();
            let was_there = is_there();
            assert!(was_there || !is_there(), "Invariant 7: it does not come back");
        };
        let (scene, report, ()) = scene.play(close, look);
        assert_eq!((report.live, report.dropped), (1, 1), "Invariant 16: dropped once");
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        assert!(!scene.look(raw), "Invariant 16");
        scene.end(&[], 0);
    });
}

#[test]
fn collected_close_free() {
    let what = "collected: one drops a space, another frees its entry and makes one in another";
    collected("collected_close_free", what).bound(3).explore(|| {
        let (mut scene, raw) = scene();
        let space = scene.spaces.pop().expect("two");
        let free = |scene: &Scene| {
            let _ = scene.free(raw);
            let new = scene.plain();
            // A forged one, unless it names the new entry.
            assert!(new == raw || scene.free(raw).is_err(), "Invariant 3: freed once");
            new
        };
        let (scene, (), new) = scene.play(move |_| drop(space), free);
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        assert_eq!(scene.get(new), Some(1), "Invariant 16: a new entry stays");
        scene.end(&[new], 0);
    });
}

#[test]
fn collected_close_open() {
    let what = "collected: one closes a space, opens one, and makes an entry; another empties one";
    collected("collected_close_open", what).bound(3).explore(|| {
        let (mut scene, raw) = scene();
        let space = scene.spaces.pop().expect("two");
        let reopen = move |scene: &Scene| {
            space.close().expect("the only name");
            let space = scene.table.space().expect("a space");
            let new = space.allocate(super::plain(), super::object(2)).expect("room").to_raw();
            (space, new)
        };
        let zap = |scene: &Scene| scene.table.zap(raw, owned());
        let (scene, (space, new), _) = scene.play(reopen, zap);
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        assert_eq!(space.close().expect("the only name").live, 1, "Invariant 16");
        assert_eq!(scene.get(new), None, "Invariant 16");
        scene.end(&[], 0);
    });
}

#[test]
fn collected_open_forged() {
    let what = "collected: one opens a space and makes an entry, another empties a forged handle";
    collected("collected_open_forged", what).bound(3).explore(|| {
        let scene = Scene::new();
        let open = |scene: &Scene| {
            let space = scene.table.space().expect("a space");
            let new = space.allocate(super::plain(), super::object(2)).expect("room").to_raw();
            assert_eq!(new, 1, "the first");
            space
        };
        let (scene, space, zapped) = scene.play(open, |scene| scene.zap(1));
        let found = if zapped.is_ok() { None } else { Some(2) };
        assert_eq!(scene.get(1), found, "Invariant 7");
        assert_eq!(space.close().expect("the only name").live, 1, "Invariant 16");
        scene.end(&[], 0);
    });
}
