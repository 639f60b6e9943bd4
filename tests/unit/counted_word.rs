//! Unit tests of `src/counted/word.rs`.

use super::*;
use crate::bits::word::{self, Cycle, State};

fn key(generation: u32) -> Key {
    // SAFETY: index 7, and a generation.
    unsafe { Key::new(7, generation & GENERATION_MASK) }
}

quickcheck::quickcheck! {
    fn a_key_finds_its_own_live_value(generation: u32, other: u32) -> bool {
        let (generation, other) = (generation & GENERATION_MASK, other & GENERATION_MASK);
        let live = CountedWord::<u8>::live(generation);
        let found = live.found(key(generation)).expect("its own");
        found.count() == 1
            && found.released() == live
            && live.is(key(other)) == (generation == other)
            && live.found(key(other)).is_some() == (generation == other)
            && found.marked(key(other)).is_some() == (generation == other)
            && live.key(7) == Some(key(generation))
            && live.generation() == generation
            && word::state(live) == State::Live
    }

    fn what_is_not_live_is_no_keys(generation: u32, link: u32) -> bool {
        let generation = generation & GENERATION_MASK;
        let live = CountedWord::<u8>::live(generation);
        let filling = CountedWord::filling(generation);
        let over = live.marked(key(generation)).expect("live");
        let orphan = filling.orphan().expect("its maker has it");
        let others = [
            filling, over, over.stranded(), orphan, orphan.made(), orphan.released(),
            CountedWord::exhausted(), word::free_with(Cycle::SECOND, link), word::zero(),
        ];
        others.iter().all(|word| {
            !word.is(key(generation))
                && word.found(key(generation)).is_none()
                && word.marked(key(generation)).is_none()
                && word.key::<()>(7).is_none()
        })
    }
}

#[test]
fn the_last_reference_to_a_marked_value_ends_it() {
    let live = CountedWord::<u8>::live(5);
    let one = live.found(key(5)).expect("live");
    let two = one.shared().expect("room");
    let marked = two.marked(key(5)).expect("live");
    assert!(!marked.is_over() && !marked.released().is_over());
    assert_eq!(marked.released().released(), CountedWord::over(5));
    assert!(CountedWord::<u8>::over(5).is_over() && !live.is_over() && !one.released().is_over());
    assert!(live.marked(key(5)).expect("live").is_over());
}

#[test]
fn what_is_made_becomes_live() {
    let filling = CountedWord::<u8>::filling(5);
    assert_eq!(filling.made(), CountedWord::live(5).found(key(5)).expect("live"));
    assert_eq!(filling.released(), CountedWord::live(5));
}

#[test]
fn orphans_are_what_something_keeps() {
    let live = CountedWord::<u8>::live(5);
    assert_eq!(live.orphan(), None);
    assert_eq!(CountedWord::<u8>::over(5).stranded().orphan(), None);
    assert_eq!(CountedWord::<u8>::exhausted().orphan(), None);
    assert_eq!(word::free_with::<CountedWord<u8>>(Cycle::SECOND, 9).orphan(), None);
    for kept in [live.found(key(5)).expect("live"), CountedWord::filling(5)] {
        let orphan = kept.orphan().expect("kept");
        assert!(orphan.is_orphan() && !orphan.is_over() && !kept.is_orphan());
        assert!(orphan.released().is_over() && orphan.released().is_orphan());
        assert_eq!(orphan.shared().expect("room").released(), orphan.made());
    }
    assert!(CountedWord::<u8>::over(5).orphan().expect("its owner has it").is_over());
}

#[test]
fn references_that_are_too_many_are_refused() {
    let all = CountedWord::<u8>::new(CountedWord::<u8>::live(5).0 + COUNT_MAX);
    assert!(all.is(key(5)) && all.count() == COUNT_MAX);
    assert_eq!(all.found(key(5)), None);
    assert_eq!(all.shared(), None);
    let marked = all.marked(key(5)).expect("live");
    assert_eq!((marked.count(), marked.shared()), (COUNT_MAX, None));
    assert!(all.released().found(key(5)) == Some(all));
}
