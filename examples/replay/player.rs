//! One thread of a replay: it does its records one by one and checks each step.

use std::time::{Duration, Instant};

use slotarena::{AllocError, Handle, HandleError, Mutator, Table};

use crate::faults::{Fault, Faults};
use crate::ledger::{Ledger, Stamps};
use crate::meeting::Meeting;
use crate::trace::Record;
use crate::watch::Watch;

/// The state that the threads of a replay share.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    pub table: &'a Table<u64>,
    pub meeting: &'a Meeting,
    pub ledger: &'a Ledger,
    pub faults: &'a Faults,
    pub watch: &'a Watch<'a>,
}

/// The two operations under test, of a mutator or of the table.
pub trait Slots {
    fn allocate(&mut self, entry: u64) -> Result<Handle, AllocError>;
    fn free(&mut self, handle: Handle) -> Result<u64, HandleError>;
}

impl Slots for &Table<u64> {
    fn allocate(&mut self, entry: u64) -> Result<Handle, AllocError> {
        Table::allocate(self, entry)
    }

    fn free(&mut self, handle: Handle) -> Result<u64, HandleError> {
        Table::free(self, handle)
    }
}

impl Slots for Mutator<'_, u64> {
    fn allocate(&mut self, entry: u64) -> Result<Handle, AllocError> {
        Mutator::allocate(self, entry)
    }

    fn free(&mut self, handle: Handle) -> Result<u64, HandleError> {
        Mutator::free(self, handle)
    }
}

/// The figures of a thread, or of several, in a round.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Stamps compared.
    pub stamps: u64,
    /// From the first record to the last.
    pub elapsed: Duration,
    /// The part of `elapsed` spent waiting for other threads' allocations.
    pub waited: Duration,
}

impl Tally {
    /// Adds the figures of another thread.
    pub fn add(&mut self, other: Tally) {
        self.stamps += other.stamps;
        self.elapsed += other.elapsed;
        self.waited += other.waited;
    }
}

/// A thread at work.
pub struct Player<'a, S> {
    shared: Shared<'a>,
    slots: S,
    stamps: Stamps,
    number: usize,
    tally: Tally,
}

/// The replay cannot go on. The reason has been reported.
pub struct Stuck;

impl<'a, S: Slots> Player<'a, S> {
    /// Creates thread `number`, before its first record.
    pub fn new(shared: Shared<'a>, slots: S, stamps: Stamps, number: usize) -> Player<'a, S> {
        Player { shared, slots, stamps, number, tally: Tally::default() }
    }

    /// Does the records, unless the replay stops.
    pub fn play(mut self, records: &[Record]) -> Tally {
        let start = Instant::now();
        let stride = self.shared.watch.stride();
        for stretch in records.chunks(stride) {
            for &record in stretch {
                let object = record.object();
                let step = if record.is_free() { self.free(object) } else { self.allocate(object) };
                if step.is_err() {
                    self.shared.meeting.stop();
                    return self.tally;
                }
            }
            self.shared.watch.advance(stretch.len() as u64);
        }
        self.tally.elapsed = start.elapsed();
        self.tally
    }

    /// Frees these objects. No other thread is at work.
    pub fn drain(mut self, objects: &[u32]) -> Tally {
        for &object in objects {
            if self.free(object).is_err() {
                break;
            }
        }
        self.tally
    }

    /// Allocates a slot for the object, and checks that it has no other owner.
    fn allocate(&mut self, object: u32) -> Result<(), Stuck> {
        let Shared { table, meeting, ledger, faults, .. } = self.shared;
        let handle = match self.slots.allocate(self.stamps.of(object)) {
            Ok(handle) => handle,
            Err(error) => {
                faults.report(Fault::Refused, || format!("no slot for object {object}: {error}"));
                return Err(Stuck);
            }
        };
        ledger.take(object, handle, faults);
        self.compare(object, handle, table.get(handle), "after its allocation");
        meeting.arrive(object, handle);
        Ok(())
    }

    /// Waits until the object has a slot, checks that the slot is unchanged, and frees it.
    fn free(&mut self, object: u32) -> Result<(), Stuck> {
        let Shared { table, meeting, ledger, faults, .. } = self.shared;
        let handle = match meeting.look(object) {
            Some(handle) => handle,
            None => self.wait(object)?,
        };
        self.compare(object, handle, table.get(handle), "before its free");
        meeting.leave(object);
        ledger.give_up(object, handle, faults);
        match self.slots.free(handle) {
            Ok(entry) => self.compare(object, handle, Some(entry), "when freed"),
            Err(error) => faults.report(Fault::Refused, || {
                format!("free of slot {} of object {object}: {error}", handle.to_raw())
            }),
        }
        Ok(())
    }

    /// Waits for an allocation, and measures the wait.
    #[cold]
    fn wait(&mut self, object: u32) -> Result<Handle, Stuck> {
        let start = Instant::now();
        let handle = self.shared.meeting.wait(object, self.number);
        self.tally.waited += start.elapsed();
        handle.ok_or(Stuck)
    }

    /// Checks that a slot holds the stamp of its object.
    fn compare(&mut self, object: u32, handle: Handle, found: Option<u64>, when: &str) {
        self.tally.stamps += 1;
        let stamp = self.stamps.of(object);
        if found != Some(stamp) {
            self.shared.faults.report(Fault::WrongStamp, || {
                let slot = handle.to_raw();
                let found = found.map_or("nothing".to_owned(), |entry| format!("{entry:#x}"));
                format!("slot {slot} of object {object} {when}: {found} and not {stamp:#x}")
            });
        }
    }
}
