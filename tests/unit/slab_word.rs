//! Unit tests of `src/slab/word.rs`.

use super::*;
use crate::bits::word::{self, Cycle, State};

quickcheck::quickcheck! {
    fn words_say_what_was_put_in(generation: u32, birth: u32, other: u32) -> bool {
        let (generation, other) = (generation & GENERATION_MASK, other & GENERATION_MASK);
        let birth = Birth::from_bits(birth.max(1));
        // SAFETY: index 7, and generations.
        let key = |generation| unsafe { Key::<()>::new(7, generation) };
        let live = SlabWord::<u8>::live(generation, birth);
        let (removed, reserved) = (live.removed(), SlabWord::<u8>::reserved(generation));
        let births = [live, removed].iter().all(|w| w.birth() == birth && w.has_value());
        let states = [live, removed, reserved].map(word::state);
        births
            && states == [State::Live, State::Uninitialized, State::Uninitialized]
            && [live, removed, reserved].iter().all(|w| w.generation() == generation)
            && live.is(key(generation)) && live.is(key(other)) == (generation == other)
            && live.birth_if(key(generation)) == u64::from(birth.to_bits())
            && live.is_live() && !removed.is_live()
            && !removed.is(key(generation)) && !reserved.is(key(generation))
            && !reserved.has_value()
    }

    fn a_free_slot_is_no_keys(link: u32, generation: u32) -> bool {
        // SAFETY: index 7, and a generation.
        let key = unsafe { Key::<()>::new(7, generation & GENERATION_MASK) };
        let free: SlabWord<u8> = word::free_with(Cycle::SECOND, link);
        !free.is(key) && !free.has_value()
    }
}
