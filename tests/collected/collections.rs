//! Marks, sweeps, and spaces.

use std::thread::scope;

use slotarena::Handle;
use slotarena::collected::{CollectError, ExternalPointerTable, Space, Tag, TagRange};

use super::{pointer, table};

struct Thing;

fn thing() -> Tag<Thing> {
    Tag::new(110).expect("bound to this type alone")
}

fn fill(space: &Space, count: usize) -> Vec<u32> {
    let one = |i| space.allocate(thing(), pointer(8 * (i + 1))).expect("room").to_raw();
    (0..count).map(one).collect()
}

/// Checks that these handles name what `fill` stored, and no others do.
fn check(table: &ExternalPointerTable, handles: &[u32], lives: impl Fn(usize) -> bool) {
    for (i, &raw) in handles.iter().enumerate() {
        let wanted = lives(i).then(|| pointer(8 * (i + 1)));
        assert_eq!(table.get(raw, thing()), wanted, "entry {i}, handle {raw}");
    }
}

#[test]
fn what_is_not_marked_is_freed_again_and_again() {
    let (table, space) = table();
    let handles = fill(&space, 50_000);
    for step in [1, 2, 4, 8] {
        let marking = table.begin(&[&space]).expect("idle");
        for (i, &raw) in handles.iter().enumerate() {
            assert_eq!(marking.mark(raw), i % step == 0 && i % (2 * step) <= step, "{i} {step}");
            if i % step == 0 && i % (2 * step) != 0 {
                // Marked too, since it lives.
                assert!(marking.is_marked(raw));
            }
        }
        let report = marking.sweep().unwrap().finish().unwrap();
        let lives = 50_000usize.div_ceil(step) as u64;
        assert_eq!(report.live, lives);
        check(&table, &handles, |i| i % step == 0);
        space.audit().expect("idle").expect("no violation");
        let marking = table.begin(&[&space]).expect("idle");
        for (i, &raw) in handles.iter().enumerate() {
            assert!(!marking.is_marked(raw), "a sweep clears all marks");
            if i % (2 * step) == 0 {
                assert!(marking.mark(raw) && !marking.mark(raw), "the first call says so");
            }
        }
        let report = marking.sweep().unwrap().finish().unwrap();
        assert_eq!(report.live, 50_000usize.div_ceil(2 * step) as u64);
        check(&table, &handles, |i| i % (2 * step) == 0);
    }
}

#[test]
fn new_entries_are_marked_from_the_start() {
    let (table, space) = table();
    let old = fill(&space, 1_000);
    let marking = table.begin(&[&space]).expect("idle");
    let new = fill(&space, 1_000);
    assert!(new.iter().all(|&raw| marking.is_marked(raw) && !marking.mark(raw)));
    let mut sweeping = marking.sweep().expect("not inside a call");
    let late = fill(&space, 1_000);
    assert!(!sweeping.step(1_000).expect("not inside a call"));
    let latest = fill(&space, 1_000);
    let report = sweeping.finish().expect("not inside a call");
    assert_eq!(report.freed, 1_000);
    for kept in [&new, &late, &latest] {
        check(&table, kept, |_| true);
    }
    drop(old);
    let report = table.begin(&[&space]).unwrap().sweep().unwrap().finish().unwrap();
    assert_eq!((report.freed, report.live), (3_000, 0));
    assert_eq!(space.stats().segments_committed, 0, "all segments go back");
}

#[test]
fn the_dead_are_refused_while_the_sweep_goes_on() {
    let (table, space) = table();
    let handles = fill(&space, 30_000);
    let marking = table.begin(&[&space]).expect("idle");
    handles.iter().step_by(2).for_each(|&raw| assert!(marking.mark(raw)));
    let mut sweeping = marking.sweep().expect("not inside a call");
    assert!(sweeping.step(1).expect("not inside a call"), "there are more segments");
    for &dead in handles.iter().skip(1).step_by(2) {
        assert!(table.exchange(dead, thing(), pointer(8)).is_err());
        assert!(table.zap(dead, thing()).is_err());
        assert!(table.free(dead, thing()).is_err());
        assert!(table.duplicate(dead, thing(), &space).is_err());
    }
    // What lives is changed and freed as ever.
    table.free(handles[0], thing()).expect("it lives");
    table.exchange(handles[2], thing(), pointer(24)).expect("it lives");
    let report = sweeping.finish().expect("not inside a call");
    assert_eq!(report.freed, 15_000);
    check(&table, &handles, |i| i % 2 == 0 && i > 0);
    space.audit().expect("idle").expect("no violation");
}

#[test]
fn an_entry_that_was_freed_by_hand_is_no_error_of_the_collector() {
    let (table, space) = table();
    let handles = fill(&space, 10_000);
    let marking = table.begin(&[&space]).expect("idle");
    handles.iter().for_each(|&raw| assert!(marking.mark(raw)));
    handles.iter().step_by(2).for_each(|&raw| table.free(raw, thing()).expect("it lives"));
    assert!(!marking.mark(handles[0]));
    let report = marking.sweep().unwrap().finish().unwrap();
    assert_eq!((report.live, report.freed), (5_000, 0));
    space.audit().expect("idle").expect("no violation");
}

