//! Runs the same operations on a table and on its model.

use slotarena::{AllocError, Handle, HandleError, SegmentAudit, SetError, Table};

use crate::common::{Participant, check, check_empty, handle, slots_per_segment};
use crate::input::{Op, Pick, Step};
use crate::model::{Model, Sample};

/// A table, its mutators, and its model.
pub struct Run<'t, E: Sample> {
    table: &'t Table<E>,
    /// The table itself comes first.
    participants: Vec<Participant<'t, E>>,
    model: Model<E>,
    /// How many mutators were forgotten.
    forgotten: usize,
    /// Counts the entries, so that no two are alike.
    entries: u64,
}

impl<'t, E: Sample> Run<'t, E> {
    pub fn new(table: &'t Table<E>) -> Self {
        let participants = vec![Participant::Thread(table)];
        Self { table, participants, model: Model::new(table.capacity()), forgotten: 0, entries: 0 }
    }

    fn fresh(&mut self) -> E {
        self.entries += 1;
        E::sample(self.entries)
    }

    pub fn step(&mut self, Step(through, op): &Step) {
        let mutators = self.participants.len() - 1;
        let through = if mutators == 0 { 0 } else { *through as usize % (mutators + 1) };
        match *op {
            Op::Allocate => {
                let entry = self.fresh();
                let result = self.participants[through].allocate(entry);
                self.model.allocated(result, Some(entry));
            }
            Op::AllocateUninitialized => {
                let result = self.participants[through].allocate_uninitialized();
                self.model.allocated(result, None);
            }
            Op::AllocateMany(count, reserved) => {
                self.allocate_many(through, count.into(), reserved)
            }
            Op::AllocateReservedBit => {
                let result = self.participants[through].allocate(E::RESERVED);
                assert_eq!(result, Err(AllocError::ReservedBit { word: E::RESERVED_WORD }));
            }
            Op::Get(pick) => {
                let raw = self.model.number(pick);
                let entry = self.model.entry(raw);
                assert_eq!(self.table.get_raw(raw), entry, "get {raw}");
                if let (Some(handle), Some(_)) = (Handle::from_raw(raw), entry) {
                    // SAFETY: live by the model, and this is the only thread.
                    assert_eq!(Some(unsafe { self.table.get_unchecked(handle) }), entry);
                }
            }
            Op::FreeMany(ref picks) => {
                let picks = picks.iter().map(|&pick| self.model.number(pick));
                let numbers = picks.filter(|&raw| raw != 0).collect();
                self.free_many(through, numbers);
            }
            Op::FreeMost(keep) => {
                let keep = |place: usize| place % (usize::from(keep) + 1) == usize::from(keep);
                let places = self.model.order.iter().enumerate();
                let rest = places.filter(|&(place, _)| !keep(place)).map(|(_, &raw)| raw).collect();
                self.free_many(through, rest);
            }
            Op::Set(pick)
            | Op::SetReservedBit(pick)
            | Op::Free(pick)
            | Op::FreeOwn(pick)
            | Op::FreeUninitialized(pick) => {
                if let Some(handle) = Handle::from_raw(self.model.number(pick)) {
                    self.use_one(through, handle, op);
                }
            }
            Op::Sweep(threshold) => self.sweep(threshold.into()),
            Op::Stats => self.count(),
            Op::Audit => self.audit(),
            Op::ForEachLive => {
                let mut found = Vec::new();
                self.table.for_each_live(|handle, entry| found.push((handle.to_raw(), entry)));
                assert!(found.into_iter().eq(self.model.live()), "for_each_live");
            }
            Op::Register => {
                if mutators < 4 {
                    self.participants.push(Participant::Mutator(self.table.mutator()));
                }
            }
            Op::DropMutator(n) | Op::ForgetMutator(n) => {
                if mutators > 0 {
                    let mutator = self.participants.swap_remove(1 + n as usize % mutators);
                    if let Op::ForgetMutator(_) = op {
                        self.forgotten += 1;
                        std::mem::forget(mutator);
                    }
                }
            }
        }
    }

    fn allocate_many(&mut self, through: usize, count: usize, reserved: bool) {
        let mut entries: Vec<E> = (0..count).map(|_| self.fresh()).collect();
        if reserved {
            entries.push(E::RESERVED);
        }
        let mut handles = vec![handle(77)];
        let result = self.participants[through].allocate_many(&entries, &mut handles);
        assert_eq!(handles.remove(0), handle(77));
        match self.model.refusal(count) {
            Some(full) => assert_eq!((result, handles.len()), (Err(full), 0)),
            None if reserved => {
                let error = AllocError::ReservedBit { word: E::RESERVED_WORD };
                assert_eq!((result, handles.len()), (Err(error), 0));
            }
            None => {
                assert_eq!((result, handles.len()), (Ok(()), count));
                for (handle, entry) in handles.into_iter().zip(entries) {
                    self.model.allocated(Ok(handle), Some(entry));
                }
            }
        }
    }

