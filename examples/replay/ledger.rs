//! The owner of each slot, recorded independently of the table.
//!
//! Each object has a stamp that no other object of the run has, and stores it in its slot. Each
//! slot has a word in the ledger that names its owner. An allocation swaps the object's name in and
//! must find no owner. A free swaps the name out and must find its own object.

use std::sync::atomic::{AtomicU32, Ordering};

use slotarena::Handle;

use crate::faults::{Fault, Faults};
use crate::memory;
use crate::trace::Record;

/// Set in an owner's word when the walk over the live slots has passed it. Objects need 24 bits.
const SEEN: u32 = 1 << 31;

/// The stamps of one round. No two of a run are equal, and all have a clear top bit.
#[derive(Clone, Copy, Debug)]
pub struct Stamps {
    round: u64,
}

impl Stamps {
    /// Returns the stamps of round `round`, counted over the whole run.
    pub fn of_round(round: u64) -> Stamps {
        Stamps { round }
    }

    /// Returns the object's stamp. Each object of each round has a different number, and
    /// multiplication by an odd number permutes the numbers below 2^63. Neighboring stamps differ
    /// in many bits.
    pub fn of(self, object: u32) -> u64 {
        let number = self.round * u64::from(Record::OBJECTS_MAX) + u64::from(object) + 1;
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) & (u64::MAX >> 1)
    }
}

/// The owner of each slot.
pub struct Ledger {
    /// By slot: 0, or the object's number plus 1. The thread that holds the slot changes it by
    /// swaps.
    owners: Box<[AtomicU32]>,
}

impl Ledger {
    /// Creates a ledger for so many slots, all without owner.
    pub fn new(slots: u32) -> Ledger {
        // One more: slot 0 is never handed out, and the last slot has the number `slots`.
        let words = (0..slots + 1).map(|_| AtomicU32::new(0));
        Ledger { owners: memory::touched(words) }
    }

    /// Records that `object` has received the slot of `handle`.
    pub fn take(&self, object: u32, handle: Handle, faults: &Faults) {
        let Some(owner) = self.owners.get(handle.to_raw() as usize) else {
            faults.report(Fault::Missing, || {
                format!("object {object} was handed slot {}, beyond the table", handle.to_raw())
            });
            return;
        };
        // Relaxed: on purpose no help to the table. The last owner's free must happen before this
        // allocation by the table's own orderings, and so must its swap.
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

    /// Records that `object` is about to free the slot of `handle`.
    pub fn give_up(&self, object: u32, handle: Handle, faults: &Faults) {
        let Some(owner) = self.owners.get(handle.to_raw() as usize) else {
            return;
        };
        // Relaxed: the order has to follow from the table's own orderings, as in `take`.
        let last = owner.swap(0, Ordering::Relaxed);
        if last != object + 1 {
            faults.report(Fault::DoubleOwnership, || match last.checked_sub(1) {
                Some(other) => format!(
                    "object {object} freed slot {} while object {other} had it",
                    handle.to_raw()
                ),
                None => {
                    format!("object {object} freed slot {}, which had no owner", handle.to_raw())
                }
            });
        }
    }

    /// Marks the owner of a slot as seen: the table reports the slot as live, with `entry`. All
    /// threads are at rest.
    pub fn see(&self, handle: Handle, entry: u64, stamps: Stamps, faults: &Faults) {
        let slot = handle.to_raw();
        let Some(word) = self.owners.get(slot as usize) else {
            faults.report(Fault::Missing, || format!("slot {slot} is live, beyond the table"));
            return;
        };
        // Relaxed: only this thread works. The other threads' reports have made their writes
        // visible.
        let owner = word.fetch_or(SEEN, Ordering::Relaxed);
        if owner == 0 || owner & SEEN != 0 {
            faults.report(Fault::Missing, || {
                let how = if owner == 0 { "has no owner" } else { "was visited twice" };
                format!("slot {slot} is live and {how}")
            });
        } else if entry != stamps.of(owner - 1) {
            faults.report(Fault::WrongStamp, || {
                format!("slot {slot} of object {} holds {entry:#x} at the end", owner - 1)
            });
        }
    }

    /// Removes the mark of [`see`](Self::see). Returns `true` if the mark was there.
    pub fn unsee(&self, handle: Handle) -> bool {
        match self.owners.get(handle.to_raw() as usize) {
            // Relaxed: only this thread works, as in `see`.
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
        let [first, second] = [1, 2].map(|raw| Handle::from_raw(raw).unwrap());
        ledger.take(3, first, &faults);
        ledger.see(first, stamps.of(3), stamps, &faults);
        assert!(faults.none() && ledger.unsee(first) && !ledger.unsee(first));
        ledger.see(first, stamps.of(4), stamps, &faults);
        assert_eq!(faults.count(Fault::WrongStamp), 1);
        ledger.see(second, stamps.of(4), stamps, &faults);
        assert_eq!(faults.count(Fault::Missing), 1);
    }
}
