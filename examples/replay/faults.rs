//! What went wrong, counted, with the first few cases in words.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many cases are kept in words.
const DETAILS_MAX: usize = 12;

/// The ways in which a replay can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A slot was handed out while it had an owner, or its owner had changed before its free.
    DoubleOwnership,
    /// A slot held something else than its owner put in.
    WrongStamp,
    /// The table refused a free, or an allocation.
    Refused,
    /// An object was alive and the table did not know it, or the other way round.
    Missing,
    /// The audit found a slot that is neither live nor in a chain, or another broken invariant.
    LostSlot,
    /// Segments or memory were not given back.
    Kept,
    /// A replay thread panicked.
    Panic,
}

impl Fault {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Fault; 7] = [
        Fault::DoubleOwnership,
        Fault::WrongStamp,
        Fault::Refused,
        Fault::Missing,
        Fault::LostSlot,
        Fault::Kept,
        Fault::Panic,
    ];

    /// What the report calls it.
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

/// All faults of one replay. Any thread may report one.
#[derive(Default)]
pub struct Faults {
    counts: [AtomicU64; Fault::ALL.len()],
    details: Mutex<Vec<String>>,
}

impl Faults {
    /// Notes one case.
    pub fn report(&self, fault: Fault, detail: impl FnOnce() -> String) {
        self.report_many(fault, 1, detail);
    }

    /// Notes `count` cases of one kind that one sentence describes.
    pub fn report_many(&self, fault: Fault, count: u64, detail: impl FnOnce() -> String) {
        // Relaxed: counts are read after all threads have come to rest.
        self.counts[fault as usize].fetch_add(count, Ordering::Relaxed);
        let mut details = self.details.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if details.len() < DETAILS_MAX {
            details.push(format!("{}: {}", fault.name(), detail()));
        }
    }

    /// How many cases of one kind there were.
    pub fn count(&self, fault: Fault) -> u64 {
        // Relaxed: as in `report`.
        self.counts[fault as usize].load(Ordering::Relaxed)
    }

    /// Whether there was none at all.
    pub fn none(&self) -> bool {
        Fault::ALL.iter().all(|&fault| self.count(fault) == 0)
    }

    /// The first cases, in words.
    pub fn details(&self) -> Vec<String> {
        self.details.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}
