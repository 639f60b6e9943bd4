//! Counted references: the last one drops a removed value, whatever else happens meanwhile.
//!
//! A value has a cell that a look reads and a drop writes, so loom reports a drop that is not
//! ordered after every look. Each value counts its drop. Threads become participants inside the
//! model. What is shared has an `Arc` of loom's in it, so loom reports a slab that is never freed.

use std::fmt::Debug;

use slotarena::counted::{Entry, OwnedEntry};
use slotarena::slab::{Clear, TakeError};
use slotarena::{CountedPool, CountedSlab, Key};

use crate::harness::checker::cell::UnsafeCell;
use crate::harness::checker::sync::Arc;
use crate::harness::checker::thread::{JoinHandle, spawn};
use crate::harness::model::Model;
use crate::harness::outcome;
use crate::harness::stage::model;

/// A value that checks each look and counts its drop. Cleared, it is 0.
struct Value {
    content: UnsafeCell<u32>,
    /// Not modeled: read after all actors are joined.
    drops: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

/// What a dropped value is.
const DROPPED: u32 = 99;

// SAFETY: the slab orders all accesses to the cell, which the models check.
unsafe impl Send for Value {}
// SAFETY: the slab orders all accesses to the cell, which the models check.
unsafe impl Sync for Value {}

impl Value {
    fn read(&self) -> u32 {
        // SAFETY: no thread writes to a value while another reads it, which loom checks.
        self.content.with(|content| unsafe { *content })
    }

