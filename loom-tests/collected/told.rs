//! What a thread of a model returns, as a part of the outcome.

use std::time::Duration;

use slotarena::collected::{
    CollectError, Collected, CollectionReport, Compaction, CompactionReport, DispatchEntry,
    EntryError, Marking, Relocated, Space, SpaceReport, Sweeping,
};

/// Something that a thread returns. Not all of it is the same in each execution that comes to the
/// same outcome: a report has times in it, and a collection addresses.
pub trait Told {
    /// Returns what is the same.
    fn told(&self) -> String;
}

macro_rules! whole {
    ($($type:ty)*) => {$(
        impl Told for $type {
            fn told(&self) -> String {
                format!("{self:?} ")
            }
        }
    )*};
}

whole! {
    () bool u32 usize CollectError CompactionReport DispatchEntry EntryError Relocated Space
    SpaceReport
}

macro_rules! nothing {
    ($($type:ident)*) => {$(
        impl<E: Collected> Told for $type<E> {
            fn told(&self) -> String {
                String::new()
            }
        }
    )*};
}

nothing! { Compaction Marking Sweeping }

impl Told for CollectionReport {
    fn told(&self) -> String {
        let mut report = *self;
        report.pause = Duration::ZERO;
        format!("{report:?} ")
    }
}

impl<T: Told> Told for Option<T> {
    fn told(&self) -> String {
        self.as_ref().map_or("None ".into(), Told::told)
    }
}

impl<T: Told, E: Told> Told for Result<T, E> {
    fn told(&self) -> String {
        match self {
            Ok(value) => value.told(),
            Err(error) => "Err ".to_owned() + &error.told(),
        }
    }
}

impl<T: Told, const N: usize> Told for [T; N] {
    fn told(&self) -> String {
        self.iter().map(Told::told).collect()
    }
}

impl<A: Told, B: Told> Told for (A, B) {
    fn told(&self) -> String {
        self.0.told() + &self.1.told()
    }
}
