//! The overflow of a local store: which participant keeps one, and which participants get its
//! slots.

use slotarena::{Handle, Mutator, Table};

use crate::common::{check, check_empty, check_left, slots_per_segment};

/// Two magazines, which a local store holds without an overflow.
const STORE: u64 = 128;

fn table(overflow: usize) -> Table<u64> {
    let builder = Table::<u64>::builder().capacity(100_000).stripes(1);
    builder.overflow(overflow).build().expect("a table")
}

/// Allocates `slots` slots and frees them in another order, `times` times.
fn oscillate(mutator: &mut Mutator<'_, u64>, slots: u64, times: usize) {
    for _ in 0..times {
        let mut handles: Vec<Handle> =
            (0..slots).map(|i| mutator.allocate(i).expect("a slot")).collect();
        let third = handles.len() / 3;
        handles.rotate_left(third);
        assert_eq!(mutator.free_many(&handles), Ok(()));
    }
}

#[test]
fn a_participant_whose_demand_oscillates_keeps_what_it_needs() {
    for (overflow, slots, kept) in [(0, 1000, STORE), (500, 1000, 500), (8192, 1000, 1000)] {
        let table = table(overflow);
        let mut mutator = table.mutator();
        // Up to the end of the first range. From there on it takes whole magazines.
        let mut held = vec![mutator.allocate(0).expect("a slot")];
        while table.stats().free_in_local_stores > 0 {
            held.push(mutator.allocate(0).expect("a slot"));
        }
        oscillate(&mut mutator, slots, 20);
        let stats = table.stats();
        let part = stats.free_in_local_stores;
        let least = kept - kept % 64;
        assert!((least..=STORE + overflow as u64).contains(&part), "{overflow}: {stats:?}");
        check(&table);
        assert_eq!(mutator.free_many(&held), Ok(()));
        drop(mutator);
        check_left(&table, 1);
        check_empty(&table);
    }
}

#[test]
fn a_participant_that_only_frees_keeps_two_magazines() {
    let table = table(8192);
    let (taker, giver) = (table.mutator(), table.mutator());
    for _ in 0..20 {
        let handles: Vec<Handle> = (0..1000).map(|i| taker.allocate(i).expect("a slot")).collect();
        assert_eq!(giver.free_many(&handles), Ok(()));
    }
    assert!(table.stats().free_in_local_stores <= 2 * STORE, "{:?}", table.stats());
    check(&table);
}

#[test]
fn a_sweep_empties_the_overflow() {
    let table = table(8192);
    let mut mutator = table.mutator();
    oscillate(&mut mutator, 5000, 10);
    assert!(table.stats().free_in_local_stores > 1000);
    assert!(table.sweep(0).swept);
    assert_eq!(table.stats().segments_committed, 0);
    oscillate(&mut mutator, 5000, 1);
    assert!(table.stats().free_in_local_stores <= 2 * STORE, "{:?}", table.stats());
    check(&table);
}

#[test]
fn the_overflow_of_a_forgotten_mutator_is_found() {
    let table = table(8192);
    let mut mutator = table.mutator();
    oscillate(&mut mutator, 5000, 10);
    let free = table.stats().free;
    std::mem::forget(mutator);
    let handles: Vec<Handle> =
        (0..100_000).map(|i| table.allocate(i).expect("every slot can be allocated")).collect();
    assert!(free > 0 && table.allocate(0).is_err());
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}

#[test]
fn a_participant_that_allocated_many_keeps_fresh_segments() {
    let table = table(1);
    let segment = slots_per_segment::<u64>() as u64;
    let mutator = table.mutator();
    let take = |count: u64| -> Vec<Handle> {
        (0..count).map(|i| mutator.allocate(i).expect("a slot")).collect()
    };
    let mut handles = take(segment);
    assert!(table.stats().free_in_local_stores < STORE);
    handles.append(&mut take(4 * segment));
    let stats = table.stats();
    assert!(stats.free_in_local_stores > segment / 2, "{stats:?}");
    assert_eq!(stats.free_in_stripes, 0);
    check(&table);
    // Other participants get those slots when no other slot is free.
    let all: Vec<Handle> = std::iter::from_fn(|| table.allocate(1).ok()).collect();
    assert_eq!(all.len() + handles.len(), 100_000);
    assert_eq!(table.free_many(&all).and(table.free_many(&handles)), Ok(()));
    drop(mutator);
    check_empty(&table);
}
