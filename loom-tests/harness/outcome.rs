//! What an execution of a model came to: what each actor saw, and what was left. All that differ
//! are collected, so that two checkers can be held against each other.
//!
//! None of it is modelled.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Mutex;
use std::{env, fs};

thread_local! {
    /// Of the execution under way on this thread, on which all those of a model run.
    static OUTCOME: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Whether the outcomes themselves are kept, beside their hashes.
const FEW: bool = cfg!(slotarena_shuttle);

/// Adds something to the outcome of this execution.
pub fn note(text: impl Display) {
    OUTCOME.with_borrow_mut(|outcome| *outcome += &format!("{text}; "));
}

/// What the calling thread has read, where that is observed.
pub fn history() -> String {
    #[cfg(slotarena_observed)]
    return format!("read {:?} ", slotarena::observed::history());
    #[cfg(not(slotarena_observed))]
    String::new()
}

/// Where the outcomes of all models are put, if anywhere.
pub fn folder() -> Option<PathBuf> {
    env::var_os("SLOTARENA_OUTCOMES").map(PathBuf::from)
}

/// The distinct outcomes of one model, by their hash: loom's can be many.
#[derive(Debug, Default)]
pub struct Outcomes(Mutex<BTreeMap<u64, String>>);

impl Outcomes {
    /// Adds that of the execution that has just ended.
    pub fn collect(&self) {
        let outcome = OUTCOME.take();
        if folder().is_none() {
            return;
        }
        let mut hasher = DefaultHasher::new();
        outcome.hash(&mut hasher);
        let mut outcomes = self.0.lock().expect("nobody panics with it");
        outcomes.entry(hasher.finish()).or_insert(if FEW { outcome } else { String::new() });
    }

    /// Writes them to a file that is named after the model, if they are asked for: a line about the
    /// search, and one for each, hash and outcome.
    pub fn keep(&self, model: &str, search: impl Display) -> bool {
        let Some(folder) = folder() else { return false };
        let outcomes = self.0.lock().expect("nobody panics with it");
        let line = |(hash, outcome): (&u64, &String)| format!("{hash:016x} {outcome}\n");
        let text: String = outcomes.iter().map(line).collect();
        fs::create_dir_all(&folder).expect("a folder for the outcomes");
        fs::write(folder.join(model), format!("{search}\n{text}")).expect("outcomes can be kept");
        true
    }
}

impl PartialEq for Outcomes {
    fn eq(&self, other: &Self) -> bool {
        *self.0.lock().expect("nobody panics with it")
            == *other.0.lock().expect("nobody panics with it")
    }
}
