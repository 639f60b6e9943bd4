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
    #[track_caller]
    pub fn claim(&self, handle: Handle, me: u32) {
        self.restamp(handle, 0, me);
        // SAFETY: the caller is the owner.
        unsafe { *self.notes[handle.to_raw() as usize].0.get() = me };
    }

    /// Says that `from` leaves the slot to `to`, who is told of it in a way that orders the two.
    #[track_caller]
    pub fn pass(&self, handle: Handle, from: u32, to: u32) {
        // SAFETY: the caller is the owner.
        unsafe { *self.notes[handle.to_raw() as usize].0.get() = to };
        self.restamp(handle, from, to);
    }

    /// Says that `me` is about to free the slot.
    #[track_caller]
    pub fn give_up(&self, handle: Handle, me: u32) {
        // SAFETY: the caller is the owner.
        let note = unsafe { *self.notes[handle.to_raw() as usize].0.get() };
        assert_eq!(note, me, "the note of {handle:?}");
        self.restamp(handle, me, 0);
    }

    pub fn owner(&self, handle: Handle) -> u32 {
        self.stamps[handle.to_raw() as usize].load(Ordering::Relaxed)
    }

    pub fn nobody_has_any(&self) -> bool {
        self.stamps.iter().all(|stamp| stamp.load(Ordering::Relaxed) == 0)
    }

    #[track_caller]
    fn restamp(&self, handle: Handle, from: u32, to: u32) {
        let found = self.stamps[handle.to_raw() as usize].swap(to, Ordering::Relaxed);
        assert_eq!(found, from, "who has {handle:?}, which goes to {to}");
    }
}
