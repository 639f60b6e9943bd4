//! The stage of every model: a small table, actors, and the checks at the end.

use std::collections::HashSet;
use std::fmt::Debug;

use slotarena::{Handle, Mutator, SetError, Table};

use crate::harness::checker::cell::UnsafeCell;
use crate::harness::checker::sync::Arc;
use crate::harness::checker::thread::{JoinHandle, spawn};
pub use crate::harness::model::{Model, model};
use crate::harness::outcome;

/// The options of a model's table.
#[derive(Clone, Copy)]
pub struct Shape {
    pub capacity: u32,
    pub stripes: usize,
    pub magazine_size: usize,
    pub overflow: usize,
    /// The binary logarithm of the slots in a segment.
    pub segment_shift: u32,
    /// Whether each slot is a page that is released by itself.
    pub pages: bool,
    /// Whether ranges are biased.
    pub bias: Option<Biased>,
}

/// How the ranges of a model are biased: slot 1, slots 2 and 3, and so on.
#[derive(Clone, Copy, Default)]
pub struct Biased {
    /// The bias of so many ranges is revoked one by one in an epoch, then that of all.
    pub revocations: u32,
    /// The first so many sequences are interrupted.
    pub interruptions: u32,
}

/// A table with three usable slots in two segments: slot 1, and slots 2 and 3.
pub const SMALL: Shape = Shape {
    capacity: 3,
    stripes: 1,
    magazine_size: 1,
    overflow: 0,
    segment_shift: 1,
    pages: false,
    bias: None,
};

/// Six usable slots in four segments.
pub const LARGER: Shape = Shape { capacity: 6, ..SMALL };

/// A cell that is written before an entry is stored, and read by a thread that gets the entry.
pub struct Payload(UnsafeCell<u32>);

// SAFETY: the table orders all accesses, which the models check.
unsafe impl Sync for Payload {}
// SAFETY: the table orders all accesses, which the models check.
unsafe impl Send for Payload {}

impl Payload {
    pub fn new() -> Arc<Self> {
        Arc::new(Payload(UnsafeCell::new(0)))
    }

    pub fn write(&self) {
        // SAFETY: no other thread accesses the cell, which loom checks.
        self.0.with_mut(|cell| unsafe { *cell = 1 });
    }

    pub fn read(&self) -> u32 {
        // SAFETY: no other thread writes to the cell, which loom checks.
        self.0.with(|cell| unsafe { *cell })
    }
}

/// Slots that an actor or the stage holds, with their entries.
pub type Held = Vec<(Handle, u64)>;

/// A table and the actors that use it.
pub struct Stage {
    // Declared before the table, which they borrow.
    actors: Vec<JoinHandle<Actor>>,
    gone: Vec<Actor>,
    held: Held,
    table: Box<Table<u64>>,
    stamps: u64,
}

/// A thread of a model: its mutator, and the slots that it holds.
pub struct Actor {
    mutator: Option<Mutator<'static, u64>>,
    table: &'static Table<u64>,
    pub held: Held,
    next_stamp: u64,
    /// The values that it has seen, for the outcome.
    seen: String,
}

impl Stage {
    pub fn new(shape: Shape) -> Self {
        let builder = Table::builder();
        let builder = if shape.pages { builder.page_shift(0) } else { builder };
        let builder = match shape.bias {
            Some(bias) => builder.biased(bias.revocations, bias.interruptions),
            None => builder,
        };
        let table = builder
            .capacity(shape.capacity)
            .stripes(shape.stripes)
            .magazine_size(shape.magazine_size)
            .overflow(shape.overflow)
            .segment_shift(shape.segment_shift)
            .build()
            .expect("a small table");
        Self {
            actors: Vec::new(),
            gone: Vec::new(),
            held: Vec::new(),
            table: Box::new(table),
            stamps: 0,
        }
    }

    /// Allocates `count` slots before the actors start, through a mutator that then ends.
    pub fn prepare(&mut self, count: usize) -> Held {
        let mut actor = self.actor(true);
        for _ in 0..count {
            actor.allocate();
        }
        std::mem::take(&mut actor.held)
    }

    /// Frees prepared slots, so that stripes have chains.
    pub fn free(&mut self, held: Held) {
        drop(self.freed(held));
    }

    /// Makes an actor with a mutator that has freed the slots of `held`. Their ranges are biased
    /// toward it, where there is a bias.
    pub fn freed(&mut self, held: Held) -> Actor {
        let mut actor = self.actor(true);
        actor.held = held;
        while !actor.held.is_empty() {
            actor.free();
        }
        actor
    }

    /// Makes an actor with a mutator that has freed the slots of `held`.
    ///
    /// Two slots are in its local store, one is in a stripe, and the rest is in its overflow.
    pub fn overflowing(&mut self, held: Held) -> Actor {
        let mut actor = self.actor(true);
        actor.held = held;
        // One allocation, so that the demand of the mutator oscillates.
        actor.allocate();
        while !actor.held.is_empty() {
            actor.free();
        }
        actor
    }