    fn free_many(&mut self, through: usize, numbers: Vec<u32>) {
        let handles: Vec<Handle> = numbers.iter().map(|&raw| handle(raw)).collect();
        let result = self.participants[through].free_many(&handles);
        let mut refused = Vec::new();
        for &raw in &numbers {
            if self.model.entry(raw).is_some() {
                self.model.freed(raw);
            } else {
                refused.push(raw);
            }
        }
        let expected =
            refused.first().map(|&raw| (raw, refused.len(), numbers.len() - refused.len()));
        let found = result.err().map(|error| (error.first.raw(), error.refused, error.freed));
        assert_eq!(found, expected, "first refused, how many, and how many freed");
    }

    /// Sets or frees one slot. Checks Property 4.
    fn use_one(&mut self, through: usize, handle: Handle, op: &Op) {
        let raw = handle.to_raw();
        let entry = self.fresh();
        let participant = &mut self.participants[through];
        let model = &mut self.model;
        let live = model.entry(raw);
        match op {
            Op::Set(_) => {
                let result = participant.set(handle, entry);
                match model.used.get_mut(&raw) {
                    Some(slot) => assert_eq!(result, Ok(slot.entry.replace(entry))),
                    None => assert_eq!(
                        result,
                        Err(SetError::InvalidHandle(HandleError::new(handle.to_raw())))
                    ),
                }
            }
            Op::SetReservedBit(_) => {
                let error = SetError::ReservedBit { word: E::RESERVED_WORD };
                assert_eq!(participant.set(handle, E::RESERVED), Err(error));
            }
            Op::FreeUninitialized(_) => {
                let result = participant.free_uninitialized(handle).map_err(|error| error.raw());
                let expected = if model.is_uninitialized(raw) { Ok(()) } else { Err(raw) };
                assert_eq!(result, expected);
                if result.is_ok() {
                    model.freed(raw);
                }
            }
            Op::FreeOwn(_) if live.is_some() => {
                // SAFETY: live by the model, and this is the only thread.
                assert_eq!(Some(unsafe { participant.free_own(handle) }), live);
                model.freed(raw);
            }
            _ => {
                let result = participant.free(handle).map_err(|error| error.raw());
                assert_eq!(result, live.ok_or(raw));
                if result.is_ok() {
                    model.freed(raw);
                }
            }
        }
    }

    /// Sweeps. Checks Property 5 and the report.
    fn sweep(&mut self, threshold: u64) {
        let before = check(self.table);
        let report = self.table.sweep(threshold);
        let after = check(self.table);
        let per_segment = slots_per_segment::<E>() as u64;
        if report.swept {
            assert!(before.free >= threshold, "{report:?}");
            let wholly_free = |s: &SegmentAudit| s.live == 0 && s.uninitialized == 0;
            let kept: Vec<_> =
                before.segments.iter().copied().filter(|s| !wholly_free(s)).collect();
            assert_eq!(after.segments, kept);
            let released = before.segments.len() - kept.len();
            assert_eq!(report.segments_released, released as u64);
            assert_eq!((report.live, report.uninitialized), self.model.counts());
            assert_eq!(self.table.stats().free_in_local_stores, 0);
        } else {
            assert!(before.free < threshold.max(per_segment), "{report:?} of {before:?}");
            assert_eq!((report.segments_released, &after), (0, &before));
        }
        assert_eq!(report.segments_committed, after.segments.len() as u64);
        assert_eq!(report.free, after.free);
        assert_eq!(report.live + report.uninitialized, self.model.used.len() as u64);
        for (raw, entry) in self.model.live() {
            assert_eq!(self.table.get_raw(raw), Some(entry), "{raw} after a sweep");
        }
    }

    /// Checks Property 6 by the statistics.
    fn count(&self) {
        let stats = self.table.stats();
        assert_eq!((stats.live, stats.uninitialized), self.model.counts());
        assert!(stats.slots_committed <= u64::from(self.model.capacity));
        // This thread counts too once it has used the table itself.
        let mutators = self.participants.len() - 1 + self.forgotten;
        assert!((mutators..mutators + 2).contains(&stats.mutators), "{stats:?}");
    }

    /// Checks Property 6 by an audit.
    fn audit(&self) {
        let audit = check(self.table);
        assert_eq!((audit.live, audit.uninitialized), self.model.counts());
    }

    /// Checks Property 7.
    pub fn end(mut self) {
        self.audit();
        while let Some(raw) = self.model.order.first().copied() {
            let through = raw as usize % self.participants.len();
            let op = match self.model.entry(raw) {
                Some(_) => Op::Free(Pick::Any(raw)),
                None => Op::FreeUninitialized(Pick::Any(raw)),
            };
            self.use_one(through, handle(raw), &op);
        }
        drop(self.participants);
        check_empty(self.table);
        let all: Vec<E> = (0..u64::from(self.model.capacity)).map(E::sample).collect();
        let mut handles = Vec::new();
        assert_eq!(self.table.allocate_many(&all, &mut handles), Ok(()));
        assert!(self.table.allocate_uninitialized().is_err());
    }
}
