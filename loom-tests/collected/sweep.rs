//! A collection ends its marking and sweeps, while others use what lives and what dies.
//!
//! As in `crate::sweep`, a model has parts: *stopped* is the end of the marking, *rest* is what
//! follows it, and *whole* is both.

use std::sync::Arc;

use slotarena::collected::{Collected, TagRange};

use super::told::Told;
use super::{Scene, collected, owned};
use crate::harness::model::Model;

/// The part of a collection that runs beside the other thread.
#[derive(Clone, Copy, PartialEq)]
pub enum Part {
    Stopped,
    Rest,
    Whole,
}

/// The entries of a scene: one that is marked, and one that owns its object and dies.
#[derive(Clone, Copy)]
pub struct Raws {
    pub live: u32,
    pub dead: u32,
}

/// A scene with two entries, and an idle table.
struct Setting {
    scene: Scene,
    raws: Raws,
}

impl Setting {
    fn new() -> Self {
        let scene = Scene::new();
        let raws = Raws { live: scene.plain(), dead: scene.owned() };
        Self { scene, raws }
    }

    /// The same, after an earlier collection, whose sweep has left free slots unswept.
    fn again() -> Self {
        let setting = Self::new();
        let Raws { live, dead } = setting.raws;
        setting.scene.collect(&[live, dead]);
        setting
    }

    /// Collects, while another thread does something. Returns the scene, and what that returned.
    fn play<R: Told>(self, part: Part, act: impl FnOnce(&Scene, Raws) -> R) -> (Arc<Scene>, R) {
        let Self { scene, raws } = self;
        let (scene, result) = collect(scene, raws.live, part, |scene| act(scene, raws));
        assert!(!scene.look(raws.dead), "Invariant 16: an entry that is not marked dies");
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        (scene, result)
    }
}

/// Collects all entries but `live`, while another thread does something. Returns the scene, and
/// what that returned.
pub fn collect<E: Collected, R: Told>(
    scene: Scene<E>,
    live: u32,
    part: Part,
    act: impl FnOnce(&Scene<E>) -> R,
) -> (Arc<Scene<E>>, R) {
    let marking = scene.begin();
    assert!(marking.mark(live), "Invariant 16: white before");
    let (scene, report, result) = match part {
        Part::Stopped => {
            let sweep = move |_: &Scene<E>| marking.sweep().expect("idle");
            let (scene, sweeping, result) = scene.play(sweep, act);
            (scene, sweeping.finish(), result)
        }
        Part::Rest => {
            let sweeping = marking.sweep().expect("idle");
            scene.play(move |_| sweeping.finish(), act)
        }
        Part::Whole => scene.play(move |_| marking.sweep().expect("idle").finish(), act),
    };
    report.expect("idle");
    (scene, result)
}

/// The model of a part.
pub fn part(part: Part, family: &str, name: &str, what: &str) -> Model {
    let (suffix, collects) = match part {
        Part::Stopped => ("stopped", "ends the marking"),
        Part::Rest => ("rest", "sweeps"),
        Part::Whole => ("whole", "ends the marking and sweeps"),
    };
    let name = format!("collected_{family}_{name}_{suffix}");
    let what = format!("collected: one {what}, another {collects}");
    let model = collected(name.leak(), what.leak());
    if part == Part::Whole { model.bound(2).coarse() } else { model.bound(3) }
}

/// The same, with less of what follows the end of the marking.
pub fn large(part: Part, family: &str, name: &str, what: &str) -> Model {
    let model = self::part(part, family, name, what);
    if part == Part::Rest { model.bound(2).coarse() } else { model }
}

macro_rules! in_parts {
    ($($model:ident)*) => {
        $(mod $model {
            use super::{Part, $model};

            #[test]
            fn stopped() {
                $model(Part::Stopped);
            }

            #[test]
            fn rest() {
                $model(Part::Rest);
            }

            #[test]
            fn whole() {
                $model(Part::Whole);
            }
        })*
    };
}

pub(super) use in_parts;

in_parts! { allocate allocate_again exchange get zap free free_and_allocate look }

fn allocate(part: Part) {
    large(part, "sweep", "allocate", "makes an entry").explore(move || {
        let setting = Setting::new();
        let live = setting.raws.live;
        let (scene, new) = setting.play(part, |scene, _| scene.allocate(0, 2));
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        scene.end(&[live, new], 0);
    });
}

fn allocate_again(part: Part) {
    let what = "makes an entry in a second collection";
    self::part(part, "sweep", "allocate_again", what).explore(move || {
        let setting = Setting::again();
        let live = setting.raws.live;
        let (scene, new) = setting.play(part, |scene, _| scene.allocate(0, 2));
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        scene.end(&[live, new], 0);
    });
}

fn exchange(part: Part) {
    let what = "exchanges the pointer of a marked entry";
    self::part(part, "sweep", "exchange", what).explore(move || {
        let setting = Setting::new();
        let live = setting.raws.live;
        let exchange = |scene: &Scene, raws: Raws| scene.exchange(raws.live, 2).expect("live");
        let (scene, old) = setting.play(part, exchange);
        assert_eq!((old, scene.get(live)), (1, Some(2)), "Invariant 7");
        scene.end(&[live], 0);
    });
}

fn get(part: Part) {
    let what = "looks twice for each entry";
    self::part(part, "sweep", "get", what).explore(move || {
        let setting = Setting::new();
        let live = setting.raws.live;
        let (scene, ()) = setting.play(part, |scene, raws| {
            let dead = || scene.table.get(raws.dead, owned()).is_some();
            let was_there = dead();
            assert!(was_there || !dead(), "Invariant 7: it does not come back");
            assert_eq!(scene.get(raws.live), Some(1), "Invariant 16: a marked entry stays");
        });
        scene.end(&[live], 0);
    });
}

fn zap(part: Part) {
    let what = "empties an entry that dies";
    self::part(part, "sweep", "zap", what).explore(move || {
        let setting = Setting::new();
        let live = setting.raws.live;
        let (scene, _) = setting.play(part, |scene, raws| scene.zap(raws.dead));
        scene.end(&[live], 0);
    });
}

fn free(part: Part) {
    let what = "frees an entry that dies, and one that is marked";
    large(part, "sweep", "free", what).explore(move || {
        let (scene, ()) = Setting::new().play(part, |scene, raws| {
            let _ = scene.free(raws.dead);
            scene.free(raws.live).expect("live");
            assert!(scene.free(raws.live).is_err(), "Invariant 3: freed once");
        });
        scene.end(&[], 0);
    });
}

fn free_and_allocate(part: Part) {
    let what = "frees an entry that dies, and makes two";
    large(part, "sweep", "free_and_allocate", what).explore(move || {
        let setting = Setting::new();
        let live = setting.raws.live;
        let (scene, new) = setting.play(part, |scene, raws| {
            let freed = scene.table.free(raws.dead, TagRange::from(owned())).is_ok();
            let new = scene.allocate(0, 2);
            // By now the slot may have an entry of another tag.
            assert!(scene.table.free(raws.dead, TagRange::from(owned())).is_err(), "{freed}");
            new
        });
        assert_eq!(scene.get(new), Some(2), "Invariant 16: a new entry stays");
        scene.end(&[live, new], 0);
    });
}

fn look(part: Part) {
    let what = "looks at an object whose entry dies";
    self::part(part, "sweep", "look", what).explore(move || {
        let setting = Setting::new();
        let live = setting.raws.live;
        let (scene, _) = setting.play(part, |scene, raws| scene.look(raws.dead));
        scene.end(&[live], 0);
    });
}
