//! Mutators: participants that belong to no thread.

use slotarena::{AllocError, Handle, Mutator, SetError, Table};

use crate::common::{check, check_capacity, check_empty, check_left, on_threads};
use crate::table;

#[test]
fn a_mutator_does_all_that_the_table_does() {
    let table = table(1000);
    let mutator = table.mutator();
    let handle = mutator.allocate(7).expect("a slot");
    assert_eq!((mutator.get(handle), table.get(handle)), (Some(7), Some(7)));
    assert_eq!(mutator.set(handle, 8), Ok(Some(7)));
    assert_eq!(mutator.free(handle), Ok(8));
    assert_eq!((mutator.get(handle), table.get(handle)), (None, None));
    let error = mutator.free(handle).expect_err("freed");
    assert_eq!(mutator.set(handle, 1), Err(SetError::InvalidHandle(error)));
    assert_eq!(mutator.free_uninitialized(handle), Err(error));
    let handle = mutator.allocate_uninitialized().expect("a slot");
    assert_eq!(table.stats().uninitialized, 1);
    assert_eq!(mutator.free_uninitialized(handle), Ok(()));
    let mut handles = Vec::new();
    mutator.allocate_many(&[1, 2, 3], &mut handles).expect("three slots");
    handles.push(handles[0]);
    let error = mutator.free_many(&handles).expect_err("one twice");
    assert_eq!((error.first.raw(), error.refused, error.freed), (handles[0].to_raw(), 1, 3));
    let full = AllocError::CapacityExhausted { capacity: 1000 };
    assert_eq!(mutator.allocate_many(&[0; 1001], &mut handles), Err(full));
    let wide = AllocError::ReservedBit { word: 1 << 63 };
    assert_eq!(mutator.allocate(1 << 63), Err(wide));
    drop(mutator);
    check_empty(&table);
}

#[test]
fn an_owner_may_free_without_a_check() {
    let table = table(1000);
    let mutator = table.mutator();
    for i in 0..1000 {
        let (a, b) = (table.allocate(i).expect("a slot"), mutator.allocate(i).expect("a slot"));
        // SAFETY: `a` is live, and no other thread has its handle.
        assert_eq!(unsafe { table.get_unchecked(a) }, i);
        // SAFETY: `a` is live, and no other thread has its handle.
        assert_eq!(unsafe { mutator.free_unchecked(a) }, i);
        // SAFETY: `b` is live, and no other thread has its handle.
        assert_eq!(unsafe { table.free_unchecked(b) }, i);
        assert_eq!((table.get(a), table.get(b)), (None, None));
        assert!(table.free(a).is_err());
    }
    drop(mutator);
    check_empty(&table);
}

#[test]
fn a_handle_works_through_any_participant() {
    let table = table(1000);
    let (a, b) = (table.mutator(), table.mutator());
    let handle = a.allocate(1).expect("a slot");
    assert_eq!(b.set(handle, 2), Ok(Some(1)));
    assert_eq!(table.get(handle), Some(2));
    assert_eq!(table.free(handle), Ok(2));
    let handle = table.allocate(3).expect("a slot");
    assert_eq!(a.free(handle), Ok(3));
}

#[test]
fn mutators_and_threads_are_counted() {
    let table = table(1000);
    assert_eq!(table.stats().mutators, 0);
    let a = table.mutator();
    let b = table.mutator();
    assert_eq!(table.stats().mutators, 2);
    let handle = table.allocate(1).expect("a slot");
    assert_eq!(table.stats().mutators, 3);
    assert_eq!(table.get(handle), Some(1));
    drop(a);
    assert_eq!(table.stats().mutators, 2);
    drop(b);
    assert_eq!(table.stats().mutators, 1);
}

#[test]
fn reading_registers_no_participant() {
    let table = table(1000);
    let handle = table.allocate(1).expect("a slot");
    on_threads(2, |_| {
        assert_eq!(table.get(handle), Some(1));
        assert_eq!(table.stats().mutators, 1, "the thread that allocated");
    });
}

#[test]
fn a_mutator_may_go_to_another_thread() {
    let table = table(1000);
    let mutator = table.mutator();
    let first = mutator.allocate(1).expect("a slot");
    let (mutator, second) = std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let second = mutator.allocate(2).expect("a slot");
            (mutator, second)
        });
        thread.join().expect("no panic")
    });
    assert_eq!((mutator.free(first), mutator.free(second)), (Ok(1), Ok(2)));
}

