//! The slab: values are read, removed, taken, and dropped.
//!
//! A value has a cell that a look reads and a drop writes, so loom reports a drop that is not
//! ordered after every look. Each value counts its drop, and the slab counts its slots.

mod participants;
mod plain;

use slotarena::slab::TakeError;
use slotarena::{Key, Slab, slab};

use crate::harness::checker::cell::UnsafeCell;
use crate::harness::checker::sync::Arc;
use crate::harness::checker::sync::atomic::{AtomicU32, Ordering};
use crate::harness::checker::thread::{JoinHandle, spawn};
use crate::harness::outcome;
use crate::harness::stage::model;

/// A value that checks each look and counts its drop.
pub struct Value {
    pub stamp: u32,
    content: UnsafeCell<u32>,
    /// Not modeled: read after all actors are joined.
    drops: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

// SAFETY: the slab orders all accesses to the cell, which the models check.
unsafe impl Send for Value {}
// SAFETY: the slab orders all accesses to the cell, which the models check.
unsafe impl Sync for Value {}

impl Value {
    pub fn read(&self) -> u32 {
        // SAFETY: no thread writes to a value while another reads it, which loom checks.
        let content = self.content.with(|content| unsafe { *content });
        assert_eq!(content, self.stamp, "Invariant 11: a value that was not dropped");
        content
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.content.with_mut(|content| {
            // SAFETY: no thread reads a value while it is dropped, which loom checks.
            let before = unsafe { content.replace(0) };
            assert_eq!(before, self.stamp, "Invariant 11: dropped once");
        });
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

pub type Mutator = slab::Mutator<'static, Value>;

/// A slab and the actors that use it.
pub struct Scene {
    // Declared before the slab, which they borrow.
    /// An actor that drops its mutator returns `None`.
    actors: Vec<JoinHandle<Option<Mutator>>>,
    gone: Vec<Mutator>,
    slab: Box<Slab<Value>>,
    inserted: u32,
    drops: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Scene {
    /// Three usable slots in two segments.
    pub fn new() -> Self {
        let slab = Slab::builder().capacity(3).stripes(1).magazine_size(1).segment_shift(1);
        let slab = Box::new(slab.build().expect("a small slab"));
        Self { actors: vec![], gone: vec![], slab, inserted: 0, drops: Default::default() }
    }

    pub fn value(&mut self) -> Value {
        self.inserted += 1;
        let stamp = self.inserted;
        Value { stamp, content: UnsafeCell::new(stamp), drops: self.drops.clone() }
    }

    fn slab(&self) -> &'static Slab<Value> {
        // SAFETY: actors are joined, and their mutators dropped, before the slab is dropped.
        unsafe { &*std::ptr::from_ref(&*self.slab) }
    }

    /// Each participant that leaves frees others that have left.
    pub fn trim_always(&self) {
        self.slab.trim_always();
    }

    /// Makes a participant that has had a guard if it is a `reader`.
    pub fn mutator(&self, reader: bool) -> Mutator {
        let mutator = self.slab().mutator();
        if reader {
            drop(mutator.pin());
        }
        mutator
    }

    pub fn insert(&mut self, by: &Mutator) -> Key {
        let value = self.value();
        by.insert(value).expect("room")
    }

    pub fn spawn(
        &mut self,
        mutator: Mutator,
        play: impl FnOnce(&Mutator) -> String + Send + 'static,
    ) {
        self.actors.push(spawn(move || {
            let seen = play(&mutator);
            SEEN.with(|all| all.borrow_mut().push(seen + &outcome::history()));
            Some(mutator)
        }));
    }

    /// Spawns an actor whose participant ends. If none is given, the actor registers one first.
    pub fn spawn_leaving(
        &mut self,
        mutator: Option<Mutator>,
        play: impl FnOnce(&Mutator) -> String + Send + 'static,
    ) {
        let slab = self.slab();
        self.actors.push(spawn(move || {
            let mutator = mutator.unwrap_or_else(|| slab.mutator());
            let seen = play(&mutator);
            drop(mutator);
            SEEN.with(|all| all.borrow_mut().push(seen + &outcome::history()));
            None
        }));
    }

    /// Joins all actors, and checks that every removed value is dropped once.
    pub fn finish(mut self, live: usize) {
        for actor in self.actors.drain(..) {
            self.gone.extend(actor.join().expect("an actor"));
        }
        let mut seen = SEEN.with(std::cell::RefCell::take);
        seen.sort();
        outcome::note(format_args!("{seen:?}"));
        self.slab.audit().expect("Invariants 1, 2, 4 and 5");
        self.gone.clear();
        assert_eq!(self.slab.flush(), 0, "Invariant 11: nothing waits without a guard");
        assert_eq!(self.slab.len(), live, "live values");
        let dropped = |scene: &Self| scene.drops.load(Ordering::Relaxed);
        assert_eq!(dropped(&self), self.inserted as usize - live, "Invariant 11: dropped once");
        let stats = self.slab.stats();
        assert_eq!((stats.live, stats.waiting, stats.reserved), (live as u64, 0, 0));
        self.slab.audit().expect("Invariants 1, 2, 4 and 5");
        let (drops, inserted) = (self.drops.clone(), self.inserted as usize);
        drop(self);
        assert_eq!(drops.load(Ordering::Relaxed), inserted, "Invariant 11: dropped with the slab");
    }
}

std::thread_local! {
    /// The values that the actors of an execution have seen.
    static SEEN: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Looks at a value twice under one guard.
fn look(by: &Mutator, key: Key, stamp: u32) -> String {
    let guard = by.pin();
    let first = guard.get(key);
    if let Some(value) = first {
        assert_eq!(value.read(), stamp, "Invariant 12");
    }
    let second = guard.get(key).map(Value::read);
    if let Some(value) = first {
        assert_eq!(value.read(), stamp, "Invariants 10 and 11: the value stays");
    }
    format!("{:?} {second:?}", first.is_some())
}

#[test]
fn slab_insert_get() {
    let what = "slab: one inserts a value, another looks for it by a key that it made up";
    model("slab_insert_get", "7 10", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(false), scene.mutator(true));
        let value = scene.value();
        let key = Key::from_raw(1).expect("the first slot's first");
        scene.spawn(one, move |m| {
            assert_eq!(m.insert(value).expect("room"), key);
            String::new()
        });
        scene.spawn(two, move |m| look(m, key, 1));
        scene.finish(1);
    });
}

#[test]
fn slab_get_remove() {
    let what = "slab: one looks at a value, another removes it";
    model("slab_get_remove", "10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&remover);
        scene.spawn(reader, move |m| {
            let seen = look(m, key, 1);
            assert_ne!(seen, "false Some(1)", "Invariant 12: removed forever");
            seen
        });
        scene.spawn(remover, move |m| m.remove(key).to_string());
        scene.finish(0);
    });
}

#[test]
fn slab_first_get_remove() {
    let what = "slab: one has its first guard and looks at a value, another removes it";
    model("slab_first_get_remove", "10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(false), scene.mutator(false));
        let key = scene.insert(&remover);
        scene.spawn(reader, move |m| look(m, key, 1));
        scene.spawn(remover, move |m| m.remove(key).to_string());
        scene.finish(0);
    });
}