#[test]
fn a_marking_that_is_dropped_frees_nothing() {
    let (table, space) = table();
    let handles = fill(&space, 20_000);
    let marking = table.begin(&[&space]).expect("idle");
    handles.iter().step_by(3).for_each(|&raw| assert!(marking.mark(raw)));
    drop(marking);
    check(&table, &handles, |_| true);
    // And the next collection begins with all of them unmarked.
    let report = table.begin(&[&space]).unwrap().sweep().unwrap().finish().unwrap();
    assert_eq!(report.freed, 20_000);
}

#[test]
fn one_collection_at_a_time_of_spaces_of_its_own_table() {
    let (table, space) = table();
    let (_other_table, foreign) = self::table();
    let twice = table.begin(&[&space, &space]);
    assert!(matches!(twice, Err(CollectError::Space)));
    assert!(matches!(table.begin(&[&foreign]), Err(CollectError::Space)));
    assert!(matches!(table.compact(&foreign), Err(CollectError::Space)));
    let marking = table.begin(&[&space]).expect("idle");
    assert!(matches!(table.begin(&[&space]), Err(CollectError::UnderWay)));
    assert!(matches!(table.compact(&space), Err(CollectError::UnderWay)));
    assert!(matches!(space.audit(), Err(CollectError::UnderWay)));
    assert!(matches!(marking.sweep_into(&space), Err(CollectError::Space)));
    assert!(table.begin(&[&space]).is_ok(), "an error ends the collection");
}

#[test]
fn spaces_are_collected_by_themselves() {
    let (table, one) = table();
    let two = table.space().expect("a space");
    let (ones, twos) = (fill(&one, 20_000), fill(&two, 20_000));
    let marking = table.begin(&[&one]).expect("idle");
    assert!(!marking.mark(twos[0]) && marking.mark(ones[0]));
    let report = marking.sweep().unwrap().finish().unwrap();
    assert_eq!((report.live, report.freed), (1, 19_999));
    check(&table, &twos, |_| true);
    let marking = table.begin(&[&one, &two]).expect("idle");
    assert!(marking.mark(twos[7]) && marking.mark(ones[0]));
    let report = marking.sweep().unwrap().finish().unwrap();
    assert_eq!((report.live, report.freed), (2, 19_999));
    check(&table, &twos, |i| i == 7);
}

#[test]
fn a_closed_space_says_what_it_held_and_its_segments_go_back() {
    let (table, space) = table();
    let other = table.space().expect("a space");
    let (gone, kept) = (fill(&space, 30_000), fill(&other, 30_000));
    let clone = space.clone();
    let space = space.close().expect_err("it has another name");
    drop(clone);
    let report = space.close().expect("the last name");
    assert_eq!((report.live, report.dropped, report.segments_released), (30_000, 0, 4));
    check(&table, &gone, |_| false);
    check(&table, &kept, |_| true);
    for &raw in &gone {
        assert!(table.free(raw, thing()).is_err());
    }
    // The segments and the number are used again.
    let space = table.space().expect("a space");
    let again = fill(&space, 30_000);
    check(&table, &again, |_| true);
    assert_eq!(space.stats().live, 30_000);
    space.audit().expect("idle").expect("no violation");
    other.audit().expect("idle").expect("no violation");
}

#[test]
fn survivors_of_a_minor_sweep_keep_their_handles_and_are_the_old_spaces() {
    let (table, young) = table();
    let old = table.space().expect("a space");
    let ancient = fill(&old, 10_000);
    let mut kept: Vec<(Vec<u32>, usize)> = Vec::new();
    for round in 0..7 {
        let handles = fill(&young, 20_000);
        let marking = table.begin(&[&young]).expect("idle");
        handles.iter().step_by(20).for_each(|&raw| assert!(marking.mark(raw)));
        assert!(!marking.mark(ancient[0]), "the old space is not collected");
        let mut sweeping = marking.sweep_into(&old).expect("not inside a call");
        assert!(sweeping.step(1).expect("not inside a call"));
        let late = fill(&young, 100);
        // In transit: what lives is found and changed, and what is freed is emptied.
        table.exchange(handles[20], thing(), pointer(8 * 21)).expect("it lives");
        table.free(handles[40], thing()).expect("it lives");
        assert!(table.exchange(handles[1], thing(), pointer(8)).is_err(), "it is dead");
        let report = sweeping.finish().expect("not inside a call");
        assert_eq!((report.live, report.freed), (1_000, 19_000), "round {round}");
        check(&table, &handles, |i| i % 20 == 0 && i != 40);
        check(&table, &late, |_| true);
        kept.push((handles, 20));
        for (handles, step) in &kept {
            check(&table, handles, |i| i % step == 0 && i != 40);
        }
        assert_eq!(young.stats().live, 100);
        old.audit().expect("idle").expect("no violation");
        young.audit().expect("idle").expect("no violation");
        // The late ones die with the next round: they are white.
        let marking = table.begin(&[&young]).expect("idle");
        assert!(late.iter().all(|&raw| !marking.is_marked(raw)));
        let report = marking.sweep_into(&old).unwrap().finish().unwrap();
        assert_eq!((report.live, report.freed), (0, 100));
    }
    // A major collection of the old space finds them all white.
    let marking = table.begin(&[&old]).expect("idle");
    for (handles, step) in &kept {
        for &raw in handles.iter().step_by(2 * step) {
            assert!(marking.mark(raw));
        }
    }
    let report = marking.sweep().unwrap().finish().unwrap();
    assert_eq!(report.live, 7 * 500, "one of each round was emptied, and marked all the same");
    for (handles, step) in &kept {
        check(&table, handles, |i| i % (2 * step) == 0 && i != 40);
    }
    check(&table, &ancient, |_| false);
    old.audit().expect("idle").expect("no violation");
}

