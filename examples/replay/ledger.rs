//! Who owns which slot, kept beside the table and independent of it.
//!
//! Each object gets a stamp that no other object of the run has, and puts it into its slot. And
//! each slot has a word here that names its owner. Whoever is handed a slot swaps its name in and
//! must find nobody; whoever gives it back swaps its name out and must find itself.

use std::sync::atomic::{AtomicU32, Ordering};

use slotarena::Handle;

use crate::faults::{Fault, Faults};
use crate::memory;
use crate::trace::Record;

/// Set in an owner's word when the walk over the live slots has come past. Objects need 24 bits.
const SEEN: u32 = 1 << 31;

/// The stamps of one round: no two of a run are the same, and all keep the top bit clear.
#[derive(Clone, Copy, Debug)]
pub struct Stamps {
    round: u64,
}

impl Stamps {
    /// The stamps of round `round`, counted over the whole run.
    pub fn of_round(round: u64) -> Stamps {
        Stamps { round }
    }

    /// The object's stamp. Objects and rounds have different numbers, and multiplication by an odd
    /// number permutes the numbers below 2^63. It makes each stamp differ in many bits from those
    /// before and after it.
    pub fn of(self, object: u32) -> u64 {
        let number = self.round * u64::from(Record::OBJECTS_MAX) + u64::from(object) + 1;
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> 1)
    }
}

/// The owner of each slot.
pub struct Ledger {
    /// By slot: 0, or the object's number and 1. Changed by swaps of whoever holds the slot.
    owners: Box<[AtomicU32]>,
}

impl Ledger {
    /// A ledger for so many slots, all without owner.
    pub fn new(slots: u32) -> Ledger {
        // One more, as slot 0 is never handed out and the last has the number `slots`.
        let words = (0..slots + 1).map(|_| AtomicU32::new(0));
        Ledger { owners: memory::touched(words) }
    }

    /// `object` was handed the slot of `handle`.
    pub fn take(&self, object: u32, handle: Handle, faults: &Faults) {
        let Some(owner) = self.owners.get(handle.to_raw() as usize) else {
            faults.report(Fault::Missing, || {
                format!("object {object} was handed slot {}, beyond the table", handle.to_raw())
            });
            return;
        };
        // Relaxed: on purpose no help to the table. That the last owner's swap comes before this
        // one has to follow from its free happening before this allocation.
        let last = owner.swap(object + 1, Ordering::Relaxed);
        if last != 0 {
            faults.report(Fault::DoubleOwnership, || {
                format!(
                    "slot {} was handed to object {object} while object {} had it",
                    handle.to_raw(),
                    last - 1
                )
            });
        }
    }

    /// `object` is about to give the slot of `handle` back.
    pub fn give_up(&self, object: u32, handle: Handle, faults: &Faults) {
        let Some(owner) = self.owners.get(handle.to_raw() as usize) else {
            return;
        };
        // Relaxed: as in `take`.
        let last = owner.swap(0, Ordering::Relaxed);
        if last != object + 1 {
            faults.report(Fault::DoubleOwnership, || match last.checked_sub(1) {
                Some(other) => format!(
                    "object {object} gave slot {} back while object {other} had it",
                    handle.to_raw()
                ),
                None => format!(
                    "object {object} gave slot {} back after somebody else had",
                    handle.to_raw()
                ),
            });
        }
    }

    /// The table says that the slot of `handle` is live and holds `entry`: marks its owner as
    /// seen. All threads are at rest.
    pub fn see(&self, handle: Handle, entry: u64, stamps: Stamps, faults: &Faults) {
        let slot = handle.to_raw();
        let Some(word) = self.owners.get(slot as usize) else {
            faults.report(Fault::Missing, || format!("slot {slot} is live, beyond the table"));
            return;
        };
        // Relaxed: one thread works, and the others' writes came to it when they came to rest.
        let owner = word.fetch_or(SEEN, Ordering::Relaxed);
        if owner == 0 || owner & SEEN != 0 {
            faults.report(Fault::Missing, || {
                let how = if owner == 0 { "belongs to nobody" } else { "was walked past twice" };
                format!("slot {slot} is live and {how}")
            });
        } else if entry != stamps.of(owner - 1) {
            faults.report(Fault::WrongStamp, || {
                format!("slot {slot} of object {} holds {entry:#x} at the end", owner - 1)
            });
        }
    }

    /// Takes the mark of [`see`](Self::see) away again, and tells whether it was there.
    pub fn unsee(&self, handle: Handle) -> bool {
        match self.owners.get(handle.to_raw() as usize) {
            // Relaxed: as in `see`.
            Some(owner) => owner.fetch_and(!SEEN, Ordering::Relaxed) & SEEN != 0,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn stamps_are_unique_and_keep_the_top_bit_clear() {
        let mut seen = HashSet::new();
        for round in [0, 1, 2, 1000] {
            for object in (0..3000).chain(Record::OBJECTS_MAX - 3000..Record::OBJECTS_MAX) {
                let stamp = Stamps::of_round(round).of(object);
                assert!(stamp >> 63 == 0 && stamp != 0);
                assert!(seen.insert(stamp));
            }
        }
    }

    #[test]
    fn each_kind_of_second_owner_is_found() {
        let (ledger, faults) = (Ledger::new(8), Faults::default());
        let slot = Handle::from_raw(8).unwrap();
        ledger.take(3, slot, &faults);
        ledger.give_up(3, slot, &faults);
        ledger.take(4, slot, &faults);
        assert!(faults.none());
        ledger.take(5, slot, &faults);
        assert_eq!(faults.count(Fault::DoubleOwnership), 1);
        ledger.give_up(4, slot, &faults);
        assert_eq!(faults.count(Fault::DoubleOwnership), 2);
        ledger.give_up(5, slot, &faults);
        assert_eq!(faults.count(Fault::DoubleOwnership), 3);
    }

    #[test]
    fn the_walk_finds_foreign_slots_and_wrong_stamps() {
        let (ledger, faults) = (Ledger::new(8), Faults::default());
        let stamps = Stamps::of_round(7);
        let [ours, other] = [1, 2].map(|raw| Handle::from_raw(raw).unwrap());
        ledger.take(3, ours, &faults);
        ledger.see(ours, stamps.of(3), stamps, &faults);
        assert!(faults.none() && ledger.unsee(ours) && !ledger.unsee(ours));
        ledger.see(ours, stamps.of(4), stamps, &faults);
        assert_eq!(faults.count(Fault::WrongStamp), 1);
        ledger.see(other, stamps.of(4), stamps, &faults);
        assert_eq!(faults.count(Fault::Missing), 1);
    }
}
