//! What a table should be, held in a map.

use std::collections::BTreeMap;
use std::fmt::Debug;

use slotarena::{AllocError, Handle, Packed};

use crate::common::mix;
use crate::input::Pick;

/// An entry for each number, and one that is too wide.
pub trait Sample: Packed + PartialEq + Debug {
    const TOO_WIDE: Self;
    const TOO_WIDE_WORD: u128;
    fn sample(seed: u64) -> Self;
}

impl Sample for u64 {
    const TOO_WIDE: u64 = 1 << 63 | 5;
    const TOO_WIDE_WORD: u128 = 1 << 63 | 5;
    fn sample(seed: u64) -> u64 {
        mix(seed) >> 1
    }
}

impl Sample for [u64; 2] {
    const TOO_WIDE: [u64; 2] = [u64::MAX, 7];
    const TOO_WIDE_WORD: u128 = 7 << 64 | u64::MAX as u128;
    fn sample(seed: u64) -> [u64; 2] {
        [mix(seed) >> 1, mix(!seed)]
    }
}

/// What the table should be.
pub struct Model<E> {
    pub capacity: u32,
    pub out: BTreeMap<u32, Slot<E>>,
    /// The numbers that are handed out once more, for picking one at random.
    pub order: Vec<u32>,
    /// Numbers that were freed once.
    stale: Vec<u32>,
}

/// A slot that is handed out.
pub struct Slot<E> {
    /// None if it is uninitialized.
    pub entry: Option<E>,
    /// Where its number is in `order`.
    place: usize,
}

impl<E: Sample> Model<E> {
    pub fn new(capacity: u32) -> Self {
        Self { capacity, out: BTreeMap::new(), order: Vec::new(), stale: Vec::new() }
    }

    pub fn number(&self, pick: Pick) -> u32 {
        let of = |list: &[u32], n: u16| list.get(n as usize % list.len().max(1)).copied();
        match pick {
            Pick::Out(n) => of(&self.order, n).unwrap_or(1),
            Pick::Stale(n) => of(&self.stale, n).unwrap_or(2),
            Pick::Any(n) => n,
        }
    }

    /// The entry that a number should give.
    pub fn entry(&self, raw: u32) -> Option<E> {
        self.out.get(&raw).and_then(|slot| slot.entry)
    }

    pub fn is_uninitialized(&self, raw: u32) -> bool {
        self.out.get(&raw).is_some_and(|slot| slot.entry.is_none())
    }

    pub fn live(&self) -> impl Iterator<Item = (u32, E)> + '_ {
        self.out.iter().filter_map(|(&raw, slot)| Some((raw, slot.entry?)))
    }

    /// How many are live, and how many uninitialized.
    pub fn counts(&self) -> (u64, u64) {
        let live = self.live().count();
        (live as u64, (self.out.len() - live) as u64)
    }

    /// What is said if so many more are asked for than there are.
    pub fn refusal(&self, more: usize) -> Option<AllocError> {
        let exhausted = self.out.len() + more > self.capacity as usize;
        exhausted.then_some(AllocError::CapacityExhausted { capacity: self.capacity })
    }

    /// Properties 1 and 2.
    pub fn hand_out(&mut self, result: Result<Handle, AllocError>, entry: Option<E>) {
        assert_eq!(result.err(), self.refusal(1));
        if let Ok(handle) = result {
            let raw = handle.to_raw();
            assert!(raw <= self.capacity, "{raw} of {}", self.capacity);
            let before = self.out.insert(raw, Slot { entry, place: self.order.len() });
            assert!(before.is_none(), "{raw} was handed out already");
            self.order.push(raw);
        }
    }

    pub fn take_back(&mut self, raw: u32) {
        let place = self.out.remove(&raw).expect("handed out").place;
        self.order.swap_remove(place);
        if let Some(moved) = self.order.get(place) {
            self.out.get_mut(moved).expect("handed out").place = place;
        }
        self.stale.push(raw);
    }
}
