//! The books: what became of each host object. They are kept outside the table, and the verdict
//! comes from them alone.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// A canary that is alive is this number, combined with the object's serial number.
const ALIVE: u64 = 0x5afe_0b1e_c7a1_1ce5;
/// The canary of an object that was dropped.
const DEAD: u64 = 0xdead_0b1e_c7de_adde;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An object was dropped that had been dropped before, or was never made.
    DroppedTwice,
    /// A drop or an access found another canary than that of the live object.
    BadCanary,
    /// An access reached an object of another kind than it asked for.
    WrongKind,
    /// A guest object that the program can reach lost its host object.
    DroppedEarly,
    /// A guest object reached another host object than its own.
    Mistaken,
    /// A host object was never dropped.
    NeverDropped,
}

/// All faults, in the order of the enum.
pub const FAULTS: [(Fault, &str); 6] = [
    (Fault::DroppedTwice, "dropped twice"),
    (Fault::BadCanary, "used after the drop"),
    (Fault::WrongKind, "of the wrong kind"),
    (Fault::DroppedEarly, "dropped early"),
    (Fault::Mistaken, "taken for another"),
    (Fault::NeverDropped, "never dropped"),
];

/// The books of one run.
#[derive(Default)]
pub struct Ledger {
    books: Mutex<Books>,
    faults: [AtomicU64; FAULTS.len()],
}

#[derive(Default)]
struct Books {
    /// Whether the object of each serial number was dropped.
    dropped: Vec<bool>,
    live: u64,
    peak: u64,
    /// The bytes of objects that were dropped since the last question.
    bytes: usize,
}

/// The numbers of a ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    pub made: u64,
    pub dropped: u64,
    pub live: u64,
    /// The most that were live at a time.
    pub peak: u64,
}

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Notes a fault.
    pub fn fault(&self, fault: Fault) {
        self.faults[fault as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often a fault was noted.
    pub fn count(&self, fault: Fault) -> u64 {
        self.faults[fault as usize].load(Ordering::Relaxed)
    }

    /// Returns `true` if no fault was noted.
    pub fn clean(&self) -> bool {
        FAULTS.iter().all(|&(fault, _)| self.count(fault) == 0)
    }

    pub fn numbers(&self) -> Numbers {
        let books = self.books();
        let made = books.dropped.len() as u64;
        Numbers { made, dropped: made - books.live, live: books.live, peak: books.peak }
    }

    /// Returns the bytes of objects that were dropped since the last call.
    pub fn take_bytes(&self) -> usize {
        std::mem::take(&mut self.books().bytes)
    }

    /// Returns `true` if the object of this serial number was made and not yet dropped.
    pub fn is_live(&self, serial: u64) -> bool {
        self.books().dropped.get(serial as usize) == Some(&false)
    }

    /// Ends the books: objects that are still live are faults.
    pub fn close(&self) {
        for _ in 0..self.numbers().live {
            self.fault(Fault::NeverDropped);
        }
    }

    fn make(&self) -> u64 {
        let mut books = self.books();
        books.dropped.push(false);
        books.live += 1;
        books.peak = books.peak.max(books.live);
        books.dropped.len() as u64 - 1
    }

    fn bury(&self, serial: u64, bytes: usize) {
        let mut books = self.books();
        match books.dropped.get_mut(serial as usize) {
            Some(dropped @ false) => {
                *dropped = true;
                books.live -= 1;
                books.bytes += bytes;
            }
            _ => self.fault(Fault::DroppedTwice),
        }
    }
}

/// An object with an entry in the books. Its creation and its drop are noted there.
///
/// The first fields are at the same place for all `T`, so that they tell even if an access reaches
/// an object of another type.
#[repr(C)]
pub struct Audited<T> {
    canary: AtomicU64,
    serial: u64,
    kind: u16,
    bytes: usize,
    ledger: Arc<Ledger>,
    pub body: T,
}

impl<T> Audited<T> {
    /// Makes an object of a kind that is said to take so many bytes.
    pub fn new(ledger: &Arc<Ledger>, kind: u16, bytes: usize, body: T) -> Self {
        let serial = ledger.make();
        let canary = AtomicU64::new(ALIVE ^ serial);
        Self { canary, serial, kind, bytes, ledger: ledger.clone(), body }
    }

    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Notes a fault in the caller's ledger unless the object is alive and of this kind.
    pub fn check(&self, ledger: &Ledger, kind: u16) {
        let right = self.canary.load(Ordering::Relaxed) == ALIVE ^ self.serial;
        if !right || !ledger.is_live(self.serial) {
            ledger.fault(Fault::BadCanary);
        }
        if self.kind != kind {
            ledger.fault(Fault::WrongKind);
        }
    }
}

impl<T> Drop for Audited<T> {
    fn drop(&mut self) {
        self.check(&self.ledger, self.kind);
        self.canary.store(DEAD, Ordering::Relaxed);
        self.ledger.bury(self.serial, self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_follow_the_objects() {
        let ledger = Arc::new(Ledger::default());
        let first = Audited::new(&ledger, 1, 10, ());
        let second = Audited::new(&ledger, 1, 20, ());
        assert_eq!((first.serial(), second.serial()), (0, 1));
        drop(first);
        assert!(!ledger.is_live(0) && ledger.is_live(1) && !ledger.is_live(2));
        let third = Audited::new(&ledger, 1, 30, ());
        let expected = Numbers { made: 3, dropped: 1, live: 2, peak: 2 };
        assert_eq!(ledger.numbers(), expected);
        assert_eq!((ledger.take_bytes(), ledger.take_bytes()), (10, 0));
        drop((second, third));
        ledger.close();
        assert!(ledger.clean());
    }

    #[test]
    fn an_object_that_is_left_is_a_fault() {
        let ledger = Arc::new(Ledger::default());
        std::mem::forget(Audited::new(&ledger, 1, 0, ()));
        ledger.close();
        assert_eq!(ledger.count(Fault::NeverDropped), 1);
    }

    #[test]
    fn a_second_drop_and_a_late_access_are_faults() {
        let ledger = Arc::new(Ledger::default());
        let object = Audited::new(&ledger, 1, 0, ());
        ledger.bury(object.serial(), 0);
        object.check(&ledger, 1);
        assert_eq!(ledger.count(Fault::BadCanary), 1);
        drop(object);
        assert_eq!(ledger.count(Fault::DroppedTwice), 1);
    }

    #[test]
    fn a_foreign_canary_is_a_fault() {
        let ledger = Arc::new(Ledger::default());
        let object = Audited::new(&ledger, 1, 0, ());
        object.check(&ledger, 1);
        assert!(ledger.clean());
        object.canary.store(7, Ordering::Relaxed);
        object.check(&ledger, 1);
        assert_eq!(ledger.count(Fault::BadCanary), 1);
        object.canary.store(ALIVE ^ object.serial(), Ordering::Relaxed);
    }

    #[test]
    fn another_kind_is_a_fault() {
        let ledger = Arc::new(Ledger::default());
        let object = Audited::new(&ledger, 1, 0, ());
        object.check(&ledger, 2);
        assert_eq!(ledger.count(Fault::WrongKind), 1);
    }
}