#[test]
fn each_fate_is_shown_once() {
    let (table, space) = table();
    let handles = fill(&space, 20_000);
    let marking = table.begin(&[&space]).expect("idle");
    handles.iter().step_by(4).for_each(|&raw| assert!(marking.mark(raw)));
    let mut sweeping = marking.sweep().expect("not inside a call");
    let (mut died, mut lived) = (Vec::new(), Vec::new());
    let mut see = |fate: slotarena::collected::Fate| {
        assert_eq!((fate.tag, fate.address % 8), (110, 0));
        // The table may be used in here.
        let _ = table.get_in(fate.handle.to_raw(), TagRange::ALL);
        let list = if fate.lives { &mut lived } else { &mut died };
        list.push(fate.handle.to_raw());
    };
    while sweeping.step_with(1, true, &mut see).expect("not inside a call") {}
    sweeping.finish().expect("not inside a call");
    died.sort_unstable();
    lived.sort_unstable();
    let mut wanted: [Vec<u32>; 2] = [vec![], vec![]];
    for (i, &raw) in handles.iter().enumerate() {
        wanted[usize::from(i % 4 == 0)].push(raw);
    }
    wanted.iter_mut().for_each(|list| list.sort_unstable());
    assert_eq!([died, lived], wanted);
}

#[test]
fn collectors_share_a_marking_and_each_entry_has_one_first() {
    let (table, space) = table();
    let handles = fill(&space, 100_000);
    let marking = table.begin(&[&space]).expect("idle");
    let first = scope(|scope| {
        let mark = || handles.iter().filter(|&&raw| marking.mark(raw)).count();
        let threads = [0; 4].map(|_| scope.spawn(mark));
        threads.map(|thread| thread.join().expect("no panic")).into_iter().sum::<usize>()
    });
    assert_eq!(first, 100_000);
    assert_eq!(marking.sweep().unwrap().finish().unwrap().live, 100_000);
}

#[test]
fn freed_slots_come_back_lowest_first() {
    let (table, space) = table();
    let handles = fill(&space, 100_000);
    let marking = table.begin(&[&space]).expect("idle");
    handles.iter().filter(|&&raw| raw % 2 == 0).for_each(|&raw| assert!(marking.mark(raw)));
    marking.sweep().unwrap().finish().unwrap();
    let again = fill(&space, 1_000);
    let odd: Vec<u32> = (0..1_000).map(|i| 2 * i + 1).collect();
    assert_eq!(again, odd);
    assert_eq!(Handle::from_raw(again[0]).map(Handle::to_raw), Some(1));
}

/// A segment that was committed since the last collection has free slots in local stores, whose
/// words are those of fresh memory.
#[test]
fn slots_of_a_fresh_segment_are_handed_out_once() {
    let (table, space) = table();
    // So that a sweep cycle has begun.
    table.begin(&[&space]).and_then(|m| m.sweep()).and_then(|s| s.finish()).expect("idle");
    // Up to the second segment, and a little into it.
    let handles = fill(&space, 8_191 + 20);
    let (dead, live): (Vec<u32>, Vec<u32>) =
        handles.iter().partition(|&&raw| (8_192..8_197).contains(&raw));
    assert_eq!(dead.len(), 5);
    let marking = table.begin(&[&space]).expect("idle");
    assert_eq!(marking.mark_all(&live), live.len());
    let mut sweeping = marking.sweep().expect("not inside a call");
    while sweeping.step(1).expect("not inside a call") {}
    let elsewhere = scope(|scope| scope.spawn(|| fill(&space, 8_600)).join().expect("no panic"));
    let here = fill(&space, 200);
    sweeping.finish().expect("not inside a call");
    let mut all = [live, elsewhere, here].concat();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]), "a slot has two owners");
    space.audit().expect("idle").expect("no violation");
}