#[test]
fn slab_get_take() {
    let what = "slab: one looks at a value, another takes it";
    model("slab_get_take", "10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, taker) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&taker);
        scene.spawn(reader, move |m| look(m, key, 1));
        scene.spawn(taker, move |m| match m.take(key) {
            Ok(value) => value.read().to_string(),
            Err(error) => {
                assert_eq!(error, TakeError::Guarded);
                error.to_string()
            }
        });
        scene.finish(0);
    });
}

// The other checker's search does not end where a thread waits for another in a loop.
#[cfg(not(slotarena_observed))]
#[test]
fn slab_get_take_wait() {
    let what = "slab: one looks at a value, another takes it once no guard sees it";
    model("slab_get_take_wait", "10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, taker) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&taker);
        scene.spawn(reader, move |m| look(m, key, 1));
        scene.spawn(taker, move |m| m.take_wait(key).expect("live").read().to_string());
        scene.finish(0);
    });
}

#[test]
fn slab_remove_remove() {
    let what = "slab: one removes a value, another takes it";
    model("slab_remove_remove", "3 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(false), scene.mutator(false));
        let key = scene.insert(&one);
        let wins = Arc::new(AtomicU32::new(0));
        let count = wins.clone();
        scene.spawn(one, move |m| {
            // Relaxed: read after both are joined.
            count.fetch_add(u32::from(m.remove(key)), Ordering::Relaxed);
            String::new()
        });
        let count = wins.clone();
        scene.spawn(two, move |m| {
            let taken = m.take(key).map(|value| value.read());
            count.fetch_add(u32::from(taken.is_ok()), Ordering::Relaxed);
            format!("{taken:?}")
        });
        scene.finish(0);
        assert_eq!(wins.load(Ordering::Relaxed), 1, "Invariant 11: one wins");
    });
}

