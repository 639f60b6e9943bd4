//! The host: the objects in the table, and what is known of its collections.
//!
//! The guest's tracer calls [`Host::visit`] with each guest object that it reaches. What the call
//! does depends on the phase: it marks the object's handle, or it lets a compaction rewrite it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use slotarena::collected::Tag;

use crate::heap::{Heap, Sweeper, Visit};
use crate::ledger::{Audited, Fault, Ledger};
use crate::objects::{Buffer, Flags, Folder, HostObject, Kind, Scratch, Socket, Timer};
use crate::text::chain;
use crate::watch::Watch;

/// The segments that one step of a sweep looks at.
const SEGMENTS_A_STEP: usize = 1;

/// The host objects from one sample of the table's size to the next.
const SAMPLE: u64 = 256;

/// What a guest object holds: a handle and a tag. Scripts see neither, unless they attack.
pub struct HostRef {
    pub host: Rc<Host>,
    /// The handle. A compaction rewrites it.
    pub handle: AtomicU32,
    pub tag: Cell<u16>,
    /// The serial number of the host object that this object was made with.
    pub serial: u64,
}

impl HostRef {
    /// Returns the kind of the tag. `None` if no host object has that tag.
    pub fn kind(&self) -> Option<Kind> {
        // The table's tags for objects that it owns have numbers from here on.
        Kind::of(self.tag.get().checked_sub(Tag::<()>::LIMIT)?)
    }
}

/// One tag for each kind of host objects.
pub struct Tags {
    buffer: Tag<Audited<Buffer>>,
    flags: Tag<Audited<Flags>>,
    file: Tag<Audited<Scratch>>,
    socket: Tag<Audited<Socket>>,
    timer: Tag<Audited<Timer>>,
}

/// A host object whose type has a tag.
pub trait Tagged: HostObject + Sized {
    fn tag(tags: &Tags) -> Tag<Audited<Self>>;
}

macro_rules! tagged {
    ($($type:ident $field:ident)*) => {$(
        impl Tagged for $type {
            fn tag(tags: &Tags) -> Tag<Audited<Self>> {
                tags.$field
            }
        }
    )*};
}
tagged!(Buffer buffer Flags flags Scratch file Socket socket Timer timer);

/// A reason why the guest waits for the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    Begin,
    Sweep,
    Step,
    Finish,
    /// The longest stop of the table in a collection, by its own report. It is part of the others.
    Stop,
    Compaction,
}

/// The table at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Point {
    /// Host objects made so far.
    pub at: u64,
    pub live: u64,
    /// Slots of the segments in use.
    pub slots: u64,
}

/// What happened during a run.
#[derive(Default)]
pub struct Log {
    pub points: Vec<Point>,
    pub pauses: Vec<(Pause, Duration)>,
    pub collections: u64,
    /// Host objects made when each collection ended.
    pub ticks: Vec<u64>,
    pub compactions: u64,
    pub marked: u64,
    pub moved: u64,
    /// Objects that sweeps dropped, by their own reports.
    pub dropped: u64,
    /// Accesses, and those among them that reached an object.
    pub accesses: u64,
    pub reached: u64,
    /// Uses by a thread of the host.
    pub uses: u64,
}

/// The host of one guest.
pub struct Host {
    /// Dropped first, with its thread.
    watch: Watch,
    heap: Heap,
    tags: Tags,
    /// Whether a collection has ended since the last question whether a compaction pays.
    swept: Cell<bool>,
    /// Whether guest objects hold what they were given. An attack ends that.
    honest: Cell<bool>,
    pub ledger: Arc<Ledger>,
    pub folder: Rc<Folder>,
    pub log: RefCell<Log>,
    pub random: RefCell<fastrand::Rng>,
    error: RefCell<Option<String>>,
}

