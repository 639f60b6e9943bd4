//! A thread that does a bit of everything, and checks all of it.

use slotarena::{AllocError, Handle, Table};

use crate::common::{Participant, Random};
use crate::stamp::Stamp;
use crate::village::Village;

pub struct Worker<'v, E: Stamp> {
    me: u32,
    village: &'v Village<E>,
    table: &'v Table<E>,
    through: Participant<'v, E>,
    /// What it has, and what is stored there.
    pub held: Vec<(Handle, E)>,
    /// What it has without an entry.
    unset: Vec<Handle>,
    /// How many it wants to have at most.
    most: usize,
    /// Does it rather allocate, or rather free?
    rising: bool,
    count: u32,
    random: Random,
    pub steps: u64,
}

impl<'v, E: Stamp> Worker<'v, E> {
    /// `me` is not 0, and nobody else's.
    pub fn new(
        me: u32,
        village: &'v Village<E>,
        through: Participant<'v, E>,
        most: usize,
        seed: u64,
    ) -> Self {
        let (held, unset, rising, count, steps) = (Vec::new(), Vec::new(), true, 0, 0);
        let (table, random) = (&village.table, Random::new(seed));
        Self { me, village, table, through, held, unset, most, rising, count, random, steps }
    }

    pub fn work(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
        self.steps += steps;
    }

    /// How the worker ends.
    pub fn into_participant(self) -> Participant<'v, E> {
        self.through
    }

    fn fresh(&mut self) -> E {
        self.count += 1;
        E::of(self.me, self.count)
    }

    fn step(&mut self) {
        match self.random.below(1024) {
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
        if self.random.below(1024) < self.village.plan.unrest {
            self.sweep_or_audit();
        }
        if self.held.len() >= self.most {
            self.rising = false;
        } else if self.held.is_empty() {
            self.rising = true;
        }
    }

    /// Takes note of a new slot, if there was one.
    fn keep(&mut self, result: Result<Handle, AllocError>, entry: E) {
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

    /// Takes over what others have left.
    pub fn take_over(&mut self) {
        self.held.append(&mut self.village.buy(self.me, 100));
    }

    /// Leaves to others as much of what it has.
    pub fn leave(&mut self, count: usize) {
        let rest = self.held.len().saturating_sub(count);
        self.village.offer(self.me, self.held.split_off(rest));
    }

    /// The slot must hold this.
    fn expect(&self, handle: Handle, entry: E, found: Option<E>) {
        if found != Some(entry) {
            let (slot, me) = (handle.to_raw(), self.me);
            let by = found.map_or("nobody".to_owned(), |found| found.thread().to_string());
            let stamp = self.village.owners.owner(handle);
            panic!(
                "slot {slot} of {me} holds {found:x?} of {by} and not {entry:x?}; {stamp} has it"
            );
        }
    }

    fn any_held(&mut self) -> Option<usize> {
        (!self.held.is_empty()).then(|| self.random.below(self.held.len()))
    }

    fn allocate(&mut self) {
        let entry = self.fresh();
        let result = self.through.allocate(entry);
        self.keep(result, entry);
    }

    fn allocate_many(&mut self) {
        let entries: Vec<E> = (0..self.random.below(200)).map(|_| self.fresh()).collect();
        let mut handles = Vec::new();
        match self.through.allocate_many(&entries, &mut handles) {
            Ok(()) => {
                assert_eq!(handles.len(), entries.len());
                for (handle, entry) in handles.into_iter().zip(entries) {
                    self.keep(Ok(handle), entry);
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
        let found = match self.random.below(4) {
            // SAFETY: live, and this worker's alone: others leave alone what they do not own.
            0 => Some(unsafe { self.through.free_own(handle) }),
            _ => self.through.free(handle).ok(),
        };
        self.expect(handle, entry, found);
    }

    fn free_many(&mut self) {
        let count = self.random.below(300).min(self.held.len());
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

    /// Any number gives nothing or something that somebody has stored.
    fn read(&mut self) {
        let raw = match self.random.below(2) {
            0 => self.random.next() as u32,
            _ => self.random.below(self.table.capacity() as usize + 2) as u32,
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

    /// Puts an entry into a slot that has none, or gives it back as it is.
    fn settle_uninitialized(&mut self) {
        let Some(handle) = self.unset.pop() else { return };
        assert_eq!(self.table.get(handle), None, "{handle:?} has no entry");
        if self.random.once_in(2) {
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

    /// What is refused does no harm: a number that nothing can be behind, and null's neighbour.
    fn free_stale(&mut self) {
        let beyond = self.table.capacity().saturating_add(1 + self.random.below(9000) as u32);
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
        if self.random.once_in(8) {
            let audit = self.table.audit().expect("a sound table");
            assert!(audit.live >= self.held.len() as u64, "{audit:?}");
        } else {
            let report = self.table.sweep(self.random.next() % 2000);
            assert!(!report.swept || report.live >= self.held.len() as u64, "{report:?}");
        }
    }
}
