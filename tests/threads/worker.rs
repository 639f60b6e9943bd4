//! A thread that runs a mix of all operations and checks each.

use fastrand::Rng;
use slotarena::{AllocError, Handle, Table};

use crate::common::Participant;
use crate::stamp::Stamp;
use crate::village::Village;

pub struct Worker<'v, E: Stamp> {
    me: u32,
    village: &'v Village<E>,
    table: &'v Table<E>,
    through: Participant<'v, E>,
    /// The slots that the worker owns, and their entries.
    pub held: Vec<(Handle, E)>,
    /// The slots that the worker owns without an entry.
    unset: Vec<Handle>,
    /// The most slots that the worker wants.
    most: usize,
    /// Whether the worker allocates more than it frees.
    rising: bool,
    count: u32,
    random: Rng,
    pub steps: u64,
}

impl<'v, E: Stamp> Worker<'v, E> {
    /// Makes a worker. `me` is not 0, and no other worker has it.
    pub fn new(
        me: u32,
        village: &'v Village<E>,
        through: Participant<'v, E>,
        most: usize,
        seed: u64,
    ) -> Self {
        let (held, unset, rising, count, steps) = (Vec::new(), Vec::new(), true, 0, 0);
        let (table, random) = (&village.table, Rng::with_seed(seed));
        Self { me, village, table, through, held, unset, most, rising, count, random, steps }
    }

    pub fn work(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
        self.steps += steps;
    }