    fn write(&mut self, new: u32) -> u32 {
        // SAFETY: no thread reads a value while another writes to it, which loom checks.
        self.content.with_mut(|content| unsafe { content.replace(new) })
    }
}

impl Default for Value {
    fn default() -> Self {
        Self { content: UnsafeCell::new(0), drops: std::sync::Arc::default() }
    }
}

impl Clear for Value {
    fn clear(&mut self) {
        assert_eq!(self.write(0), 1, "Invariant 15: cleared once");
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_ne!(self.write(DROPPED), DROPPED, "Invariant 11: dropped once");
        self.drops.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Starts a thread, whose result and whose reads are a part of the outcome.
fn start<R: Debug>(play: impl FnOnce() -> R + Send + 'static) -> JoinHandle<String> {
    spawn(move || {
        let result = play();
        format!("{result:?} {}", outcome::history())
    })
}

/// Joins all threads, and notes what they did.
fn join(threads: Vec<JoinHandle<String>>) {
    for thread in threads {
        outcome::note(thread.join().expect("a thread"));
    }
}

/// A slab with one value, which is 1.
struct Scene {
    slab: CountedSlab<Value>,
    key: Key,
    drops: std::sync::Arc<std::sync::atomic::AtomicUsize>,
}

impl Scene {
    fn new() -> Self {
        let slab = CountedSlab::builder().capacity(3).stripes(1).magazine_size(1).segment_shift(1);
        let slab = slab.build().expect("a small slab");
        let drops = std::sync::Arc::default();
        let value = Value { content: UnsafeCell::new(1), drops: std::sync::Arc::clone(&drops) };
        let key = slab.insert(value).expect("room");
        Self { slab, key, drops }
    }

    fn owned(&self) -> OwnedEntry<Value> {
        self.slab.get_owned(self.key).expect("live")
    }

    fn drops(&self) -> usize {
        self.drops.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Runs two threads on a slab that they share, and checks that the value has been dropped.
    fn play<A: Debug, B: Debug>(
        self,
        one: impl FnOnce(&CountedSlab<Value>, Key) -> A + Send + 'static,
        two: impl FnOnce(&CountedSlab<Value>, Key) -> B + Send + 'static,
    ) {
        let key = self.key;
        let slab = Arc::new(self.slab);
        let (for_one, for_two) = (slab.clone(), slab.clone());
        outcome::history();
        join(vec![start(move || one(&for_one, key)), start(move || two(&for_two, key))]);
        let drops = self.drops.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(drops, 1, "Invariants 11 and 15: dropped with the last reference");
        assert!(slab.get(key).is_none(), "Invariant 12");
        assert_eq!(slab.len(), 0, "Invariant 4");
        slab.audit().expect("Invariants 1, 2, 4 and 5");
        // What is left, by what these checks have read.
        outcome::note(outcome::history());
    }
}

/// Drops a reference that is looked at before.
fn end(entry: OwnedEntry<Value>) {
    assert_eq!(entry.read(), 1, "Invariant 15: a referenced value stays");
    drop(entry);
}

/// Looks at a value that another thread may remove.
fn look(slab: &CountedSlab<Value>, key: Key) -> Option<()> {
    let entry = slab.get(key)?;
    assert_eq!(entry.read(), 1, "Invariant 15: a referenced value stays");
    Some(())
}

/// A model that is explored to the end.
fn unbounded(name: &'static str, what: &'static str) -> Model {
    model(name, "4 11 12 15", what).long()
}

fn counted(name: &'static str, what: &'static str) -> Model {
    model(name, "4 11 12 15", what).bound(3).long()
}

#[test]
fn counted_drop_remove() {
    let what = "counted: one drops the last reference, another removes the value";
    counted("counted_drop_remove", what).explore(|| {
        let scene = Scene::new();
        let entry = scene.owned();
        scene.play(|_, _| end(entry), |slab, key| assert!(slab.remove(key)));
    });
}

#[test]
fn counted_drop_get() {
    let what = "counted: one drops a reference and removes the value, another looks";
    counted("counted_drop_get", what).explore(|| {
        let scene = Scene::new();
        let entry = scene.owned();
        let remove = |slab: &CountedSlab<Value>, key| {
            assert!(slab.remove(key));
            end(entry);
        };
        scene.play(remove, look);
    });
}

#[test]
fn counted_drop_sweep() {
    let what = "counted: one drops the last reference to a removed value, another sweeps";
    counted("counted_drop_sweep", what).explore(|| {
        let scene = Scene::new();
        let entry = scene.owned();
        assert!(scene.slab.remove(scene.key));
        assert_eq!(scene.drops(), 0, "Invariant 15");
        scene.play(|_, _| end(entry), |slab, _| slab.shrink_to_fit());
    });
}

#[test]
fn counted_drop_drop() {
    let what = "counted: two threads drop the last two references to a removed value";
    unbounded("counted_drop_drop", what).explore(|| {
        let scene = Scene::new();
        let (one, two) = (scene.owned(), scene.owned());
        assert!(scene.slab.remove(scene.key));
        scene.play(|_, _| end(one), |_, _| end(two));
    });
}

#[test]
fn counted_remove_remove() {
    let what = "counted: one removes a value, another takes it";
    counted("counted_remove_remove", what).explore(|| {
        let remove = |slab: &CountedSlab<Value>, key| slab.remove(key);
        let take = |slab: &CountedSlab<Value>, key| {
            let taken = slab.take(key).map(|value| value.read());
            assert!(matches!(taken, Ok(1) | Err(TakeError::Absent)), "{taken:?}");
            taken
        };
        Scene::new().play(remove, take);
    });
}

#[test]
fn counted_get_take_wait() {
    let what = "counted: one looks at a value, another takes it once nothing references it";
    counted("counted_get_take_wait", what).explore(|| {
        let take = |slab: &CountedSlab<Value>, key| {
            assert_eq!(slab.take_wait(key).expect("live").read(), 1);
        };
        Scene::new().play(look, take);
    });
}

#[test]
fn counted_reuse() {
    let what = "counted: one removes a value and inserts another in the slot, a second looks";
    counted("counted_reuse", what).explore(|| {
        let reuse = |slab: &CountedSlab<Value>, key| {
            assert!(slab.remove(key));
            let value = Value { content: UnsafeCell::new(2), drops: Default::default() };
            let new = slab.insert(value).expect("room");
            assert_ne!(new, key, "Invariant 12");
            assert_eq!(slab.get(new).expect("live").read(), 2, "Invariant 12");
            assert!(slab.remove(new));
        };
        Scene::new().play(reuse, look);
    });
}

/// Drops the slab, while another thread drops an owned reference.
fn outlive(scene: Scene, entries: Vec<OwnedEntry<Value>>) {
    let (drops, slab) = (scene.drops, scene.slab);
    let mut threads = vec![start(move || drop(slab))];
    threads.extend(entries.into_iter().map(|entry| start(move || end(entry))));
    join(threads);
    let drops = drops.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(drops, 1, "Invariants 11 and 15: dropped with the last reference, or the slab");
}

#[test]
fn counted_outlive() {
    let what = "counted: one drops the slab, another an owned reference";
    unbounded("counted_outlive", what).explore(|| {
        let scene = Scene::new();
        let entry = scene.owned();
        outlive(scene, vec![entry]);
    });
}

#[test]
fn counted_outlive_removed() {
    let what = "counted: one drops the slab, another the last reference to a removed value";
    unbounded("counted_outlive_removed", what).explore(|| {
        let scene = Scene::new();
        let entry = scene.owned();
        assert!(scene.slab.remove(scene.key));
        outlive(scene, vec![entry]);
    });
}

#[test]
fn counted_outlive_two() {
    let what = "counted: one drops the slab, two others references to one removed value";
    counted("counted_outlive_two", what).bound(2).explore(|| {
        let scene = Scene::new();
        let entries = vec![scene.owned(), scene.owned()];
        assert!(scene.slab.remove(scene.key));
        outlive(scene, entries);
    });
}

fn pool() -> CountedPool<Value> {
    let pool = CountedPool::builder().capacity(3).stripes(1).magazine_size(1).segment_shift(1);
    pool.build().expect("a small pool")
}

fn create(pool: &CountedPool<Value>) -> Key {
    let fill = |value: &mut Value| assert_eq!(value.write(1), 0, "Invariant 15: cleared");
    pool.create_with(fill).expect("room")
}

/// Runs two threads on a pool with one value.
fn play_pool<A: Debug, B: Debug>(
    one: impl FnOnce(&CountedPool<Value>, Key) -> A + Send + 'static,
    two: impl FnOnce(&CountedPool<Value>, Key) -> B + Send + 'static,
) {
    let pool = Arc::new(pool());
    let key = create(&pool);
    let (for_one, for_two) = (pool.clone(), pool.clone());
    outcome::history();
    join(vec![start(move || one(&for_one, key)), start(move || two(&for_two, key))]);
    assert!(!pool.contains(key), "Invariant 12");
    assert_eq!(pool.len(), 0, "Invariant 4");
    pool.audit().expect("Invariants 1, 2, 4 and 5");
    // What is left, by what these checks have read.
    outcome::note(outcome::history());
}

#[test]
fn counted_clear_create() {
    let what = "counted: one clears a value, another looks, and makes one";
    counted("counted_clear_create", what).explore(|| {
        let clear = |pool: &CountedPool<Value>, key| assert!(pool.clear(key));
        let make = |pool: &CountedPool<Value>, key| {
            let look = |entry: Entry<'_, Value>| {
                assert_eq!(entry.read(), 1, "Invariant 15: a referenced value is not cleared");
            };
            let found = pool.get(key).map(look);
            let new = create(pool);
            assert!(pool.clear(new));
            found
        };
        play_pool(clear, make);
    });
}

#[test]
fn counted_clear_shrink() {
    let what = "counted: one clears a value, another gives the pool's memory back";
    counted("counted_clear_shrink", what).bound(2).explore(|| {
        let clear = |pool: &CountedPool<Value>, key| assert!(pool.clear(key));
        play_pool(clear, |pool, _| pool.shrink_to_fit());
    });
}

#[test]
fn counted_outlive_making() {
    let what = "counted: one drops the pool, another ends the making of a value";
    unbounded("counted_outlive_making", what).explore(|| {
        let pool = pool();
        let mut making = pool.create_owned().expect("room");
        let make = move || {
            assert_eq!(making.write(1), 0);
            let entry = making.downgrade();
            assert_eq!(entry.read(), 1, "Invariant 15: a referenced value stays");
        };
        join(vec![start(move || drop(pool)), start(make)]);
    });
}
