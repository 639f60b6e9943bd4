//! The stage that every model plays on: a small table, actors, and the checks at the end.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use loom::thread::JoinHandle;
use slotarena::{Handle, Mutator, Table};

/// What a model is called, what it shows, and how far it is explored.
#[derive(Clone, Copy)]
pub struct Model {
    pub name: &'static str,
    pub invariants: &'static str,
    pub what: &'static str,
    /// At most so many preemptions in an execution; `None`: no bound.
    pub preemptions: Option<usize>,
}

impl Model {
    /// Runs `f` in every interleaving.
    pub fn explore(self, f: impl Fn() + Sync + Send + 'static) {
        static SLOW: &str = "SLOTARENA_LOOM_QUICK";
        if self.preemptions.is_some_and(|bound| bound > 2) && std::env::var_os(SLOW).is_some() {
            return;
        }
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = self.preemptions;
        builder.max_branches = 10_000;
        builder.max_duration = None;
        builder.max_permutations = None;
        builder.log = false;
        let executions = std::sync::Arc::new(AtomicU64::new(0));
        let counter = executions.clone();
        let start = Instant::now();
        builder.check(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            f();
        });
        let bound = match self.preemptions {
            None => "no bound".into(),
            Some(bound) => format!("{bound} preemptions"),
        };
        let Model { name, invariants, what, .. } = self;
        let (count, seconds) = (executions.load(Ordering::Relaxed), start.elapsed().as_secs_f64());
        println!("model: {name} | {invariants} | {what} | {bound} | {count} | {seconds:.2}");
    }
}

/// How the table of a model is made. Segments have two slots.
#[derive(Clone, Copy)]
pub struct Shape {
    pub capacity: u32,
    pub stripes: usize,
    pub magazine_size: usize,
}

/// A table with three usable slots in two segments: slot 1, and slots 2 and 3.
pub const SMALL: Shape = Shape { capacity: 3, stripes: 1, magazine_size: 1 };

/// A table and the actors that work on it.
pub struct Stage {
    // Before the table, which they borrow.
    actors: Vec<JoinHandle<Actor>>,
    held: Vec<(Handle, u64)>,
    table: Box<Table<u64>>,
    stamps: u64,
}

/// One thread of a model: a mutator, and what it holds.
pub struct Actor {
    mutator: Option<Mutator<'static, u64>>,
    table: &'static Table<u64>,
    pub held: Vec<(Handle, u64)>,
    next_stamp: u64,
}

impl Stage {
    pub fn new(shape: Shape) -> Self {
        let table = Table::builder()
            .capacity(shape.capacity)
            .stripes(shape.stripes)
            .magazine_size(shape.magazine_size)
            .segment_shift(1)
            .build()
            .expect("a small table");
        Self { actors: Vec::new(), held: Vec::new(), table: Box::new(table), stamps: 0 }
    }

    /// Allocates `count` slots before the actors start, through a mutator that ends at once.
    pub fn prepare(&mut self, count: usize) -> Vec<(Handle, u64)> {
        let mut actor = self.actor(true);
        for _ in 0..count {
            actor.allocate();
        }
        std::mem::take(&mut actor.held)
    }

    /// Frees what was prepared, so that stripes have chains.
    pub fn free(&mut self, held: Vec<(Handle, u64)>) {
        let mut actor = self.actor(true);
        actor.held = held;
        while !actor.held.is_empty() {
            actor.free();
        }
    }

    /// Says that these are held until the end by nobody in particular.
    pub fn keep(&mut self, held: Vec<(Handle, u64)>) {
        self.held.extend(held);
    }

    fn actor(&mut self, registered: bool) -> Actor {
        self.stamps += 1;
        // SAFETY: actors are joined, and dropped, before the table (`finish`), or are dropped
        // while the stage is borrowed.
        let table: &'static Table<u64> = unsafe { &*std::ptr::from_ref(&*self.table) };
        let mutator = registered.then(|| table.mutator());
        Actor { mutator, table, held: Vec::new(), next_stamp: self.stamps * 100 }
    }

