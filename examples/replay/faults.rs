//! Failed checks: their counts, and the first cases in words.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The cases that are kept in words.
const DETAILS_MAX: usize = 12;

/// A kind of failed check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A slot was handed out while it had an owner, or its owner had changed before its free.
    DoubleOwnership,
    /// A slot held another entry than its owner's.
    WrongStamp,
    /// The table refused a free, or an allocation.
    Refused,
    /// An object was alive and its slot was not, or the reverse.
    Missing,
    /// The audit found a slot that is neither live nor in a chain, or another broken invariant.
    LostSlot,
    /// Segments or memory were not returned to the system.
    Kept,
    /// A replay thread panicked.
    Panic,
}

impl Fault {
    /// All kinds, in the order of the report.
    pub const ALL: [Fault; 7] = [
        Fault::DoubleOwnership,
        Fault::WrongStamp,
        Fault::Refused,
        Fault::Missing,
        Fault::LostSlot,
        Fault::Kept,
        Fault::Panic,
    ];

    /// Returns the name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::DoubleOwnership => "double ownership",
            Fault::WrongStamp => "wrong stamps",
            Fault::Refused => "refused calls",
            Fault::Missing => "missing or foreign objects",
            Fault::LostSlot => "lost slots",
            Fault::Kept => "segments or memory kept",
            Fault::Panic => "panics",
        }
    }
}

/// The faults of one replay. Any thread may report one.
#[derive(Default)]
pub struct Faults {
    counts: [AtomicU64; Fault::ALL.len()],
    details: Mutex<Vec<String>>,
}

impl Faults {
    /// Records one case.
    pub fn report(&self, fault: Fault, detail: impl FnOnce() -> String) {
        self.report_many(fault, 1, detail);
    }

    /// Records `count` cases of one kind with one sentence.
    pub fn report_many(&self, fault: Fault, count: u64, detail: impl FnOnce() -> String) {
        // Relaxed: counts are read after all threads have come to rest.
        self.counts[fault as usize].fetch_add(count, Ordering::Relaxed);
        let mut details = self.details.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if details.len() < DETAILS_MAX {
            details.push(format!("{}: {}", fault.name(), detail()));
        }
    }

    /// Returns the number of cases of one kind.
    pub fn count(&self, fault: Fault) -> u64 {
        // Relaxed: counts are read after all threads have come to rest.
        self.counts[fault as usize].load(Ordering::Relaxed)
    }

    /// Returns `true` if there is no fault.
    pub fn none(&self) -> bool {
        Fault::ALL.iter().all(|&fault| self.count(fault) == 0)
    }

    /// Returns the first cases in words.
    pub fn details(&self) -> Vec<String> {
        self.details.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
