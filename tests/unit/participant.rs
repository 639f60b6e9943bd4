//! Unit tests of `src/slab/reclaim/participant.rs`.

use super::*;

#[test]
fn a_participant_with_a_guard_is_never_the_sole_reader() {
    let none = SoleReader::NO_READER;
    let reader = none.with_reader();
    assert!(none.is(0) && !none.is(1) && !none.is_reader() && !none.has_guard());
    assert!(reader.is(SoleReader::READER) && !reader.is(0) && reader.is_reader());
    assert!(!none.is(SoleReader::FENCED) && !reader.is(SoleReader::FENCED + SoleReader::READER));
    let mut guarded = reader;
    for _ in 0..3 {
        guarded = guarded.with_guard();
        assert!(guarded.has_guard() && guarded.is_reader());
        // No count of readers, fenced or not.
        assert!(guarded.0 > SoleReader::FENCED + u64::from(u32::MAX));
    }
    for _ in 0..3 {
        guarded = guarded.without_guard();
    }
    assert_eq!(guarded, reader);
}

#[test]
fn a_participant_that_forgets_too_many_guards_has_one_forever() {
    let mut most = SoleReader(SoleReader::MOST - SoleReader::GUARD).with_reader().with_guard();
    assert_eq!(most.0 >> 33, u64::MAX >> 33);
    most = most.with_guard().with_guard();
    assert!(most.is_reader());
    for _ in 0..4 {
        most = most.without_guard();
        assert!(most.has_guard() && most.is_reader());
    }
}
