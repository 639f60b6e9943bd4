//! Unit tests of `src/bits/key.rs`.

use super::*;

quickcheck::quickcheck! {
    fn bits_round_trip(bits: u64) -> bool {
        match Key::<()>::from_raw(bits) {
            Some(key) => {
                // SAFETY: an index that is not 0 and a generation, of a key.
                let again = unsafe { Key::new(key.index(), key.generation()) };
                key.to_raw() == bits && again == key && key.generation() <= GENERATION_MASK
            }
            None => bits as u32 == 0 || bits >> 63 == 1,
        }
    }
}