impl Host {
    pub fn new(
        ledger: &Arc<Ledger>,
        folder: &Rc<Folder>,
        sweeper: Sweeper,
        seed: u64,
    ) -> Result<Rc<Self>, String> {
        let tags = Tags {
            buffer: Tag::owned(Kind::Buffer as u16).map_err(chain)?,
            flags: Tag::owned(Kind::Flags as u16).map_err(chain)?,
            file: Tag::owned(Kind::File as u16).map_err(chain)?,
            socket: Tag::owned(Kind::Socket as u16).map_err(chain)?,
            timer: Tag::owned(Kind::Timer as u16).map_err(chain)?,
        };
        let heap = Heap::new(sweeper)?;
        let watch = Watch::start(heap.table().clone(), tags.buffer, ledger.clone());
        Ok(Rc::new(Self {
            watch,
            heap,
            tags,
            swept: Cell::new(false),
            honest: Cell::new(true),
            ledger: ledger.clone(),
            folder: folder.clone(),
            log: RefCell::default(),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            error: RefCell::default(),
        }))
    }

    /// Puts an object into the table. The guest object that is returned holds its handle.
    pub fn make<T: Tagged>(self: &Rc<Self>, bytes: usize, body: T) -> Result<HostRef, String> {
        let tag = T::tag(&self.tags).number();
        let object = Box::new(Audited::new(&self.ledger, T::KIND as u16, bytes, body));
        let serial = object.serial();
        let handle = self.heap.allocate(T::tag(&self.tags), object)?;
        let handle = AtomicU32::new(handle.to_raw());
        Ok(HostRef { host: self.clone(), handle, tag: Cell::new(tag), serial })
    }

    /// Uses the object behind a guest object, if it has one of this type.
    pub fn access<T: Tagged, R>(&self, guest: &HostRef, f: impl FnOnce(&T) -> R) -> Option<R> {
        let result = self.reach(guest, f);
        let mut log = self.log.borrow_mut();
        log.accesses += 1;
        log.reached += u64::from(result.is_some());
        result
    }

    fn reach<T: Tagged, R>(&self, guest: &HostRef, f: impl FnOnce(&T) -> R) -> Option<R> {
        let honest = self.honest.get();
        let result =
            self.heap.with(guest.handle.load(Ordering::Relaxed), T::tag(&self.tags), |object| {
                object.check(&self.ledger, T::KIND as u16);
                if honest && object.serial() != guest.serial {
                    self.ledger.fault(Fault::Mistaken);
                }
                f(&object.body)
            });
        if honest && result.is_none() {
            self.ledger.fault(Fault::DroppedEarly);
        }
        result
    }

    /// Returns `true` if a tag that no object has leads to one. That would be a fault.
    pub fn strays(&self, guest: &HostRef) -> bool {
        self.log.borrow_mut().accesses += 1;
        let reached = self.heap.reaches(guest.handle.load(Ordering::Relaxed), guest.tag.get());
        if reached {
            self.ledger.fault(Fault::WrongKind);
        }
        reached
    }

    /// From now on, guest objects may hold any number and any tag.
    pub fn distrust(&self) {
        self.honest.set(false);
        self.watch.doubt();
    }

    /// Hands a buffer over to a thread of the host.
    pub fn watch(&self, guest: &HostRef) {
        self.watch.put(guest.handle.load(Ordering::Relaxed), guest.serial);
        // The guest may lose the object before its tracer comes.
        if self.heap.takes_visits() {
            self.note(self.heap.visit(&guest.handle));
        }
    }

    /// Calls `f`, and notes how long it took.
    fn pause<R>(&self, pause: Pause, f: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = f();
        self.log.borrow_mut().pauses.push((pause, start.elapsed()));
        result
    }

    /// Keeps the first error. The tracer cannot return one.
    fn note<T>(&self, result: Result<T, String>) -> Option<T> {
        let note = |error| {
            self.error.borrow_mut().get_or_insert(error);
        };
        result.map_err(note).ok()
    }

    /// Returns the first error of the table, if there was one.
    pub fn error(&self) -> Result<(), String> {
        self.error.borrow().clone().map_or(Ok(()), Err)
    }

