//! What the benchmarks have in common: the peers, the loops that are measured, and the clock.

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part of this")]

pub mod clock;
pub mod large;
pub mod latency;
pub mod least;
pub mod peers;
pub mod plot;
pub mod ratio;
pub mod readers;
pub mod traces;
pub mod unique;
pub mod values;
pub mod work;

/// A small generator of numbers that look random (SplitMix64), so that every run does the same.
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Brings a list into a random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.next() % (last as u64 + 1);
            list.swap(last, other as usize);
        }
    }
}
