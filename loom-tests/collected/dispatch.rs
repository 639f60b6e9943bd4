//! Functions: two words that change as one, whatever else happens meanwhile.
//!
//! The object of each function tells which code it belongs to, so that a reader notices code with
//! the object of another function.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use slotarena::collected::{CollectedTable, Dispatch, DispatchEntry, EntryError, Relocated};

use super::sweep::{Part, collect, part};
use super::told::Told;
use super::{Scene, collected};
use crate::harness::stage::Payload;

type Functions = Scene<Dispatch>;

/// The count of parameters of most functions.
const TWO: u16 = 2;

/// A table of 3 functions in 2 segments, with one space.
fn functions() -> Functions {
    let table = CollectedTable::builder().capacity(3).stripes(1).magazine_size(1);
    Scene::over(table.segment_shift(1).build().expect("a small table"), 1)
}

/// The entry of a function, by its number.
fn function(number: usize) -> DispatchEntry {
    DispatchEntry { code: number, object: number << 4, parameters: TWO }
}

/// The number of the function of an entry, whose two words belong together.
fn number(entry: DispatchEntry) -> usize {
    let DispatchEntry { code, object, parameters } = entry;
    assert_eq!(object, code << 4, "Invariant 7: an entry is never torn");
    assert_eq!(parameters, TWO, "Invariant 7: an entry is never torn");
    code
}

impl Functions {
    /// Makes an entry for a function.
    fn function(&self, number: usize) -> u32 {
        self.space().allocate(function(number)).expect("room").to_raw()
    }

    /// The number of the function that an entry names.
    fn named(&self, raw: u32) -> Option<usize> {
        self.table.get(raw).map(number)
    }

    fn set(&self, raw: u32, new: usize) -> Result<usize, EntryError> {
        self.table.set(raw, function(new)).map(number)
    }
}

