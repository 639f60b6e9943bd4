//! Entries that say who stored them, and show if they are not whole.

use std::fmt::Debug;

use slotarena::Packed;

use crate::common::mix;

pub trait Stamp: Packed + PartialEq + Debug {
    /// The `count`-th entry of a thread.
    fn of(thread: u32, count: u32) -> Self;
    /// Was it stored by somebody, as it is?
    fn is_sound(self) -> bool;
    /// The thread that stored it, as far as the entry says: the lowest 8 bits of it are exact.
    fn thread(self) -> u32;
}

/// 31 bits that say who and when, and 32 that follow from them.
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

/// A word that says who and when, and one that follows from it.
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
