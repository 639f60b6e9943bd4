//! The records of a table, under the safepoint's lock. Nothing here allocates or frees memory.

use core::ptr::NonNull;

use super::record::Record;
use crate::bias::{NUMBER_MAX, tag};
use crate::sync::unmodelled::OnceLock;
use crate::sync::{Place, Placed, make_room};

/// Records without an owner that are kept for the participants to come.
const SPARE_RECORDS: usize = if cfg!(model) { 2 } else { 16 };

/// The records of a table.
#[derive(Debug)]
pub(super) struct Registry {
    /// Those with an owner. A record knows its position here.
    records: Vec<NonNull<Record>>,
    /// Some without one. Their last owners may have left free slots in the stores.
    spare: Vec<NonNull<Record>>,
    /// The participants that have a number. Those after [`NUMBER_MAX`] get none.
    numbered: u32,
    /// What records that are gone have counted as uninitialized. Wraps.
    uninitialized: u64,
    /// Where the records lie.
    pub(super) place: Place,
    /// The number of the search for a free slot for which the world was stopped last.
    pub(super) search: u64,
    /// The last such search that found none, or 0.
    pub(super) last_in_vain: u64,
}

// SAFETY: the registry owns the records.
unsafe impl Send for Registry {}

/// The ownership of one record. Neither copied nor cloned.
#[derive(Debug)]
pub(crate) struct Registration {
    record: NonNull<Record>,
}

// SAFETY: a registration is the ownership of the record, whichever thread holds it.
unsafe impl Send for Registration {}
// SAFETY: a shared reference gives the record's address and nothing else.
unsafe impl Sync for Registration {}

impl Registration {
    /// The record. It stays where it is until the registration ends.
    pub(crate) fn record(&self) -> NonNull<Record> {
        self.record
    }
}

/// The memory for a registration, which is allocated and freed without the lock.
#[derive(Debug, Default)]
pub(super) struct Supplies {
    record: Option<Placed<Record>>,
    list: Vec<NonNull<Record>>,
}

impl Supplies {
    /// Allocates a record, and a list of `length`. Returns `false` if there is no memory.
    /// `shared` is the address of what operations load.
    pub(super) fn allocate(
        &mut self,
        length: usize,
        home: usize,
        place: Place,
        shared: usize,
    ) -> bool {
        let record = || Placed::new(Record::new(home), place, Some(shared));
        self.record = self.record.take().or_else(record);
        self.record.is_some() && self.list.try_reserve_exact(length).is_ok()
    }
}

impl Registry {
    /// `None` if there is no memory.
    pub(super) fn new(place: Place) -> Option<Self> {
        let mut spare = Vec::new();
        spare.try_reserve_exact(SPARE_RECORDS).ok()?;
        let records = Vec::new();
        let (search, last_in_vain) = (0, 0);
        Some(Self { records, spare, numbered: 0, uninitialized: 0, place, search, last_in_vain })
    }

    /// All records that have an owner.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        // SAFETY: the registry owns the records, and frees none that is listed here.
        self.records.iter().map(|record| unsafe { record.as_ref() })
    }

    /// All records that may have free slots: those with an owner, and spare ones.
    pub(super) fn with_slots(&self) -> impl Iterator<Item = &Record> {
        // SAFETY: the registry owns the records, and frees none that is listed here.
        let spare = self.spare.iter().map(|record| unsafe { record.as_ref() });
        self.records().chain(spare)
    }

    pub(super) fn participants(&self) -> usize {
        self.records.len()
    }

    /// Returns `true` if the next record without an owner is kept.
    pub(super) fn keeps_spare(&self) -> bool {
        self.spare.len() < SPARE_RECORDS
    }

    pub(super) fn free_in_stores(&self) -> u64 {
        self.with_slots().map(|record| record.store().free()).sum()
    }

    /// The sum of all records' parts. Each part wraps.
    pub(super) fn uninitialized(&self) -> u64 {
        let sum = |sum: u64, record: &Record| sum.wrapping_add(record.store().uninitialized());
        self.records().fold(self.uninitialized, sum)
    }

    /// Gives a record an owner. The error is the length of the list to be supplied, which is 0 if
    /// the list is long enough.
    pub(super) fn register(&mut self, supplies: &mut Supplies) -> Result<Registration, usize> {
        let length = self.records.len();
        make_room(&mut self.records, &mut supplies.list)?;
        let spare = self.spare.pop();
        let fresh = || supplies.record.take().map(Placed::into_raw);
        let record = spare.or_else(fresh).ok_or(0usize)?;
        if spare.is_none() && self.numbered < NUMBER_MAX {
            self.numbered += 1;
            // SAFETY: the registry's record.
            unsafe { record.as_ref() }.set_tag(tag(self.numbered));
        }
        // SAFETY: the registry's record.
        unsafe { record.as_ref() }.set_position(length);
        self.records.push(record);
        Ok(Registration { record })
    }

    /// Takes a record's owner away. Returns the record if it is not kept. Then the store is empty.
    pub(super) fn unregister(&mut self, registration: Registration) -> Option<Placed<Record>> {
        let Registration { record } = registration;
        // SAFETY: the registry owns the records.
        let gone = unsafe { record.as_ref() };
        let position = gone.position();
        self.records.swap_remove(position);
        if let Some(moved) = self.records.get(position) {
            // SAFETY: the registry owns the records.
            unsafe { moved.as_ref() }.set_position(position);
        }
        self.uninitialized = self.uninitialized.wrapping_add(gone.store().take_uninitialized());
        if self.keeps_spare() {
            self.spare.push(record);
            return None;
        }
        // SAFETY: from a box, and listed no longer.
        Some(unsafe { Placed::from_raw(record, self.place) })
    }
}

/// The record of whichever thread sweeps.
///
/// It is made with the table, since memory may be short when a sweep is wanted. That of a small
/// slab is made by the first sweep: such a slab has little to give back. A stop that begins
/// before the record is there stops its owner too: the owner makes the record, and announces its
/// operation (MB), before it passes the light fence (MF). So a stopper that misses the record is
/// seen by the owner (MS).
#[derive(Debug)]
pub(super) struct SweeperRecord {
    record: OnceLock<Placed<Record>>,
    place: Place,
}

impl SweeperRecord {
    /// `None` if there is no memory.
    pub(super) fn new(place: Place) -> Option<Self> {
        let this = Self { record: OnceLock::new(), place };
        if place == Place::Apart || cfg!(model) {
            this.make()?;
        }
        Some(this)
    }

    /// The record, if it has been made.
    pub(super) fn get(&self) -> Option<&Record> {
        self.record.get().map(|record| &**record)
    }

    /// Returns the record, and makes it first if need be. `None` if there is no memory.
    pub(super) fn make(&self) -> Option<&Record> {
        if self.get().is_none() {
            // Another thread may be first. Then this record is dropped again.
            let _ = self.record.set(Placed::new(Record::new(0), self.place, None)?);
        }
        self.get()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        for record in self.records.drain(..).chain(self.spare.drain(..)) {
            // SAFETY: from a box, and nothing can reach it any more.
            drop(unsafe { Placed::from_raw(record, self.place) });
        }
    }
}
