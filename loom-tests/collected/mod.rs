//! Collected tables: a marked entry stays, a dead one is the sweeper's, and what an entry owns is
//! dropped once, whatever else happens meanwhile.
//!
//! An owned object has a cell that a look reads and a drop writes, so loom reports a drop that is
//! not ordered after every look. Each object counts its drop. Threads become participants inside
//! the model. Each scene ends with one collection more, which finds every entry white.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::collected::{
    Collected, CollectedTable, EntryError, ExternalEntry, Marking, Space, Sweeping, Tag, TagRange,
};

use crate::harness::checker::cell::UnsafeCell;
use crate::harness::checker::thread::spawn;
use crate::harness::model::Model;
use crate::harness::outcome;
use crate::harness::stage::model;
use told::Told;

mod told;
mod compact;
mod dispatch;
mod entry;
mod mark;
mod minor;
mod space;
mod sweep;

/// An object that an entry owns. It checks each look and counts its drop.
pub struct Object {
    content: UnsafeCell<u32>,
    /// Not modeled: read after all threads are joined.
    drops: Arc<AtomicUsize>,
}

/// What a dropped object is.
const DROPPED: u32 = 99;

// SAFETY: the table orders all accesses to the cell, which the models check.
unsafe impl Send for Object {}
// SAFETY: the table orders all accesses to the cell, which the models check.
unsafe impl Sync for Object {}

impl Object {
    fn read(&self) -> u32 {
        // SAFETY: no thread writes to an object while another reads it, which loom checks.
        self.content.with(|content| unsafe { *content })
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: no thread reads an object while another writes to it, which loom checks.
        let old = self.content.with_mut(|content| unsafe { content.replace(DROPPED) });
        assert_eq!(old, 1, "Invariant 16: dropped once");
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

/// The number of the program's object at a pointer.
fn number(object: NonNull<u32>) -> usize {
    let address = object.addr().get();
    let is_one = address % 16 == 0 && (1..=4).contains(&(address / 16));
    assert!(is_one, "Invariant 7: an entry names an object that was put there");
    address / 16 - 1
}

/// A pointer to an object of the program, which no test reads. It tells its number.
fn object(number: usize) -> NonNull<u32> {
    NonNull::new(core::ptr::without_provenance_mut((number + 1) * 16)).expect("not null")
}

/// The tag of the program's objects.
fn plain() -> Tag<u32> {
    Tag::new(1).expect("a tag")
}

/// The tag of owned objects.
fn owned() -> Tag<Object> {
    Tag::owned(1).expect("a tag")
}

/// A table, and spaces of it.
pub struct Scene<E: Collected = ExternalEntry> {
    table: CollectedTable<E>,
    spaces: Vec<Space<E>>,
    drops: Arc<AtomicUsize>,
    made: AtomicUsize,
}

impl Scene {
    /// A table of 3 slots in 2 segments, with one space.
    fn new() -> Self {
        Self::of(3, 1)
    }

    fn of(capacity: u32, spaces: usize) -> Self {
        let table = CollectedTable::builder().capacity(capacity).stripes(1);
        let table = table.magazine_size(1).segment_shift(1).build().expect("a small table");
        Self::over(table, spaces)
    }

    /// Makes an entry for object 1.
    fn plain(&self) -> u32 {
        self.allocate(0, 1)
    }

    fn allocate(&self, space: usize, object: usize) -> u32 {
        let space = &self.spaces[space];
        space.allocate(plain(), self::object(object)).expect("room").to_raw()
    }

    /// Makes an entry that owns an object.
    fn owned(&self) -> u32 {
        self.owned_in(0)
    }

    fn owned_in(&self, space: usize) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed);
        let drops = Arc::clone(&self.drops);
        let object = Box::new(Object { content: UnsafeCell::new(1), drops });
        let raw = self.spaces[space].allocate_owned(owned(), object).expect("room").to_raw();
        if cfg!(slotarena_observed) {
            let object = self.table.get(raw, owned()).expect("live");
            outcome::name(object.addr().get());
        }
        raw
    }

    /// The number of the object that an entry names.
    fn get(&self, raw: u32) -> Option<usize> {
        self.table.get(raw, plain()).map(number)
    }

    fn exchange(&self, raw: u32, new: usize) -> Result<usize, EntryError> {
        self.table.exchange(raw, plain(), object(new)).map(number)
    }