#[test]
fn slab_reuse() {
    let what = "slab: one removes a value and inserts another in the slot, a second looks, and \
                removes by the old key";
    model("slab_reuse", "3 10 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(false), scene.mutator(true));
        let key = scene.insert(&one);
        let next = scene.value();
        scene.spawn(one, move |m| {
            let won = m.remove(key);
            let new = m.insert(next).expect("room");
            assert_ne!(new, key, "Invariant 12");
            assert_eq!(m.pin().get(new).map(Value::read), Some(2), "Invariant 12: still there");
            format!("{won} {new:?}")
        });
        scene.spawn(two, move |m| look(m, key, 1) + &m.remove(key).to_string());
        scene.finish(1);
    });
}

#[test]
fn slab_reuse_unseen() {
    let what = "slab: one removes a value and inserts another, a second takes by the old key";
    model("slab_reuse_unseen", "3 11 12", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(false), scene.mutator(false));
        let key = scene.insert(&one);
        let next = scene.value();
        scene.spawn(one, move |m| {
            m.remove(key);
            let new = m.insert(next).expect("room");
            assert!(new != key && m.contains(new), "Invariant 12");
            format!("{new:?}")
        });
        scene.spawn(two, move |m| {
            let taken = m.take(key).map(|value| value.read());
            assert!(taken.is_ok_and(|stamp| stamp == 1) || taken.is_err(), "Invariant 12");
            format!("{taken:?}")
        });
        scene.finish(1);
    });
}

#[test]
fn slab_later_value() {
    let what = "slab: under one guard a reader looks at a value and then at one born in a later \
                era, while another removes both";
    model("slab_later_value", "10 11 12", what).bound(3).long().explore(|| {
        let mut scene = Scene::new();
        let (reader, writer) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&writer);
        let next = scene.value();
        let index = Arc::new(AtomicU32::new(0));
        let told = index.clone();
        scene.spawn(reader, move |m| {
            let guard = m.pin();
            let first = guard.get(key).map(Value::read);
            // The slot after the first, in its first generation.
            let bits = u64::from(told.load(Ordering::Acquire));
            let second = Key::from_raw(bits).and_then(|key| guard.get(key));
            if let Some(value) = second {
                assert_eq!(value.read(), 2, "Invariant 12");
                assert_eq!(value.read(), 2, "Invariants 10 and 11");
            }
            format!("{first:?} {:?}", second.is_some())
        });
        scene.spawn(writer, move |m| {
            m.remove(key);
            let new = m.insert(next).expect("room");
            if new.generation() == 0 {
                index.store(new.index(), Ordering::Release);
            }
            m.remove(new);
            format!("{new:?}")
        });
        scene.finish(0);
    });
}

#[test]
fn slab_remove_flush() {
    let what = "slab: one looks at a value and flushes, another removes it";
    model("slab_remove_flush", "8 10 11", what).bound(3).long().explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&remover);
        scene.spawn(reader, move |m| {
            let seen = look(m, key, 1);
            m.flush();
            seen
        });
        scene.spawn(remover, move |m| m.remove(key).to_string());
        scene.finish(0);
    });
}

#[test]
fn slab_second_guard() {
    let what = "slab: one looks at a value under a guard, and then has another, while a second \
                removes it and flushes twice";
    model("slab_second_guard", "10 11", what).bound(3).long().explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&remover);
        scene.spawn(reader, move |m| {
            let seen = look(m, key, 1);
            // The second guard, of a later era, does not keep the value alive. A thread that sees
            // the second guard begin also sees that the first has ended.
            let guard = m.pin();
            let gone = guard.get(key).is_none();
            drop(guard);
            format!("{seen} {gone}")
        });
        scene.spawn(remover, move |m| {
            m.remove(key);
            m.flush();
            m.flush().to_string()
        });
        scene.finish(0);
    });
}

#[test]
fn slab_guard_sweep() {
    let what = "slab: one looks at a value, another removes it and sweeps";
    model("slab_guard_sweep", "4 5 10 11", what).explore(|| {
        let mut scene = Scene::new();
        let (reader, remover) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&remover);
        let slab = scene.slab();
        scene.spawn(reader, move |m| look(m, key, 1));
        scene.spawn(remover, move |m| {
            let won = m.remove(key);
            m.flush();
            slab.sweep_values();
            won.to_string()
        });
        scene.finish(0);
    });
}
