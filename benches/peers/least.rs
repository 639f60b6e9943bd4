//! Lower bounds: the least that a checked free takes, and the loop of a replay alone.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::harness::{Access, Peer};

/// Bit 63: the place holds a value.
const LIVE: u64 = 1 << 63;

/// The fresh indices that an access takes at a time.
const FRESH: u32 = 64;

/// The least that a free by handle takes if exactly one of several concurrent frees succeeds.
///
/// There is an array, a stack of free indices for each access, and one compare-and-swap. No access
/// passes an index to another one, nothing is swept, and nothing grows. A table that checks cannot
/// be expected to take less.
pub struct Least {
    values: Box<[AtomicU64]>,
    /// The first index that was never handed out.
    next: AtomicU32,
    /// The stacks that no access holds.
    stacks: Mutex<Vec<Vec<u32>>>,
}

/// The access of [`Least`]: a stack of free indices.
pub struct LeastAccess<'p> {
    least: &'p Least,
    free: Vec<u32>,
}

impl Peer for Least {
    const NAME: &'static str = "a compare-and-swap alone";
    type Key = u32;
    type Access<'p> = LeastAccess<'p>;

    fn new(most: usize) -> Self {
        // An access may hold indices that another one lacks: there is room for eight of them.
        let values = (0..8 * (most + FRESH as usize)).map(|_| AtomicU64::new(0)).collect();
        Self { values, next: AtomicU32::new(0), stacks: Mutex::new(Vec::new()) }
    }
    fn access(&self) -> LeastAccess<'_> {
        let free = self.stacks.lock().expect("no panic").pop().unwrap_or_default();
        LeastAccess { least: self, free }
    }
}

impl Drop for LeastAccess<'_> {
    fn drop(&mut self) {
        self.least.stacks.lock().expect("no panic").push(std::mem::take(&mut self.free));
    }
}

impl LeastAccess<'_> {
    #[cold]
    #[inline(never)]
    fn fresh(&mut self) -> u32 {
        // Relaxed: only the numbers are handed out.
        let first = self.least.next.fetch_add(FRESH, Ordering::Relaxed);
        assert!((first + FRESH) as usize <= self.least.values.len(), "no index is left");
        self.free.extend((first + 1..first + FRESH).rev());
        first
    }
}

impl Access<u32> for LeastAccess<'_> {
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
        // Relaxed: the compare-and-swap decides.
        let value = place.load(Ordering::Relaxed);
        assert!(value & LIVE != 0, "a live entry");
        // Acquire, as an entry is taken out.
        let result = place.compare_exchange(value, 0, Ordering::Acquire, Ordering::Relaxed);
        assert!(result.is_ok(), "a live entry");
        self.free.push(key);
    }
}

/// Keeps no values: the time of the replay loop itself.
pub struct Nothing;

impl Peer for Nothing {
    const NAME: &'static str = "the loop alone";
    type Key = u32;
    type Access<'p> = Nothing;

    fn new(_most: usize) -> Self {
        Self
    }
    fn access(&self) -> Nothing {
        Nothing
    }
}

impl Access<u32> for Nothing {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> u32 {
        black_box(value as u32)
    }
    #[inline(always)]
    fn remove(&mut self, key: u32) {
        black_box(key);
    }
}