    fn zap(&self, raw: u32) -> Result<(), EntryError> {
        self.table.zap(raw, TagRange::ALL)
    }

    fn free(&self, raw: u32) -> Result<(), EntryError> {
        self.table.free(raw, TagRange::ALL)
    }

    /// Looks at an owned object. Returns `false` if there is none.
    fn look(&self, raw: u32) -> bool {
        let look = |object: &Object| assert_eq!(object.read(), 1, "Invariant 16: not dropped");
        self.table.with(raw, owned(), look).is_ok()
    }
}

impl<E: Collected> Scene<E> {
    fn over(table: CollectedTable<E>, spaces: usize) -> Self {
        let spaces = (0..spaces).map(|_| table.space().expect("a space")).collect();
        Self { table, spaces, drops: Default::default(), made: AtomicUsize::new(0) }
    }

    fn space(&self) -> &Space<E> {
        &self.spaces[0]
    }

    /// Begins a collection of the first space.
    fn begin(&self) -> Marking<E> {
        self.table.begin(&[self.space()]).expect("no other collection")
    }

    /// Begins a collection, marks these, and ends the marking.
    fn sweeping(&self, marked: &[u32]) -> Sweeping<E> {
        let marking = self.begin();
        for &raw in marked {
            assert!(marking.mark(raw), "Invariant 16: white before");
        }
        marking.sweep().expect("no call is under way")
    }

    /// Collects the first space.
    fn collect(&self, marked: &[u32]) {
        self.sweeping(marked).finish().expect("no call is under way");
    }

    fn drops(&self) -> usize {
        self.drops.load(Ordering::Relaxed)
    }

    /// Runs `one` on a thread of its own, and `two` on this one, which is a participant already.
    /// Returns what they return.
    fn play<A: Told + Send + 'static, B: Told>(
        self,
        one: impl FnOnce(&Self) -> A + Send + 'static,
        two: impl FnOnce(&Self) -> B,
    ) -> (Arc<Self>, A, B) {
        let scene = Arc::new(self);
        let for_one = scene.clone();
        // The beginning of the model is the same in all executions.
        drop(outcome::history());
        let tell = |told: String| told + &outcome::reads();
        let one = spawn(move || {
            let one = one(&for_one);
            let told = tell(one.told());
            (one, told)
        });
        let two = two(&scene);
        let told_by_two = tell(two.told());
        let (one, told_by_one) = one.join().expect("a thread");
        outcome::note(told_by_one);
        outcome::note(told_by_two);
        (scene, one, two)
    }

    /// Checks an idle table: these entries are there, and in all spaces together `emptied` more
    /// that have been emptied. They are white: one collection later exactly they are left, and
    /// after another one none. Then each owned object has been dropped once.
    fn end(&self, live: &[u32], emptied: u64) {
        let audit = || {
            let audit = |space: &Space<E>| space.audit().expect("idle").expect("Invariants 1 to 5");
            let live: u64 = self.spaces.iter().map(|space| audit(space).live).sum();
            live
        };
        assert_eq!(audit(), live.len() as u64 + emptied, "Invariant 4");
        let distinct: std::collections::HashSet<_> = live.iter().collect();
        assert_eq!(distinct.len(), live.len(), "Invariant 3: each slot has one owner");
        let spaces: Vec<&Space<E>> = self.spaces.iter().collect();
        let marking = self.table.begin(&spaces).expect("idle");
        for &raw in live {
            assert!(!marking.is_marked(raw) && marking.mark(raw), "Invariant 16: all are white");
            assert!(marking.is_marked(raw) && !marking.mark(raw), "Invariant 16: marked once");
        }
        let report = marking.sweep().expect("idle").finish().expect("idle");
        assert_eq!((report.live, report.freed), (live.len() as u64, emptied), "Invariant 16");
        assert_eq!(audit(), live.len() as u64, "Invariant 4");
        let report = self.table.begin(&spaces).expect("idle").sweep().expect("idle").finish();
        assert_eq!(report.expect("idle").freed, live.len() as u64, "Invariant 16");
        assert_eq!(audit(), 0, "Invariant 4");
        assert_eq!(self.drops(), self.made.load(Ordering::Relaxed), "Invariant 16: dropped once");
        // What is left, by what these checks have read.
        outcome::note(format_args!("{live:?} {emptied} {}", outcome::history()));
    }
}

fn collected(name: &'static str, what: &'static str) -> Model {
    model(name, "3 4 7 16", what).long()
}
