//! A hash of a table's number.

use core::hash::Hasher;

/// Numbers are given out one by one, so a product spreads them over all buckets.
#[derive(Default)]
pub(super) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(self.0 << 8 | u64::from(byte)));
    }

    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio: Knuth's multiplicative hash.
        self.0 = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        // In models all are equal. So the order in which a thread returns its records depends on
        // no number, which differs from execution to execution.
        if cfg!(model) { 0 } else { self.0 }
    }
}