#[test]
fn a_living_mutators_free_slots_serve_other_participants() {
    let table = table(1000);
    let mutator = table.mutator();
    let handles: Vec<Handle> = (0..1000).map(|i| mutator.allocate(i).expect("a slot")).collect();
    mutator.free_many(&handles).expect("all are live");
    assert!(table.stats().free_in_local_stores > 0);
    check_capacity(&table);
    assert!(mutator.allocate(1).is_ok());
}

#[test]
fn a_dropped_mutators_free_slots_serve_other_participants() {
    let table = table(1000);
    let mutator = table.mutator();
    let handle = mutator.allocate(1).expect("a slot");
    assert_eq!(mutator.free(handle), Ok(1));
    assert!(table.stats().free_in_local_stores > 0);
    drop(mutator);
    check_left(&table, 1);
    check_capacity(&table);
}

#[test]
fn participants_that_come_and_go_revoke_no_bias() {
    // More of them than free lists.
    let table = Table::<u64>::builder().capacity(100_000).stripes(1).build().expect("a table");
    for _ in 0..20 {
        let mutators = [0; 8].map(|_| table.mutator());
        let held = [0; 8].map(|_| Vec::new());
        let mut all: Vec<_> = mutators.iter().zip(held).collect();
        // In turns, so that slots of a shared list would go to all of them.
        for entry in 0..100 {
            for (mutator, held) in &mut all {
                held.push(mutator.allocate(entry).expect("a slot"));
            }
        }
        for (mutator, held) in &all {
            assert_eq!(mutator.free_many(held), Ok(()));
        }
    }
    let stats = table.stats();
    assert_eq!((stats.revocations, stats.ranges_shared), (0, 0), "{stats:?}");
    check_left(&table, 8);
    check_empty(&table);
}

#[test]
fn ended_mutators_leave_few_free_slots_outside_of_the_free_lists() {
    let table = table(100_000);
    let mutators: Vec<_> = (0..100).map(|_| table.mutator()).collect();
    for mutator in &mutators {
        let handles = [0; 100].map(|entry| mutator.allocate(entry).expect("a slot"));
        assert_eq!(mutator.free_many(&handles), Ok(()));
    }
    assert!(table.stats().free_in_local_stores > 9000);
    drop(mutators);
    check_left(&table, 100);
    check_capacity(&table);
    check_empty(&table);
}

#[test]
fn a_forgotten_mutators_free_slots_are_found_without_a_sweep() {
    let table = table(1000);
    let mutator = table.mutator();
    let handle = mutator.allocate(1).expect("a slot");
    assert_eq!(mutator.free(handle), Ok(1));
    std::mem::forget(mutator);
    check_capacity(&table);
    check_empty(&table);
}

/// Leaves two segments with one live slot, so that a sweep has segments to release.
fn nearly_empty(mutator: &mut Mutator<'_, u64>) -> Handle {
    let mut handles = Vec::new();
    mutator.allocate_many(&[1; 9000], &mut handles).expect("9,000 slots");
    assert_eq!(mutator.free_many(&handles[1..]), Ok(()));
    handles[0]
}

#[test]
fn a_sweep_finds_a_forgotten_mutators_free_slots() {
    let table = table(20_000);
    let mut mutator = table.mutator();
    let live = nearly_empty(&mut mutator);
    std::mem::forget(mutator);
    assert!(table.stats().free_in_local_stores > 0);
    assert!(table.sweep(0).swept);
    assert_eq!(table.stats().free_in_local_stores, 0);
    assert_eq!(check(&table).live, 1);
    assert_eq!(table.free(live), Ok(1));
    check_empty(&table);
}

#[test]
fn a_mutator_works_after_a_sweep_took_its_free_slots() {
    let table = table(20_000);
    let mut mutator = table.mutator();
    let live = nearly_empty(&mut mutator);
    assert!(table.sweep(0).swept);
    let other = mutator.allocate(2).expect("a slot");
    assert_ne!(live, other);
    assert_eq!((mutator.free(live), mutator.free(other)), (Ok(1), Ok(2)));
    check_empty(&table);
}
