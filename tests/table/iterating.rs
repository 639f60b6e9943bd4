//! Reading all live entries at one moment, and the operations that are not allowed in the meantime.

use slotarena::{AllocError, Handle, OperationError, Table};

use crate::common::{check, check_capacity, check_empty, panic_of};
use crate::table;

fn snapshot(table: &Table<u64>) -> Vec<(Handle, u64)> {
    let mut found = Vec::new();
    table.for_each_live(|handle, entry| found.push((handle, entry)));
    found
}

#[test]
fn each_live_entry_is_shown_once_in_ascending_order() {
    let table = table(30_000);
    let mut expected: Vec<(Handle, u64)> =
        (0..20_000).map(|i| (table.allocate(i).expect("a slot"), i)).collect();
    expected.retain(|&(handle, entry)| {
        let keep = entry % 7 == 0;
        assert!(keep || table.free(handle).is_ok());
        keep
    });
    table.allocate_uninitialized().expect("a slot");
    expected.sort_unstable();
    assert_eq!(snapshot(&table), expected);
}

#[test]
fn an_empty_table_shows_no_entry() {
    let table = table(100);
    assert_eq!(snapshot(&table), []);
    table.allocate_uninitialized().expect("a slot");
    assert_eq!(snapshot(&table), []);
}

#[test]
fn the_snapshot_is_of_one_moment() {
    let table = table(100);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut both = 0;
            for _ in 0..100_000 {
                let mut entries: Vec<u64> = snapshot(&table).into_iter().map(|(_, e)| e).collect();
                entries.sort_unstable();
                assert_ne!(entries, [2], "the second entry without the first");
                both += usize::from(entries == [1, 2]);
                if both == 20 {
                    return;
                }
            }
        });
        // The second entry exists only while the first one does.
        while !reader.is_finished() {
            let first = table.allocate(1).expect("a slot");
            let second = table.allocate(2).expect("a slot");
            assert_eq!(table.free(second), Ok(2));
            assert_eq!(table.free(first), Ok(1));
        }
    });
    check_empty(&table);
}

#[test]
fn reading_is_allowed_in_the_meantime() {
    let table = table(100);
    table.allocate(5).expect("a slot");
    table.for_each_live(|handle, entry| assert_eq!(table.get(handle), Some(entry)));
}

#[test]
fn another_table_may_be_used_in_the_meantime() {
    let (table, copy) = (table(100), table(100));
    table.allocate(5).expect("a slot");
    table.for_each_live(|_, entry| assert!(copy.allocate(entry).is_ok()));
    assert_eq!(snapshot(&copy).len(), 1);
    copy.for_each_live(|_, entry| assert_eq!(entry, 5));
}

#[test]
fn a_panic_of_the_closure_leaves_the_table_usable() {
    let table = table(20_000);
    let handle = table.allocate(5).expect("a slot");
    let text = panic_of(|| table.for_each_live(|_, _| panic!("enough")));
    assert_eq!(text, "enough");
    assert_eq!(table.free(handle), Ok(5));
    std::thread::scope(|scope| {
        scope.spawn(|| table.allocate(6).and_then(|_| table.allocate(7)).expect("two slots"));
    });
    assert_eq!(snapshot(&table).len(), 2);
    assert_eq!(check(&table).live, 2);
}

/// An operation on a table and one of its live handles. Returns `true` if it succeeded.
type Operation = fn(&Table<u64>, Handle) -> bool;

#[test]
fn other_operations_on_the_same_table_are_refused_in_the_meantime_and_work_afterward() {
    let operations: [(&str, Operation); 11] = [
        ("allocate", |table, _| table.allocate(1).is_ok()),
        ("allocate_uninitialized", |table, _| table.allocate_uninitialized().is_ok()),
        ("allocate_many", |table, _| table.allocate_many(&[1], &mut Vec::new()).is_ok()),
        ("set", |table, handle| table.set(handle, 1).is_ok()),
        ("free", |table, handle| table.free(handle).is_ok()),
        ("free_uninitialized", |table, handle| table.free_uninitialized(handle).is_ok()),
        ("free_many", |table, handle| table.free_many(&[handle]).is_ok()),
        ("mutator", |table, _| table.mutator().allocate(1).is_ok()),
        ("sweep", |table, _| table.sweep(u64::MAX).swept),
        ("stats", |table, _| table.stats().exact),
        ("audit", |table, _| table.audit().is_ok()),
    ];
    // Once on a thread that is a participant already, once on a thread that is not.
    for known in [true, false] {
        for (name, operation) in operations {
            let table = table(20_000);
            let handle = std::thread::scope(|scope| {
                scope.spawn(|| table.allocate(5).expect("a slot")).join().expect("no panic")
            });
            if known {
                assert_eq!(table.set(handle, 5), Ok(Some(5)));
            }
            table.for_each_live(|handle, _| assert!(!operation(&table, handle), "{name}"));
            assert_eq!(snapshot(&table), [(handle, 5)], "{name}");
            assert_eq!(table.free(handle), Ok(5), "{name}");
            check_empty(&table);
        }
    }
}

#[test]
fn iterating_in_the_meantime_panics() {
    let table = table(100);
    table.allocate(5).expect("a slot");
    let text = panic_of(|| table.for_each_live(|_, _| table.for_each_live(|_, _| ())));
    assert!(text.contains("inside another call"), "{text}");
    assert_eq!(snapshot(&table).len(), 1);
}

#[test]
fn a_mutator_dropped_in_the_meantime_loses_no_slot() {
    let table = table(1000);
    let mut mutator = Some(table.mutator());
    let handle = mutator.as_mut().expect("just made").allocate(5).expect("a slot");
    table.for_each_live(|_, _| drop(mutator.take()));
    assert!(mutator.is_none());
    assert_eq!(table.free(handle), Ok(5));
    check_capacity(&table);
    check_empty(&table);
}

#[test]
fn a_mutator_used_in_the_meantime_is_refused_and_works_afterward() {
    let table = table(1000);
    let mutator = table.mutator();
    let handle = mutator.allocate(5).expect("a slot");
    table.for_each_live(|handle, _| {
        let error = mutator.free(handle).expect_err("the world is stopped");
        assert_eq!(error.operation(), Some(OperationError::Reentered));
        assert_eq!(mutator.allocate(6), Err(AllocError::Operation(OperationError::Reentered)));
    });
    assert_eq!(mutator.free(handle), Ok(5));
    drop(mutator);
    check_empty(&table);
}
