//! The outcome of an execution: the values that each actor saw, and the final state. All distinct
//! outcomes are collected, so that two checkers can be compared.
//!
//! Nothing here is modeled.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Mutex;
use std::{env, fs};

thread_local! {
    /// The outcome of the current execution. All executions of a model run on one thread.
    static OUTCOME: RefCell<String> = const { RefCell::new(String::new()) };
    /// Whether the model that runs leaves out what its threads read.
    static COARSE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the outcomes themselves are recorded, in addition to their hashes.
const FEW: bool = cfg!(slotarena_shuttle);

/// Adds a text to the outcome of the current execution.
pub fn note(text: impl Display) {
    OUTCOME.with_borrow_mut(|outcome| *outcome += &format!("{text}; "));
}

/// Returns the values that the calling thread has read, if accesses are observed.
pub fn history() -> String {
    #[cfg(slotarena_observed)]
    return format!("read {:?} ", slotarena::observed::history());
    #[cfg(not(slotarena_observed))]
    String::new()
}

/// Returns the same for a thread of a model, unless its reads are left out.
pub fn reads() -> String {
    let history = history();
    if COARSE.get() { String::new() } else { history }
}

/// Says whether the reads of a model's threads are left out of its outcomes.
pub fn leave_reads_out(coarse: bool) {
    COARSE.set(coarse);
}

/// Has a number stand for this address in the histories of the current execution. An address that
/// the system grants differs in every execution.
pub fn name(_address: usize) {
    #[cfg(slotarena_observed)]
    slotarena::observed::name(_address as u64);
}

/// Returns the folder for the outcomes of all models, if one is set.
pub fn folder() -> Option<PathBuf> {
    env::var_os("SLOTARENA_OUTCOMES").map(PathBuf::from)
}

/// The distinct outcomes of one model, by their hash, since loom may find many.
#[derive(Debug, Default)]
pub struct Outcomes(Mutex<BTreeMap<u64, String>>);

impl Outcomes {
    /// Adds the outcome of the execution that has just ended.
    pub fn collect(&self) {
        let outcome = OUTCOME.take();
        #[cfg(slotarena_observed)]
        slotarena::observed::forget_names();
        if folder().is_none() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        outcome.hash(&mut hasher);
        let mut outcomes = self.0.lock().expect("no thread panics with the lock");
        outcomes.entry(hasher.finish()).or_insert(if FEW { outcome } else { String::new() });
    }

    /// Writes the outcomes to a file named after the model, if a folder is set. Returns `true` if
    /// so.
    ///
    /// The first line describes the search. Each other line has a hash and its outcome.
    pub fn write(&self, model: &str, search: impl Display) -> bool {
        let Some(folder) = folder() else { return false };
        let outcomes = self.0.lock().expect("no thread panics with the lock");
        let line = |(hash, outcome): (&u64, &String)| format!("{hash:016x} {outcome}\n");
        let text: String = outcomes.iter().map(line).collect();
        fs::create_dir_all(&folder).expect("a folder for the outcomes");
        fs::write(folder.join(model), format!("{search}\n{text}"))
            .expect("outcomes can be written");
        true
    }
}

impl PartialEq for Outcomes {
    fn eq(&self, other: &Self) -> bool {
        *self.0.lock().expect("no thread panics with the lock")
            == *other.0.lock().expect("no thread panics with the lock")
    }
}
