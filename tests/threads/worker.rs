//! A thread that does a bit of everything, and checks all of it.

use slotarena::{AllocError, Handle, Table};

use crate::Deadline;
use crate::common::{Participant, Random};
use crate::owners::Owners;
use crate::stamp::Stamp;

/// How many steps there are between two looks at the clock.
const STEPS: u64 = 256;

pub struct Worker<'t, E: Stamp> {
    me: u32,
    table: &'t Table<E>,
    owners: &'t Owners,
    through: Participant<'t, E>,
    /// What it has, and what is stored there.
    pub held: Vec<(Handle, E)>,
    /// How many it wants to have at most.
    most: usize,
    /// Does it rather allocate, or rather free?
    rising: bool,
    count: u32,
    random: Random,
    pub steps: u64,
}

impl<'t, E: Stamp> Worker<'t, E> {
    /// `me` is not 0, and nobody else's.
    pub fn new(me: u32, table: &'t Table<E>, owners: &'t Owners, most: usize) -> Self {
        let through = match me % 2 {
            0 => Participant::Thread(table),
            _ => Participant::Mutator(table.mutator()),
        };
        let random = Random::new(u64::from(me));
        let (held, rising, count, steps) = (Vec::new(), true, 0, 0);
        Self { me, table, owners, through, held, most, rising, count, random, steps }
    }

    pub fn work_until(&mut self, deadline: &Deadline) {
        while !deadline.has_come() {
            self.work(STEPS);
        }
    }

    pub fn work(&mut self, steps: u64) {
        for _ in 0..steps {
            self.step();
        }
        self.steps += steps;
    }

    /// How the worker ends: what it has, and its participant.
    pub fn into_parts(self) -> (Vec<(Handle, E)>, Participant<'t, E>) {
        (self.held, self.through)
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
            900..950 => self.pass_through_uninitialized(),
            950..970 => self.allocate_many(),
            970..990 => self.free_many(),
            990..1010 => self.free_stale(),
            1010..1020 => self.rising = !self.rising,
            1020..1023 => self.count_all(),
            _ => self.sweep_or_audit(),
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
                self.owners.claim(handle, self.me);
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
        assert_eq!(self.table.get(handle), Some(entry));
        self.owners.give_up(handle, self.me);
        let found = match self.random.below(4) {
            // SAFETY: live, and this worker's alone: others leave alone what they do not own.
            0 => Ok(unsafe { self.through.free_own(handle) }),
            _ => self.through.free(handle),
        };
        assert_eq!(found, Ok(entry));
    }

    fn free_many(&mut self) {
        let count = self.random.below(300).min(self.held.len());
        let gone = self.held.split_off(self.held.len() - count);
        let handles: Vec<Handle> = gone.iter().map(|&(handle, _)| handle).collect();
        handles.iter().for_each(|&handle| self.owners.give_up(handle, self.me));
        assert_eq!(self.through.free_many(&handles), Ok(()));
    }

    fn set(&mut self) {
        let Some(place) = self.any_held() else { return };
        let entry = self.fresh();
        let (handle, before) = self.held[place];
        assert_eq!(self.through.set(handle, entry), Ok(Some(before)));
        self.held[place].1 = entry;
        assert_eq!(self.table.get(handle), Some(entry));
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

    fn pass_through_uninitialized(&mut self) {
        let Ok(handle) = self.through.allocate_uninitialized() else { return };
        self.owners.claim(handle, self.me);
        assert_eq!(self.table.get(handle), None);
        if self.random.once_in(2) {
            let entry = self.fresh();
            assert_eq!(self.through.set(handle, entry), Ok(None));
            self.held.push((handle, entry));
        } else {
            assert!(self.through.free(handle).is_err());
            self.owners.give_up(handle, self.me);
            assert_eq!(self.through.free_uninitialized(handle), Ok(()));
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
