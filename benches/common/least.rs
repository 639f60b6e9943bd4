//! The least that freeing by handle takes where it settles who of several wins: an array, a stack
//! of free indices for each hand, and one compare-and-swap. No hand ever gives another one an
//! index, nothing is swept, and nothing grows. A table is not to be expected below this.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::peers::{Hand, Peer};

/// Bit 63: there is a value.
const LIVE: u64 = 1 << 63;

/// How many fresh indices a hand takes at once.
const FRESH: u32 = 64;

/// The array, and the stacks that no hand has.
pub struct Least {
    values: Box<[AtomicU64]>,
    /// The first index that nobody has had.
    next: AtomicU32,
    stacks: Mutex<Vec<Vec<u32>>>,
}

/// A stack of indices.
pub struct LeastHand<'p> {
    least: &'p Least,
    free: Vec<u32>,
}

impl Peer for Least {
    const NAME: &'static str = "a compare-and-swap alone";
    type Key = u32;
    type Hand<'p> = LeastHand<'p>;

    fn new(most: usize) -> Self {
        // One keeps what another one lacks: room for all of them.
        let values = (0..8 * (most + FRESH as usize)).map(|_| AtomicU64::new(0)).collect();
        Self { values, next: AtomicU32::new(0), stacks: Mutex::new(Vec::new()) }
    }
    fn hand(&self) -> LeastHand<'_> {
        let free = self.stacks.lock().expect("no panic").pop().unwrap_or_default();
        LeastHand { least: self, free }
    }
}

impl Drop for LeastHand<'_> {
    fn drop(&mut self) {
        self.least.stacks.lock().expect("no panic").push(std::mem::take(&mut self.free));
    }
}

impl LeastHand<'_> {
    #[cold]
    #[inline(never)]
    fn fresh(&mut self) -> u32 {
        // Relaxed: the numbers alone are handed out.
        let first = self.least.next.fetch_add(FRESH, Ordering::Relaxed);
        assert!((first + FRESH) as usize <= self.least.values.len(), "no index is left");
        self.free.extend((first + 1..first + FRESH).rev());
        first
    }
}

impl Hand<u32> for LeastHand<'_> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> u32 {
        let index = self.free.pop().unwrap_or_else(|| self.fresh());
        // Release, as an entry is published.
        self.least.values[index as usize].store(value | LIVE, Ordering::Release);
        index
    }
    #[inline(always)]
    fn remove(&mut self, key: u32) {
        let place = &self.least.values[key as usize];
        // Relaxed: the compare-and-swap settles it.
        let value = place.load(Ordering::Relaxed);
        assert!(value & LIVE != 0, "a live entry");
        // Acquire, as an entry is taken out.
        let result = place.compare_exchange(value, 0, Ordering::Acquire, Ordering::Relaxed);
        assert!(result.is_ok(), "a live entry");
        self.free.push(key);
    }
}