    /// Holds slots until the end, without an actor.
    pub fn hold(&mut self, held: Held) {
        self.held.extend(held);
    }

    /// Makes an actor with a mutator.
    pub fn registered(&mut self) -> Actor {
        self.actor(true)
    }

    fn actor(&mut self, registered: bool) -> Actor {
        self.stamps += 1;
        // SAFETY: actors are joined and dropped before the table (`finish`), or are dropped while
        // the stage is borrowed.
        let table: &'static Table<u64> = unsafe { &*std::ptr::from_ref(&*self.table) };
        let mutator = registered.then(|| table.mutator());
        Actor {
            mutator,
            table,
            held: Vec::new(),
            next_stamp: self.stamps * 100,
            seen: String::new(),
        }
    }

    /// Starts an actor.
    pub fn start(
        &mut self,
        mut actor: Actor,
        held: Held,
        play: impl FnOnce(&mut Actor) + Send + 'static,
    ) {
        actor.held = held;
        self.actors.push(spawn(move || {
            play(&mut actor);
            actor.seen += &outcome::history();
            actor
        }));
    }

    /// Spawns an actor with a mutator that is registered before the model starts.
    pub fn spawn(&mut self, held: Held, play: impl FnOnce(&mut Actor) + Send + 'static) {
        let actor = self.actor(true);
        self.start(actor, held, play);
    }

    /// Spawns an actor without a mutator. It may register one, or use the table itself.
    pub fn spawn_bare(&mut self, held: Held, play: impl FnOnce(&mut Actor) + Send + 'static) {
        let actor = self.actor(false);
        self.start(actor, held, play);
    }

    /// Joins all actors. The stage then holds their slots, and their mutators stay registered.
    pub fn join(&mut self) {
        for actor in self.actors.drain(..) {
            let mut actor = actor.join().expect("an actor");
            outcome::note(format_args!("{}holds {:?}", actor.seen, actor.held));
            self.held.append(&mut actor.held);
            self.gone.push(actor);
        }
    }

    /// Returns how many slots are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    pub fn table(&self) -> &Table<u64> {
        &self.table
    }

    /// Frees the live slots that no actor and no stage holds.
    pub fn forget_unknown(&mut self) {
        let mut unknown = Vec::new();
        self.table.for_each_live(|handle, _| {
            if !self.held.iter().any(|&(held, _)| held == handle) {
                unknown.push(handle);
            }
        });
        let mutator = self.table.mutator();
        mutator.free_many(&unknown).expect("they are live");
    }

    /// Allocates all free slots, for the outcome: their order shows the links of the chains.
    fn drain(&mut self) {
        let mut actor = self.actor(true);
        while actor.try_allocate() {}
        outcome::note(actor.seen);
        self.held.append(&mut actor.held);
    }

    /// Joins all actors and checks everything.
    pub fn finish(mut self) {
        self.join();
        outcome::note(format_args!("{:?}", self.table.stats()));
        let audit = self.table.audit().expect("Invariants 1, 2, 4 and 5");
        assert_eq!(audit.live, self.held.len() as u64, "Invariant 4: live slots");
        self.gone.clear();
        self.table.audit().expect("Invariants 1, 2, 4 and 5, after the mutators have ended");
        if outcome::folder().is_some() {
            self.drain();
        }
        let distinct: HashSet<Handle> = self.held.iter().map(|&(handle, _)| handle).collect();
        assert_eq!(distinct.len(), self.held.len(), "Invariant 3: one owner for a slot");
        let mutator = self.table.mutator();
        for (handle, stamp) in self.held.drain(..) {
            assert_eq!(self.table.get(handle), Some(stamp), "Invariants 3 and 7");
            assert_eq!(mutator.free(handle), Ok(stamp), "Invariant 3");
        }
        drop(mutator);
        let report = self.table.sweep(0);
        assert_eq!(report.segments_committed, 0, "Invariants 4 and 5: all is released: {report:?}");
        self.table.audit().expect("Invariant 5");
    }
}