    /// Ends the worker, and returns its participant.
    pub fn into_participant(self) -> Participant<'v, E> {
        self.through
    }

    fn fresh(&mut self) -> E {
        self.count += 1;
        E::of(self.me, self.count)
    }

    fn step(&mut self) {
        match self.random.usize(..1024) {
            0..500 => {
                if self.rising {
                    self.allocate();
                } else {
                    self.free();
                }
            }
            500..600 => self.allocate(),
            600..700 => self.free(),
            700..850 => self.set(),
            850..900 => self.read(),
            900..925 => self.allocate_uninitialized(),
            925..950 => self.settle_uninitialized(),
            950..970 => self.allocate_many(),
            970..990 => self.free_many(),
            990..1000 => self.free_stale(),
            1000..1005 => self.take_over(),
            1005..1010 => self.leave(100),
            1010..1020 => self.rising = !self.rising,
            1020..1023 => self.count_all(),
            _ => self.sweep_or_audit(),
        }
        if self.random.usize(..1024) < self.village.config.unrest {
            self.sweep_or_audit();
        }
        if self.held.len() >= self.most {
            self.rising = false;
        } else if self.held.is_empty() {
            self.rising = true;
        }
    }

    /// Records the slot of an allocation, if it succeeded.
    fn record(&mut self, result: Result<Handle, AllocError>, entry: E) {
        match result {
            Ok(handle) => {
                self.village.owners.claim(handle, self.me);
                self.held.push((handle, entry));
            }
            Err(error) => {
                assert_eq!(
                    error,
                    AllocError::CapacityExhausted { capacity: self.table.capacity() }
                );
                self.rising = false;
            }
        }
    }

    /// Takes over slots that others have left.
    pub fn take_over(&mut self) {
        self.held.append(&mut self.village.buy(self.me, 100));
    }

    /// Leaves up to `count` slots to others.
    pub fn leave(&mut self, count: usize) {
        let rest = self.held.len().saturating_sub(count);
        self.village.offer(self.me, self.held.split_off(rest));
    }

    /// Checks the entry found in a slot.
    fn expect(&self, handle: Handle, entry: E, found: Option<E>) {
        if found != Some(entry) {
            let (slot, me) = (handle.to_raw(), self.me);
            let by = found.map_or("no thread".to_owned(), |found| found.thread().to_string());
            let stamp = self.village.owners.owner(handle);
            panic!(
                "slot {slot} of {me} holds {found:x?} of {by} and not {entry:x?}; {stamp} has it"
            );
        }
    }

    fn any_held(&mut self) -> Option<usize> {
        (!self.held.is_empty()).then(|| self.random.usize(..self.held.len()))
    }

    fn allocate(&mut self) {
        let entry = self.fresh();
        let result = self.through.allocate(entry);
        self.record(result, entry);
    }

    fn allocate_many(&mut self) {
        let entries: Vec<E> = (0..self.random.usize(..200)).map(|_| self.fresh()).collect();
        let mut handles = Vec::new();
        match self.through.allocate_many(&entries, &mut handles) {
            Ok(()) => {
                assert_eq!(handles.len(), entries.len());
                for (handle, entry) in handles.into_iter().zip(entries) {
                    self.record(Ok(handle), entry);
                }
            }
            Err(_) => assert_eq!(handles, []),
        }
    }

    fn free(&mut self) {
        let Some(place) = self.any_held() else { return };
        let (handle, entry) = self.held.swap_remove(place);
        self.expect(handle, entry, self.table.get(handle));
        self.village.owners.give_up(handle, self.me);
        let found = match self.random.usize(..4) {
            // SAFETY: live, and owned by this worker. Others do not change slots that they do not
            // own.
            0 => Some(unsafe { self.through.free_own(handle) }),
            _ => self.through.free(handle).ok(),
        };
        self.expect(handle, entry, found);
    }

    fn free_many(&mut self) {
        let count = self.random.usize(..300).min(self.held.len());
        self.free_last(count);
    }

    pub fn free_all(&mut self) {
        self.free_last(self.held.len());
    }

    fn free_last(&mut self, count: usize) {
        let gone = self.held.split_off(self.held.len() - count);
        let handles: Vec<Handle> = gone.iter().map(|&(handle, _)| handle).collect();
        for &(handle, entry) in &gone {
            self.expect(handle, entry, self.table.get(handle));
            self.village.owners.give_up(handle, self.me);
        }
        assert_eq!(self.through.free_many(&handles), Ok(()));
    }

    fn set(&mut self) {
        let Some(place) = self.any_held() else { return };
        let entry = self.fresh();
        let (handle, before) = self.held[place];
        let found = self.through.set(handle, entry);
        self.expect(handle, before, found.ok().flatten());
        self.held[place].1 = entry;
        self.expect(handle, entry, self.table.get(handle));
    }

    /// Checks that a read by any number gives nothing or a stored entry.
    fn read(&mut self) {
        let raw = match self.random.usize(..2) {
            0 => self.random.u64(..) as u32,
            _ => self.random.usize(..self.table.capacity() as usize + 2) as u32,
        };
        if let Some(entry) = self.table.get_raw(raw) {
            assert!(entry.is_sound(), "{entry:?} in {raw}");
        }
    }

    fn allocate_uninitialized(&mut self) {
        if let Ok(handle) = self.through.allocate_uninitialized() {
            self.village.owners.claim(handle, self.me);
            self.unset.push(handle);
        }
    }

    /// Stores an entry in an uninitialized slot, or frees the slot.
    fn settle_uninitialized(&mut self) {
        let Some(handle) = self.unset.pop() else { return };
        assert_eq!(self.table.get(handle), None, "{handle:?} has no entry");
        if self.random.bool() {
            let entry = self.fresh();
            assert_eq!(self.through.set(handle, entry), Ok(None), "{handle:?} has no entry");
            self.held.push((handle, entry));
        } else {
            assert!(self.through.free(handle).is_err(), "{handle:?} has no entry");
            self.village.owners.give_up(handle, self.me);
            assert_eq!(self.through.free_uninitialized(handle), Ok(()), "{handle:?} has no entry");
        }
    }

    pub fn settle_all(&mut self) {
        while !self.unset.is_empty() {
            self.settle_uninitialized();
        }
    }

    /// Checks that a handle beyond the capacity is refused.
    fn free_stale(&mut self) {
        let beyond = self.table.capacity().saturating_add(1 + self.random.usize(..9000) as u32);
        if let Some(handle) = Handle::from_raw(beyond).filter(|_| beyond > self.table.capacity()) {
            assert!(self.through.free(handle).is_err());
            assert!(self.through.free_uninitialized(handle).is_err());
        }
    }

    fn count_all(&mut self) {
        let stats = self.table.stats();
        assert_eq!(
            stats.live + stats.uninitialized + stats.free,
            stats.slots_committed,
            "{stats:?}"
        );
        assert!(stats.live >= self.held.len() as u64, "{stats:?}");
        assert!(stats.slots_committed <= u64::from(stats.capacity), "{stats:?}");
    }

    fn sweep_or_audit(&mut self) {
        if self.random.usize(..8) == 0 {
            let audit = self.table.audit().expect("a sound table");
            assert!(audit.live >= self.held.len() as u64, "{audit:?}");
        } else {
            let report = self.table.sweep(self.random.u64(..2000));
            assert!(!report.swept || report.live >= self.held.len() as u64, "{report:?}");
        }
    }
}