#[test]
fn collected_dispatch_allocate_get() {
    let what = "collected, two words: one writes and makes an entry, another looks and reads";
    collected("collected_dispatch_allocate_get", what).explore(|| {
        let scene = functions();
        let payload = Payload::new();
        let of_reader = payload.clone();
        let read = move |scene: &Functions| {
            let found = scene.named(1);
            if found.is_some() {
                assert_eq!((found, of_reader.read()), (Some(1), 1), "Invariant 7: it is whole");
            }
            found
        };
        let make = |scene: &Functions| {
            payload.write();
            scene.function(1)
        };
        let (scene, _, raw) = scene.play(read, make);
        assert_eq!((raw, scene.named(raw)), (1, Some(1)), "Invariant 7");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_dispatch_set_get() {
    let what = "collected, two words: one writes and sets, another looks twice and reads";
    collected("collected_dispatch_set_get", what).explore(|| {
        let scene = functions();
        let raw = scene.function(1);
        let payload = Payload::new();
        let of_reader = payload.clone();
        let read = move |scene: &Functions| {
            let found = [(); 2].map(|()| scene.named(raw).expect("live"));
            assert!(found.is_sorted(), "Invariant 7: the new one stays");
            assert!(found[1] == 1 || of_reader.read() == 1, "Invariant 7: it is whole");
            found
        };
        let set = |scene: &Functions| {
            payload.write();
            scene.set(raw, 2).expect("live")
        };
        let (scene, _, old) = scene.play(read, set);
        assert_eq!((old, scene.named(raw)), (1, Some(2)), "Invariant 7");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_dispatch_set_set() {
    let what = "collected, two words: two set one entry";
    collected("collected_dispatch_set_set", what).explore(|| {
        let scene = functions();
        let raw = scene.function(1);
        let set = |new| move |scene: &Functions| scene.set(raw, new).expect("live");
        let (scene, one, two) = scene.play(set(2), set(3));
        let last = scene.named(raw).expect("live");
        assert_eq!(one + two + last, 1 + 2 + 3, "Invariant 7: no change is lost");
        assert_eq!(one.min(two), 1, "Invariant 7: one of them saw the first");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_dispatch_mark_set() {
    let what = "collected, two words: one marks an entry, another sets it twice";
    collected("collected_dispatch_mark_set", what).explore(|| {
        let scene = functions();
        let raw = scene.function(1);
        let marking = Arc::new(scene.begin());
        let of_marker = marking.clone();
        let set = |scene: &Functions| [2, 3].map(|new| scene.set(raw, new).expect("live"));
        let (scene, first, old) = scene.play(move |_| of_marker.mark(raw), set);
        assert_eq!((first, old), (true, [1, 2]), "Invariants 7 and 16");
        assert_eq!(scene.named(raw), Some(3), "Invariant 7: no change is lost");
        assert!(marking.is_marked(raw), "Invariant 16: no mark is lost");
        let marking = Arc::into_inner(marking).expect("no other thread has it");
        let report = marking.sweep().expect("idle").finish().expect("idle");
        assert_eq!((report.live, report.freed), (1, 0), "Invariant 16: the marked live");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_dispatch_set_reuse() {
    let what = "collected, two words: one sets, another frees and makes one of more parameters";
    collected("collected_dispatch_set_reuse", what).explore(|| {
        let scene = functions();
        let raw = scene.function(1);
        let of_more = DispatchEntry { parameters: TWO + 1, ..function(3) };
        let reuse = |scene: &Functions| {
            scene.table.free(raw).expect("live");
            let new = scene.space().allocate(of_more).expect("room").to_raw();
            assert_eq!(new, raw, "the slot freed last");
        };
        let (scene, set, ()) = scene.play(move |scene| scene.set(raw, 2), reuse);
        let found = TWO + 1;
        let refused = EntryError::Tag { raw, found };
        let is_gone = |error| matches!(error, EntryError::Handle(_));
        assert!(set == Ok(1) || set == Err(refused) || set.is_err_and(is_gone), "{set:?}");
        assert_eq!(scene.table.get(raw), Some(of_more), "Invariant 3: it has one owner");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_dispatch_free_get() {
    let what = "collected, two words: one frees an entry and makes one, another looks twice";
    collected("collected_dispatch_free_get", what).explore(|| {
        let scene = functions();
        let raw = scene.function(1);
        let look = move |scene: &Functions| [(); 2].map(|()| scene.named(raw));
        let reuse = |scene: &Functions| {
            scene.table.free(raw).expect("live");
            scene.function(2)
        };
        let (scene, found, new) = scene.play(look, reuse);
        let order = |found| [Some(1), None, Some(2)].iter().position(|&state| state == found);
        let [first, second] = found.map(|found| order(found).expect("one of its states"));
        assert!(first <= second, "Invariant 7: in this order");
        assert_eq!((new, scene.named(raw)), (raw, Some(2)), "Invariant 7");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_dispatch_compact_set() {
    let what = "collected, two words: one moves an entry, another sets it by the cell, and looks";
    collected("collected_dispatch_compact_set", what).explore(|| {
        let scene = functions();
        let (below, raw) = (scene.function(1), scene.function(1));
        scene.table.free(below).expect("live");
        let mut compaction = scene.table.compact(scene.space()).expect("idle").expect("it pays");
        let cell = Arc::new(CollectedTable::<Dispatch>::cell(raw));
        let of_mover = cell.clone();
        let relocate = move |_: &Functions| {
            assert_eq!(compaction.relocate(&of_mover), Ok(Relocated::Moved));
            compaction
        };
        let set = |scene: &Functions| {
            let raw = cell.load(Ordering::Acquire);
            (scene.set(raw, 2).is_ok(), scene.named(raw))
        };
        let (scene, compaction, (is_set, _)) = scene.play(relocate, set);
        compaction.finish().expect("idle");
        let new = cell.load(Ordering::Acquire);
        let wanted = if is_set { 2 } else { 1 };
        assert_eq!((new, scene.named(new)), (1, Some(wanted)), "Invariant 16: no change is lost");
        scene.end(&[new], 0);
    });
}

super::sweep::in_parts! { get set }

/// Collects a function of two, while another thread does something with both: first the one that
/// lives, then the one that dies.
fn play<R: Told>(
    of: Part,
    act: impl FnOnce(&Functions, u32, u32) -> R,
) -> (Arc<Functions>, u32, R) {
    let scene = functions();
    let (live, dead) = (scene.function(1), scene.function(2));
    let (scene, result) = collect(scene, live, of, |scene| act(scene, live, dead));
    assert_eq!(scene.named(dead), None, "Invariant 16: an entry that is not marked dies");
    (scene, live, result)
}

fn get(of: Part) {
    part(of, "dispatch", "get", "looks twice for each function").explore(move || {
        let (scene, live, _) = play(of, |scene, live, dead| {
            let found = [(); 2].map(|()| scene.named(dead));
            assert!([None, Some(2)].contains(&found[0]), "Invariant 7");
            assert!(found[1].is_none() || found[1] == found[0], "Invariant 7: it stays away");
            assert_eq!(scene.named(live), Some(1), "Invariant 16: a marked entry stays");
            found
        });
        scene.end(&[live], 0);
    });
}

fn set(of: Part) {
    part(of, "dispatch", "set", "sets a function that lives and one that dies").explore(
        move || {
            let (scene, live, _) = play(of, |scene, live, dead| {
                assert_eq!(scene.set(live, 2), Ok(1), "Invariant 16: a marked entry stays");
                let set = scene.set(dead, 3);
                assert!(
                    of != Part::Rest || set.is_err(),
                    "Invariant 16: the dead are the sweeper's"
                );
                set
            });
            assert_eq!(scene.named(live), Some(2), "Invariant 7: no change is lost");
            scene.end(&[live], 0);
        },
    );
}
