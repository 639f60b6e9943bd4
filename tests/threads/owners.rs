//! The owner of each slot, recorded outside the table.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};

use slotarena::Handle;

/// A stamp for each slot: 0, or the number of its owner.
pub struct Owners {
    stamps: Box<[AtomicU32]>,
    notes: Box<[Note]>,
}

/// A number that only a slot's owner writes. It is not atomic, so that a sanitizer reports two
/// owners that are not ordered.
struct Note(UnsafeCell<u32>);

// SAFETY: only a slot's owner uses it. The test is that a slot has one owner at a time.
unsafe impl Sync for Note {}

impl Owners {
    pub fn new(capacity: u32) -> Self {
        let stamps = (0..=capacity).map(|_| AtomicU32::new(0)).collect();
        let notes = (0..=capacity).map(|_| Note(UnsafeCell::new(0))).collect();
        Self { stamps, notes }
    }

    // All accesses are relaxed, since the table must order successive owners.

    /// Records that the slot was allocated by `me`, which is not 0.
    pub fn claim(&self, handle: Handle, me: u32) {
        let (slot, found) = (handle.to_raw(), self.restamp(handle, me));
        assert!(found == 0, "slot {slot} was allocated by {me}, and {found} has it");
        // SAFETY: the caller is the owner.
        unsafe { *self.notes[handle.to_raw() as usize].0.get() = me };
    }

    /// Records that `from` passes the slot to `to`, which learns of it by synchronized means.
    pub fn pass(&self, handle: Handle, from: u32, to: u32) {
        self.check_note(handle, from);
        // SAFETY: the caller is the owner.
        unsafe { *self.notes[handle.to_raw() as usize].0.get() = to };
        let (slot, found) = (handle.to_raw(), self.restamp(handle, to));
        assert!(found == from, "slot {slot} goes from {from} to {to}, and {found} has it");
    }

    /// Records that `me` is about to free the slot.
    pub fn give_up(&self, handle: Handle, me: u32) {
        self.check_note(handle, me);
        let (slot, found) = (handle.to_raw(), self.restamp(handle, 0));
        assert!(found == me, "slot {slot} is freed by {me}, and {found} has it");
    }

    pub fn owner(&self, handle: Handle) -> u32 {
        self.stamps[handle.to_raw() as usize].load(Ordering::Relaxed)
    }

    /// Returns how many slots have an owner.
    pub fn count(&self) -> u64 {
        self.stamps.iter().filter(|stamp| stamp.load(Ordering::Relaxed) != 0).count() as u64
    }

    fn check_note(&self, handle: Handle, me: u32) {
        let slot = handle.to_raw();
        // SAFETY: the caller is the owner.
        let note = unsafe { *self.notes[slot as usize].0.get() };
        assert!(note == me, "slot {slot} belongs to {me}, and {note} has written its note");
    }

    fn restamp(&self, handle: Handle, to: u32) -> u32 {
        self.stamps[handle.to_raw() as usize].swap(to, Ordering::Relaxed)
    }
}
