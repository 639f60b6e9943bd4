//! Values without a drop: a removal frees the slot immediately unless a guard may see the value.
//!
//! Values are numbers, and a free slot holds its next generation in their place. Loom reports a
//! write of the generation that is not ordered after every look. A reader that keeps a reference
//! would see the generation.

use slotarena::{Key, Slab, slab};

use crate::harness::checker::sync::Arc;
use crate::harness::checker::sync::atomic::{AtomicU32, Ordering};
use crate::harness::checker::thread::{JoinHandle, spawn};
use crate::harness::outcome;
use crate::harness::stage::model;

/// Greater than any generation.
const VALUE: u32 = 0x51;
const NEXT: u32 = 0x52;

type Mutator = slab::Mutator<'static, u32>;

/// The result of an actor: its mutator, and the values it saw.
type End = (Option<Mutator>, String);

/// A slab with a value, and the actors that use it.
struct Scene {
    // Declared before the slab, which they borrow.
    actors: Vec<JoinHandle<End>>,
    slab: Box<Slab<u32>>,
}

impl Scene {
    /// Three usable slots in two segments.
    fn new() -> Self {
        let slab = Slab::builder().capacity(3).stripes(1).magazine_size(1).segment_shift(1);
        Self { actors: vec![], slab: Box::new(slab.build().expect("a small slab")) }
    }

    fn slab(&self) -> &'static Slab<u32> {
        // SAFETY: actors are joined, and their mutators dropped, before the slab is dropped.
        unsafe { &*std::ptr::from_ref(&*self.slab) }
    }

    /// Makes a participant that has had a guard if it is a `reader`.
    fn mutator(&self, reader: bool) -> Mutator {
        let mutator = self.slab().mutator();
        if reader {
            drop(mutator.pin());
        }
        mutator
    }

    fn spawn(&mut self, mutator: Mutator, play: impl FnOnce(&Mutator) -> String + Send + 'static) {
        self.actors.push(spawn(move || {
            let seen = play(&mutator);
            (Some(mutator), seen + &outcome::history())
        }));
    }

    /// Joins all actors, and checks that every slot is live or free.
    fn finish(mut self, live: usize) {
        let end = |actor: JoinHandle<End>| actor.join().expect("an actor");
        let (gone, seen): (Vec<_>, Vec<_>) = self.actors.drain(..).map(end).unzip();
        outcome::note(format_args!("{seen:?}"));
        self.slab.audit().expect("Invariants 1, 2, 4 and 5");
        drop(gone);
        assert_eq!(self.slab.flush(), 0, "Invariant 11: nothing waits without a guard");
        let stats = self.slab.stats();
        let counts = (self.slab.len(), stats.live, stats.waiting, stats.reserved);
        assert_eq!(counts, (live, live as u64, 0, 0), "Invariant 4");
        self.slab.audit().expect("Invariants 1, 2, 4 and 5");
    }
}

/// Looks at a value twice under one guard.
fn look(by: &Mutator, key: Key) -> String {
    let guard = by.pin();
    let first = guard.get(key);
    if let Some(&value) = first {
        assert_eq!(value, VALUE, "Invariant 12");
    }
    let second = guard.get(key);
    for &value in [first, second].into_iter().flatten() {
        assert_eq!(value, VALUE, "Invariants 10 and 11: the value stays");
    }
    format!("{first:?} {second:?}")
}

/// Removes a value and inserts another.
fn replace(by: &Mutator, key: Key) -> String {
    let won = by.remove(key);
    let new = by.insert(NEXT).expect("room");
    assert_ne!(new, key, "Invariant 12");
    format!("{won} {new:?}")
}

#[test]
fn slab_plain_get_remove() {
    let what = "slab, values without a drop: one looks at a value, another removes it and inserts \
                a second one";
    model("slab_plain_get_remove", "3 10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(true), scene.mutator(false));
        let key = remover.insert(VALUE).expect("room");
        scene.spawn(reader, move |m| look(m, key));
        scene.spawn(remover, move |m| replace(m, key));
        scene.finish(1);
    });
}

#[test]
fn slab_plain_first_get_remove() {
    let what = "slab, values without a drop: one has its first guard and looks at a value, another \
                removes it and inserts a second one";
    model("slab_plain_first_get_remove", "3 10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(false), scene.mutator(false));
        let key = remover.insert(VALUE).expect("room");
        scene.spawn(reader, move |m| look(m, key));
        scene.spawn(remover, move |m| replace(m, key));
        scene.finish(1);
    });
}

#[test]
fn slab_plain_leave_remove() {
    let what = "slab, values without a drop: one looks at a value and goes, another removes it and \
                inserts a second one";
    model("slab_plain_leave_remove", "3 10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(true), scene.mutator(false));
        let key = remover.insert(VALUE).expect("room");
        scene.actors.push(spawn(move || {
            let seen = look(&reader, key);
            drop(reader);
            (None, seen + &outcome::history())
        }));
        scene.spawn(remover, move |m| replace(m, key));
        scene.finish(1);
    });
}

#[test]
fn slab_plain_remove_remove() {
    let what = "slab, values without a drop: one removes a value and inserts a second one, another \
                removes by the old key";
    model("slab_plain_remove_remove", "3 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(false), scene.mutator(false));
        let key = one.insert(VALUE).expect("room");
        let wins = Arc::new(AtomicU32::new(0));
        for (mutator, inserts) in [(one, true), (two, false)] {
            let count = wins.clone();
            scene.spawn(mutator, move |m| {
                // Relaxed: read after both are joined.
                count.fetch_add(u32::from(m.remove(key)), Ordering::Relaxed);
                let new = inserts.then(|| m.insert(NEXT).expect("room"));
                assert_ne!(new, Some(key), "Invariant 12");
                format!("{new:?}")
            });
        }
        scene.finish(1);
        assert_eq!(wins.load(Ordering::Relaxed), 1, "Invariant 11: one wins");
    });
}

#[test]
fn slab_plain_own_guard() {
    let what = "slab, values without a drop: one removes what it looks at and inserts a second \
                value, another removes by the old key";
    model("slab_plain_own_guard", "3 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(true), scene.mutator(false));
        let key = one.insert(VALUE).expect("room");
        scene.spawn(one, move |m| {
            let guard = m.pin();
            let value = guard.get(key);
            let seen = replace(m, key);
            assert!(value.is_none_or(|&value| value == VALUE), "Invariant 11: the value stays");
            format!("{value:?} {seen}")
        });
        scene.spawn(two, move |m| m.remove(key).to_string());
        scene.finish(1);
    });
}

#[test]
fn slab_plain_sweep() {
    let what = "slab, values without a drop: one removes a value that a guard might see, another \
                sweeps";
    model("slab_plain_sweep", "1 4 5 11", what).bound(3).long().explore(|| {
        let mut scene = Scene::new();
        let remover = scene.mutator(false);
        let [key, others @ ..] = [VALUE; 3].map(|value| remover.insert(value).expect("room"));
        // A sweep does nothing below a segment's worth of free slots.
        others.into_iter().for_each(|key| assert!(remover.remove(key)));
        let (reader, slab) = (scene.mutator(true), scene.slab());
        scene.spawn(remover, move |m| m.remove(key).to_string());
        // The sweeper has had a guard, so that the removed value is deferred.
        scene.spawn(reader, move |_| {
            slab.sweep_values();
            String::new()
        });
        scene.finish(0);
    });
}
