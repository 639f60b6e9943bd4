//! Who has which slot, by a record that is kept beside the table.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};

use slotarena::Handle;

/// A stamp for each slot: 0, or who has it.
pub struct Owners {
    stamps: Box<[AtomicU32]>,
    notes: Box<[Note]>,
}

/// Written by a slot's owner alone, and not atomic: were two owners not ordered one after the
/// other, a sanitizer would see it.
struct Note(UnsafeCell<u32>);

// SAFETY: only used by a slot's owner. That there is one at a time is what is being tested.
unsafe impl Sync for Note {}

impl Owners {
    pub fn new(capacity: u32) -> Self {
        let stamps = (0..=capacity).map(|_| AtomicU32::new(0)).collect();
        let notes = (0..=capacity).map(|_| Note(UnsafeCell::new(0))).collect();
        Self { stamps, notes }
    }

    // Relaxed, all of them: it is the table that has to order one owner after the other.

    /// Says that the slot was handed out to `me`, who is not 0.
    pub fn claim(&self, handle: Handle, me: u32) {
        let (slot, found) = (handle.to_raw(), self.restamp(handle, me));
        assert!(found == 0, "slot {slot} was handed out to {me}, and {found} has it");
        // SAFETY: the caller is the owner.
        unsafe { *self.notes[handle.to_raw() as usize].0.get() = me };
    }

    /// Says that `from` leaves the slot to `to`, who is told of it in a way that orders the two.
    pub fn pass(&self, handle: Handle, from: u32, to: u32) {
        self.check_note(handle, from);
        // SAFETY: the caller is the owner.
        unsafe { *self.notes[handle.to_raw() as usize].0.get() = to };
        let (slot, found) = (handle.to_raw(), self.restamp(handle, to));
        assert!(found == from, "slot {slot} goes from {from} to {to}, and {found} has it");
    }

    /// Says that `me` is about to free the slot.
    pub fn give_up(&self, handle: Handle, me: u32) {
        self.check_note(handle, me);
        let (slot, found) = (handle.to_raw(), self.restamp(handle, 0));
        assert!(found == me, "slot {slot} is given up by {me}, and {found} has it");
    }

    pub fn owner(&self, handle: Handle) -> u32 {
        self.stamps[handle.to_raw() as usize].load(Ordering::Relaxed)
    }

    /// How many slots somebody has.
    pub fn count(&self) -> u64 {
        self.stamps.iter().filter(|stamp| stamp.load(Ordering::Relaxed) != 0).count() as u64
    }

    fn check_note(&self, handle: Handle, me: u32) {
        let slot = handle.to_raw();
        // SAFETY: the caller is the owner.
        let note = unsafe { *self.notes[slot as usize].0.get() };
        assert!(note == me, "slot {slot} is {me}'s, and {note} has put a note there");
    }

    fn restamp(&self, handle: Handle, to: u32) -> u32 {
        self.stamps[handle.to_raw() as usize].swap(to, Ordering::Relaxed)
    }
}
