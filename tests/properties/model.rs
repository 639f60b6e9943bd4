//! The expected state of a table, as a map.

use std::collections::BTreeMap;
use std::fmt::Debug;

use slotarena::{AllocError, Handle, Packed};

use crate::common::mix;
use crate::input::Pick;

/// Makes an entry for each number, and one with the reserved bit.
pub trait Sample: Packed + PartialEq + Debug {
    const RESERVED: Self;
    const RESERVED_WORD: u128;
    fn sample(seed: u64) -> Self;
}

impl Sample for u64 {
    const RESERVED: u64 = 1 << 63 | 5;
    const RESERVED_WORD: u128 = 1 << 63 | 5;
    fn sample(seed: u64) -> u64 {
        mix(seed) >> 1
    }
}

impl Sample for [u64; 2] {
    const RESERVED: [u64; 2] = [u64::MAX, 7];
    const RESERVED_WORD: u128 = 7 << 64 | u64::MAX as u128;
    fn sample(seed: u64) -> [u64; 2] {
        [mix(seed) >> 1, mix(!seed)]
    }
}

/// The expected state of the table.
pub struct Model<E> {
    pub capacity: u32,
    pub used: BTreeMap<u32, Slot<E>>,
    /// The numbers in use, for picking one at random.
    pub order: Vec<u32>,
    /// Numbers that were freed before.
    stale: Vec<u32>,
}

/// A slot in use.
pub struct Slot<E> {
    /// `None` if the slot is uninitialized.
    pub entry: Option<E>,
    /// The index of its number in `order`.
    place: usize,
}

impl<E: Sample> Model<E> {
    pub fn new(capacity: u32) -> Self {
        Self { capacity, used: BTreeMap::new(), order: Vec::new(), stale: Vec::new() }
    }

    pub fn number(&self, pick: Pick) -> u32 {
        let of = |list: &[u32], n: u16| list.get(n as usize % list.len().max(1)).copied();
        match pick {
            Pick::Used(n) => of(&self.order, n).unwrap_or(1),
            Pick::Stale(n) => of(&self.stale, n).unwrap_or(2),
            Pick::Any(n) => n,
        }
    }

    /// Returns the entry that `get` must return for a number.
    pub fn entry(&self, raw: u32) -> Option<E> {
        self.used.get(&raw).and_then(|slot| slot.entry)
    }

    pub fn is_uninitialized(&self, raw: u32) -> bool {
        self.used.get(&raw).is_some_and(|slot| slot.entry.is_none())
    }

    pub fn live(&self) -> impl Iterator<Item = (u32, E)> + '_ {
        self.used.iter().filter_map(|(&raw, slot)| Some((raw, slot.entry?)))
    }

    /// Returns how many slots are live, and how many uninitialized.
    pub fn counts(&self) -> (u64, u64) {
        let live = self.live().count();
        (live as u64, (self.used.len() - live) as u64)
    }

    /// Returns the error of an allocation of `more` slots, if they do not fit.
    pub fn refusal(&self, more: usize) -> Option<AllocError> {
        let exhausted = self.used.len() + more > self.capacity as usize;
        exhausted.then_some(AllocError::CapacityExhausted { capacity: self.capacity })
    }

    /// Takes note of an allocation. Checks Properties 1 and 2.
    pub fn allocated(&mut self, result: Result<Handle, AllocError>, entry: Option<E>) {
        assert_eq!(result.err(), self.refusal(1));
        if let Ok(handle) = result {
            let raw = handle.to_raw();
            assert!(raw <= self.capacity, "{raw} of {}", self.capacity);
            let before = self.used.insert(raw, Slot { entry, place: self.order.len() });
            assert!(before.is_none(), "{raw} is in use already");
            self.order.push(raw);
        }
    }

    /// Takes note of a free.
    pub fn freed(&mut self, raw: u32) {
        let place = self.used.remove(&raw).expect("in use").place;
        self.order.swap_remove(place);
        if let Some(moved) = self.order.get(place) {
            self.used.get_mut(moved).expect("in use").place = place;
        }
        self.stale.push(raw);
    }
}
