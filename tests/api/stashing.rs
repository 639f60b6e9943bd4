//! What participants put aside, and who gets it.

use slotarena::{Handle, Mutator, Table};

use crate::common::{check, check_empty, slots_per_segment};

/// Two magazines, which a store holds without a stash.
const STORE: u64 = 128;

fn table(stash: usize) -> Table<u64> {
    let builder = Table::<u64>::builder().capacity(100_000).stripes(1);
    builder.overflow(stash).build().expect("a table")
}

/// Takes so many slots and gives them all back, in another order, `times` times.
fn to_and_fro(mutator: &mut Mutator<'_, u64>, slots: u64, times: usize) {
    for _ in 0..times {
        let mut handles: Vec<Handle> =
            (0..slots).map(|i| mutator.allocate(i).expect("a slot")).collect();
        let third = handles.len() / 3;
        handles.rotate_left(third);
        assert_eq!(mutator.free_many(&handles), Ok(()));
    }
}

#[test]
fn who_takes_and_gives_by_turns_keeps_what_he_needs() {
    for (stash, slots, kept) in [(0, 1000, STORE), (500, 1000, 500), (8192, 1000, 1000)] {
        let table = table(stash);
        let mut mutator = table.mutator();
        to_and_fro(&mut mutator, slots, 20);
        let stats = table.stats();
        let part = stats.free_in_local_stores;
        let least = kept - kept % 64;
        assert!((least..=STORE + stash as u64).contains(&part), "{stash}: {stats:?}");
        check(&table);
        drop(mutator);
        assert_eq!(table.stats().free_in_local_stores, 0);
        check_empty(&table);
    }
}

#[test]
fn who_only_gives_keeps_two_magazines() {
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
fn a_sweep_does_away_with_the_stash() {
    let table = table(8192);
    let mut mutator = table.mutator();
    to_and_fro(&mut mutator, 5000, 10);
    assert!(table.stats().free_in_local_stores > 1000);
    assert!(table.sweep(0).swept);
    assert_eq!(table.stats().segments_committed, 0);
    to_and_fro(&mut mutator, 5000, 1);
    assert!(table.stats().free_in_local_stores <= 2 * STORE, "{:?}", table.stats());
    check(&table);
}

#[test]
fn what_a_forgotten_mutator_put_aside_is_found() {
    let table = table(8192);
    let mut mutator = table.mutator();
    to_and_fro(&mut mutator, 5000, 10);
    let free = table.stats().free;
    std::mem::forget(mutator);
    let handles: Vec<Handle> =
        (0..100_000).map(|i| table.allocate(i).expect("all are to be had")).collect();
    assert!(free > 0 && table.allocate(0).is_err());
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}

#[test]
fn who_has_taken_many_keeps_the_segments_that_the_table_grows_by() {
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
    // Others get them when there is nothing else.
    let all: Vec<Handle> = std::iter::from_fn(|| table.allocate(1).ok()).collect();
    assert_eq!(all.len() + handles.len(), 100_000);
    assert_eq!(table.free_many(&all).and(table.free_many(&handles)), Ok(()));
    drop(mutator);
    check_empty(&table);
}