impl Actor {
    pub fn mutator(&mut self) -> &mut Mutator<'static, u64> {
        self.mutator.as_mut().expect("a registered actor")
    }

    /// Records a value that the actor has seen, and returns it.
    pub fn saw<T: Debug>(&mut self, what: T) -> T {
        self.seen += &format!("{what:?} ");
        what
    }

    fn stamp(&mut self) -> u64 {
        self.next_stamp += 1;
        self.next_stamp
    }

    /// Allocates a slot, which must succeed.
    pub fn allocate(&mut self) {
        let stamp = self.stamp();
        let handle = self.mutator().allocate(stamp).expect("there is a free slot");
        self.hold(handle, stamp);
    }

    /// Allocates a slot if one is free, and returns `true` if so.
    pub fn try_allocate(&mut self) -> bool {
        let stamp = self.stamp();
        match self.mutator().allocate(stamp) {
            Ok(handle) => self.hold(handle, stamp),
            Err(_) => return self.saw(false),
        }
        true
    }

    fn hold(&mut self, handle: Handle, stamp: u64) {
        assert_eq!(
            self.table.get(handle),
            Some(stamp),
            "Invariant 3: no other thread writes to it"
        );
        self.saw(handle);
        self.held.push((handle, stamp));
    }

    /// Frees the slot held longest.
    pub fn free(&mut self) {
        let (handle, stamp) = self.held.remove(0);
        assert_eq!(self.mutator().free(handle), Ok(stamp), "Invariant 3");
    }

    /// Frees the slot held longest as its only owner, without a compare-and-swap.
    pub fn free_own(&mut self) {
        let (handle, stamp) = self.held.remove(0);
        // SAFETY: live, and no other thread frees it or sets it.
        let entry = unsafe { self.mutator().free_unchecked(handle) };
        assert_eq!(entry, stamp, "Invariant 3");
    }

    /// Registers a mutator of its own.
    pub fn register(&mut self) {
        self.mutator = Some(self.table.mutator());
    }

    /// Drops the mutator.
    pub fn unregister(&mut self) {
        self.mutator = None;
    }

    pub fn sweep(&mut self) {
        let report = self.table.sweep(0);
        self.saw((report.segments_released, report.segments_committed, report.live, report.free));
    }

    /// Returns the table itself, for operations without a mutator.
    pub fn table(&self) -> &'static Table<u64> {
        self.table
    }

    /// Tries to free a slot that others may free too. Returns `true` if this actor freed it.
    pub fn free_shared(&mut self, (handle, stamp): (Handle, u64)) -> bool {
        let result = self.mutator().free(handle);
        assert!(result == Ok(stamp) || result.is_err(), "Invariant 3: {result:?}");
        self.saw(result).is_ok()
    }

    /// Allocates a slot for an entry, and does not hold it.
    pub fn allocate_known(&mut self, entry: u64) -> Handle {
        let handle = self.mutator().allocate(entry).expect("there is a free slot");
        self.saw(handle)
    }

    /// Frees a slot that another thread allocated. Returns `true` if it succeeded.
    pub fn free_known(&mut self, handle: Handle) -> bool {
        let result = self.mutator().free(handle);
        self.saw(result).is_ok()
    }

    /// Sets the entry of a slot that another thread allocated.
    pub fn set_known(&mut self, handle: Handle, entry: u64) -> Result<Option<u64>, SetError> {
        let result = self.mutator().set(handle, entry);
        self.saw(result)
    }

    /// Sets a new stamp in the slot held longest.
    pub fn set(&mut self) {
        let stamp = self.stamp();
        let (handle, old) = self.held[0];
        assert_eq!(self.mutator().set(handle, stamp), Ok(Some(old)), "Invariant 7");
        self.held[0].1 = stamp;
    }

    /// Allocates a slot without an entry, and then sets one.
    pub fn allocate_then_set(&mut self) {
        let handle = self.mutator().allocate_uninitialized().expect("there is a free slot");
        assert_eq!(self.table.get(handle), None, "no entry yet");
        let stamp = self.stamp();
        assert_eq!(self.mutator().set(handle, stamp), Ok(None));
        self.hold(handle, stamp);
    }

    /// Allocates several slots in one call: all, or none.
    pub fn allocate_many(&mut self, count: usize) {
        let stamps: Vec<u64> = (0..count).map(|_| self.stamp()).collect();
        let mut out = Vec::new();
        if self.mutator().allocate_many(&stamps, &mut out).is_err() {
            assert!(self.saw(out.is_empty()), "all or none");
        }
        for (handle, stamp) in out.into_iter().zip(stamps) {
            self.hold(handle, stamp);
        }
    }

    /// Frees all held slots in one call.
    pub fn free_many(&mut self) {
        let handles: Vec<Handle> = self.held.drain(..).map(|(handle, _)| handle).collect();
        assert_eq!(self.mutator().free_many(&handles), Ok(()), "Invariant 3");
    }

    /// Allocates through the table itself, as a thread.
    pub fn allocate_by_thread(&mut self) {
        let stamp = self.stamp();
        let handle = self.table.allocate(stamp).expect("there is a free slot");
        self.hold(handle, stamp);
    }

    /// Frees through the table itself, as a thread.
    pub fn free_by_thread(&mut self) {
        let (handle, stamp) = self.held.remove(0);
        assert_eq!(self.table.free(handle), Ok(stamp), "Invariant 3");
    }
}
