//! Entries that name the thread that stored them, and carry a checksum.

use std::fmt::Debug;

use slotarena::Packed;

use crate::common::mix;

pub trait Stamp: Packed + PartialEq + Debug {
    /// Makes the `count`-th entry of a thread.
    fn of(thread: u32, count: u32) -> Self;
    /// Returns `true` if the checksum is right, so that some thread stored this entry.
    fn is_sound(self) -> bool;
    /// Returns the thread that stored the entry. Its lowest 8 bits are exact.
    fn thread(self) -> u32;
}

/// 31 bits for thread and count, and a checksum of 32 bits.
impl Stamp for u64 {
    fn of(thread: u32, count: u32) -> u64 {
        let text = u64::from(thread % 256) << 23 | u64::from(count % (1 << 23));
        text << 32 | mix(text) >> 32
    }

    fn is_sound(self) -> bool {
        self >> 63 == 0 && self & 0xffff_ffff == mix(self >> 32) >> 32
    }

    fn thread(self) -> u32 {
        (self >> 55) as u32
    }
}

/// A word for thread and count, and a word of checksum.
impl Stamp for [u64; 2] {
    fn of(thread: u32, count: u32) -> [u64; 2] {
        let text = u64::from(thread) << 31 | u64::from(count);
        [text, mix(text)]
    }

    fn is_sound(self) -> bool {
        self[1] == mix(self[0])
    }

    fn thread(self) -> u32 {
        (self[0] >> 31) as u32
    }
}

#[test]
fn a_change_to_one_bit_shows() {
    for bit in 0..64 {
        assert!(!(u64::of(3, 77) ^ 1 << bit).is_sound(), "bit {bit}");
        let [low, high] = <[u64; 2]>::of(3, 77);
        assert!(![low ^ 1 << bit, high].is_sound() && ![low, high ^ 1 << bit].is_sound());
    }
    assert!(u64::of(3, 77).is_sound() && <[u64; 2]>::of(3, 77).is_sound());
    assert_eq!((u64::of(3, 77).thread(), <[u64; 2]>::of(300, 77).thread()), (3, 300));
}