    /// Begins to mark, unless that has been done. The guest's tracer calls this before it reaches
    /// the first guest object.
    pub fn start_marking(&self) {
        if self.heap.takes_visits() {
            return;
        }
        // A new collection of the guest overtook the sweep.
        self.finish_sweep();
        let begun = self.pause(Pause::Begin, || self.heap.begin());
        self.note(begun);
        for place in &*self.watch.places() {
            self.note(self.heap.visit(&place.handle));
        }
    }

    /// Marks or relocates the handle of a guest object that the tracer reached.
    pub fn visit(&self, guest: &HostRef) {
        self.start_marking();
        let visit = self.note(self.heap.visit(&guest.handle));
        let mut log = self.log.borrow_mut();
        log.marked += u64::from(visit == Some(Visit::Marked));
        log.moved += u64::from(visit == Some(Visit::Moved));
        drop(log);
        if self.honest.get() {
            self.audit(guest);
        }
    }

    /// Notes a fault unless a guest object that is in use still has its own host object.
    fn audit(&self, guest: &HostRef) {
        match guest.kind() {
            Some(Kind::Buffer) => self.reach(guest, |_: &Buffer| ()),
            Some(Kind::Flags) => self.reach(guest, |_: &Flags| ()),
            Some(Kind::File) => self.reach(guest, |_: &Scratch| ()),
            Some(Kind::Socket) => self.reach(guest, |_: &Socket| ()),
            Some(Kind::Timer) => self.reach(guest, |_: &Timer| ()),
            None => None,
        };
    }

    /// Begins to sweep, if the marking has begun. The guest's tracer has reached all that is used.
    pub fn start_sweep(&self) {
        let begun = self.pause(Pause::Sweep, || self.heap.start_sweep());
        self.note(begun);
    }

    /// Sweeps a little, if a sweep is going on.
    pub fn sweep_on(&self) {
        let mut done = self.heap.is_swept();
        if self.heap.takes_steps() {
            let more = self.pause(Pause::Step, || self.heap.step(SEGMENTS_A_STEP));
            done = self.note(more) == Some(false);
        }
        if done {
            self.finish_sweep();
        }
    }

    /// Ends a sweep, if one is going on.
    pub fn finish_sweep(&self) {
        if self.heap.is_idle() || self.heap.takes_visits() {
            return;
        }
        let report = self.pause(Pause::Finish, || self.heap.finish());
        let Some(Some(report)) = self.note(report) else { return };
        let mut log = self.log.borrow_mut();
        log.collections += 1;
        log.dropped += report.dropped;
        log.pauses.push((Pause::Stop, report.pause));
        log.ticks.push(self.ledger.numbers().made);
        drop(log);
        self.swept.set(true);
        self.sample();
    }

    /// Returns `true` if a compaction pays. The answer is given once after each collection.
    pub fn wants_compaction(&self) -> bool {
        self.swept.take() && self.heap.wants_compaction()
    }

    /// Compacts the table. `trace` makes the guest's tracer visit all guest objects.
    pub fn compact(&self, trace: impl FnOnce()) {
        self.pause(Pause::Compaction, || {
            let places = self.watch.alone();
            if self.note(self.heap.begin_compaction()).is_none() {
                return;
            }
            for place in &*places {
                self.note(self.heap.visit(&place.handle));
            }
            trace();
            self.note(self.heap.end_compaction());
            self.log.borrow_mut().compactions += 1;
        });
        self.sample();
    }

    /// Notes the size of the table, if enough objects were made since the last time.
    pub fn sample_some(&self) {
        let last = self.log.borrow().points.last().map_or(0, |point| point.at);
        if self.ledger.numbers().made >= last + SAMPLE {
            self.sample();
        }
    }

    /// Notes the size of the table.
    pub fn sample(&self) {
        let numbers = self.ledger.numbers();
        let point = Point { at: numbers.made, live: numbers.live, slots: self.heap.slots() };
        self.log.borrow_mut().points.push(point);
    }

    /// Drops the table with all objects that are left, and returns what happened.
    pub fn close(self) -> Result<Log, String> {
        self.error()?;
        self.sample();
        Ok(Log { uses: self.watch.uses(), ..self.log.take() })
    }
}

#[cfg(test)]
mod tests;