    fn start(
        &mut self,
        mut actor: Actor,
        held: Vec<(Handle, u64)>,
        play: impl FnOnce(&mut Actor) + Send + 'static,
    ) {
        actor.held = held;
        self.actors.push(loom::thread::spawn(move || {
            play(&mut actor);
            actor
        }));
    }

    /// An actor with a mutator that is registered before the model starts.
    pub fn spawn(
        &mut self,
        held: Vec<(Handle, u64)>,
        play: impl FnOnce(&mut Actor) + Send + 'static,
    ) {
        let actor = self.actor(true);
        self.start(actor, held, play);
    }

    /// An actor without a mutator; it may register one, or work on the table itself.
    pub fn spawn_bare(
        &mut self,
        held: Vec<(Handle, u64)>,
        play: impl FnOnce(&mut Actor) + Send + 'static,
    ) {
        let actor = self.actor(false);
        self.start(actor, held, play);
    }

    /// Waits for all actors and checks everything.
    pub fn finish(mut self) {
        let mut actors: Vec<Actor> =
            self.actors.drain(..).map(|actor| actor.join().expect("an actor")).collect();
        for actor in &mut actors {
            self.held.append(&mut actor.held);
        }
        let audit = self.table.audit().expect("Invariants 1, 2, 4 and 5");
        assert_eq!(audit.live, self.held.len() as u64, "Invariant 4: live slots");
        drop(actors);
        self.table.audit().expect("Invariants 1, 2, 4 and 5, after the mutators have ended");
        let distinct: HashSet<Handle> = self.held.iter().map(|&(handle, _)| handle).collect();
        assert_eq!(distinct.len(), self.held.len(), "Invariant 3: one owner for a slot");
        let mut mutator = self.table.mutator();
        for (handle, stamp) in self.held.drain(..) {
            assert_eq!(self.table.get(handle), Some(stamp), "Invariants 3 and 7");
            assert_eq!(mutator.free(handle), Ok(stamp), "Invariant 3");
        }
        drop(mutator);
        let report = self.table.sweep(0);
        assert_eq!(report.segments_committed, 0, "Invariants 4 and 5: all goes back: {report:?}");
        self.table.audit().expect("Invariant 5");
    }
}

impl Actor {
    fn mutator(&mut self) -> &mut Mutator<'static, u64> {
        self.mutator.as_mut().expect("a registered actor")
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

    /// Allocates a slot if there is one.
    pub fn try_allocate(&mut self) -> bool {
        let stamp = self.stamp();
        match self.mutator().allocate(stamp) {
            Ok(handle) => self.hold(handle, stamp),
            Err(_) => return false,
        }
        true
    }

    fn hold(&mut self, handle: Handle, stamp: u64) {
        assert_eq!(self.table.get(handle), Some(stamp), "Invariant 3: nobody else writes to it");
        self.held.push((handle, stamp));
    }

    /// Frees what is held longest.
    pub fn free(&mut self) {
        let (handle, stamp) = self.held.remove(0);
        assert_eq!(self.mutator().free(handle), Ok(stamp), "Invariant 3");
    }

    /// Registers a mutator of its own.
    pub fn register(&mut self) {
        self.mutator = Some(self.table.mutator());
    }

    /// Ends the participation.
    pub fn unregister(&mut self) {
        self.mutator = None;
    }

    pub fn sweep(&mut self) {
        self.table.sweep(0);
    }

    /// Allocates through the table itself, with the thread's own record.
    pub fn allocate_by_thread(&mut self) {
        let stamp = self.stamp();
        let handle = self.table.allocate(stamp).expect("there is a free slot");
        self.hold(handle, stamp);
    }

    /// Frees through the table itself.
    pub fn free_by_thread(&mut self) {
        let (handle, stamp) = self.held.remove(0);
        assert_eq!(self.table.free(handle), Ok(stamp), "Invariant 3");
    }
}
