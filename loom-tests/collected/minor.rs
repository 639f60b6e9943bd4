//! A minor collection, whose living entries go to another space, while others use both spaces.
//!
//! The parts are those of `super::sweep`. The young space is the first, the old one the second.

use std::sync::Arc;

use super::sweep::{Part, Raws, large, part};
use super::told::Told;
use super::{Object, Scene, owned};

/// Collects a young space with two entries, while another thread does something. Returns the
/// scene, the entry that lives, and what the other returned.
fn play<R: Told>(
    of: Part,
    act: impl FnOnce(&Scene, Raws) -> R,
    live: impl FnOnce(&Scene) -> u32,
) -> (Arc<Scene>, u32, R) {
    let scene = Scene::of(6, 2);
    // The first segment has one slot. Both entries of the young space share the next.
    let old = scene.allocate(1, 3);
    let raws = Raws { live: live(&scene), dead: scene.owned() };
    assert_eq!((old, raws.live, raws.dead), (1, 2, 3));
    let marking = scene.begin();
    assert!(marking.mark(raws.live), "Invariant 16: white before");
    let space = scene.spaces[1].clone();
    let act = |scene: &Scene| act(scene, raws);
    let (scene, report, result) = match of {
        Part::Stopped => {
            let sweep = move |_: &Scene| marking.sweep_into(&space).expect("idle");
            let (scene, sweeping, result) = scene.play(sweep, act);
            (scene, sweeping.finish(), result)
        }
        Part::Rest => {
            let sweeping = marking.sweep_into(&space).expect("idle");
            scene.play(move |_| sweeping.finish(), act)
        }
        Part::Whole => scene.play(move |_| marking.sweep_into(&space).expect("idle").finish(), act),
    };
    report.expect("idle");
    assert!(!scene.look(raws.dead), "Invariant 16: an entry that is not marked dies");
    assert_eq!(scene.get(old), Some(3), "Invariant 16: the old space is not collected");
    scene.free(old).expect("live");
    (scene, raws.live, result)
}

super::sweep::in_parts! { get exchange zap free look look_dead allocate_young allocate_old }

fn get(part: Part) {
    self::part(part, "minor", "get", "looks for an entry that moves").explore(move || {
        let get = |scene: &Scene, raws: Raws| {
            assert_eq!(scene.get(raws.live), Some(1), "Invariant 16: a marked entry stays");
        };
        let (scene, live, ()) = play(part, get, Scene::plain);
        scene.end(&[live], 0);
    });
}

fn exchange(part: Part) {
    let what = "exchanges the pointer of an entry that moves";
    self::part(part, "minor", "exchange", what).explore(move || {
        let exchange = |scene: &Scene, raws: Raws| scene.exchange(raws.live, 2).expect("live");
        let (scene, live, old) = play(part, exchange, Scene::plain);
        assert_eq!((old, scene.get(live)), (1, Some(2)), "Invariant 7");
        scene.end(&[live], 0);
    });
}

fn zap(part: Part) {
    let what = "empties an entry that moves, and one that dies";
    self::part(part, "minor", "zap", what).explore(move || {
        let zap = |scene: &Scene, raws: Raws| {
            let _ = scene.zap(raws.dead);
            scene.zap(raws.live).expect("live");
        };
        let (scene, _, ()) = play(part, zap, Scene::owned);
        assert_eq!(scene.drops(), 2, "Invariant 16: dropped once");
        scene.end(&[], 1);
    });
}

fn free(part: Part) {
    let what = "frees an entry that moves, and one that dies";
    large(part, "minor", "free", what).explore(move || {
        let free = |scene: &Scene, raws: Raws| {
            let _ = scene.free(raws.dead);
            scene.free(raws.live).expect("live");
            assert!(scene.free(raws.live).is_err(), "Invariant 3: freed once");
            // A slot of two owners shows here.
            scene.allocate(1, 2)
        };
        let (scene, _, new) = play(part, free, Scene::plain);
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        // In transit it is only emptied.
        let emptied = scene.spaces[1].stats().live - 1;
        assert!(emptied <= 1, "Invariant 4");
        scene.end(&[new], emptied);
    });
}

fn look(part: Part) {
    let what = "looks at the object of an entry that moves";
    self::part(part, "minor", "look", what).explore(move || {
        let look = |scene: &Scene, raws: Raws| {
            let read = |object: &Object| object.read();
            let read = scene.table.with(raws.live, owned(), read);
            assert_eq!(read, Ok(1), "Invariant 16: a marked entry stays");
        };
        let (scene, live, ()) = play(part, look, Scene::owned);
        scene.end(&[live], 0);
    });
}

fn look_dead(part: Part) {
    let what = "looks at the object of an entry that dies";
    self::part(part, "minor", "look_dead", what).explore(move || {
        let (scene, live, _) = play(part, |scene, raws| scene.look(raws.dead), Scene::plain);
        scene.end(&[live], 0);
    });
}

fn allocate_young(part: Part) {
    let what = "makes an entry in the young space";
    self::part(part, "minor", "allocate_young", what).explore(move || {
        let (scene, live, new) = play(part, |scene, _| scene.allocate(0, 2), Scene::plain);
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        scene.end(&[live, new], 0);
    });
}

fn allocate_old(part: Part) {
    let what = "makes two entries in the old space";
    self::part(part, "minor", "allocate_old", what).explore(move || {
        let allocate = |scene: &Scene, _| [0, 2].map(|object| scene.allocate(1, object));
        let (scene, live, new) = play(part, allocate, Scene::plain);
        assert_eq!(new.map(|new| scene.get(new)), [Some(0), Some(2)], "Invariant 16");
        scene.end(&[live, new[0], new[1]], 0);
    });
}
