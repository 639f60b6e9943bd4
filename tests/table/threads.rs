//! Threads that start, end, and outlive a table.

use std::cell::RefCell;
use std::sync::{Arc, Barrier, mpsc};

use fastrand::Rng;
use slotarena::{Handle, Table};

use crate::common::{check, check_capacity, check_empty, check_left, on_threads};
use crate::table;

#[test]
fn the_free_slots_of_a_thread_that_ends_serve_others() {
    let table = table(1000);
    on_threads(1, |_| {
        let handle = table.allocate(1).expect("a slot");
        assert_eq!(table.free(handle), Ok(1));
        let stats = table.stats();
        assert!(stats.free_in_local_stores > 0 && stats.mutators == 1, "{stats:?}");
    });
    check_left(&table, 1);
    check_capacity(&table);
}

#[test]
fn entries_outlive_the_thread_that_made_them() {
    let table = table(1000);
    let handles = on_threads(3, |i| table.allocate(i as u64).expect("a slot"));
    assert_eq!(check(&table).live, 3);
    for (i, handle) in handles.into_iter().enumerate() {
        assert_eq!(table.free(handle), Ok(i as u64));
    }
    check_empty(&table);
}

#[test]
fn there_is_no_limit_on_successive_threads() {
    let table = table(1000);
    for i in 0..250 {
        on_threads(1, |_| {
            let handles: Vec<Handle> =
                (0..100).map(|_| table.allocate(i).expect("a slot")).collect();
            assert_eq!(table.free_many(&handles), Ok(()));
        });
    }
    check_left(&table, 1);
    assert_eq!(table.stats().live, 0);
    check_capacity(&table);
}

#[test]
fn there_is_no_limit_on_simultaneous_threads() {
    const THREADS: usize = 200;
    let table = table(1000);
    let meeting = Barrier::new(THREADS);
    on_threads(THREADS, |i| {
        let handle = table.allocate(i as u64);
        meeting.wait();
        let mutators = table.stats().mutators;
        meeting.wait();
        assert_eq!(mutators, THREADS);
        assert_eq!(table.free(handle.expect("a slot")), Ok(i as u64));
    });
    assert_eq!(table.stats().mutators, 0);
    check_capacity(&table);
}

#[test]
fn a_table_may_be_closed_before_its_threads_end() {
    const THREADS: usize = 4;
    let table = Arc::new(table(1000));
    let (used, is_used) = mpsc::channel();
    let (lives, threads): (Vec<mpsc::Sender<()>>, Vec<_>) = (0..THREADS as u64)
        .map(|i| {
            let (table, used, (life, end)) = (Arc::clone(&table), used.clone(), mpsc::channel());
            let thread = std::thread::spawn(move || {
                let handle = table.allocate(i).expect("a slot");
                assert_eq!(table.free(handle), Ok(i));
                drop(table);
                used.send(()).expect("the test receives");
                end.recv().expect_err("the other end is dropped");
                // The thread uses another table, then ends.
                let other = crate::table(10);
                let handle = other.allocate(i).expect("a slot");
                assert_eq!(other.free(handle), Ok(i));
            });
            (life, thread)
        })
        .unzip();
    drop(used);
    assert_eq!(is_used.iter().take(THREADS).count(), THREADS);
    let table = Arc::into_inner(table).expect("the threads have dropped theirs");
    assert_eq!(table.stats().mutators, THREADS);
    assert_eq!(table.close(), Ok(()));
    drop(lives);
    for thread in threads {
        thread.join().expect("no panic");
    }
}

#[test]
fn threads_may_end_while_the_table_is_dropped() {
    for _ in 0..100 {
        let table = Arc::new(table(100));
        let threads: Vec<_> = (0..3)
            .map(|i| {
                let table = Arc::clone(&table);
                std::thread::spawn(move || table.allocate(i).and_then(|_| table.allocate(i)))
            })
            .collect();
        // The thread that drops the last reference drops the table.
        drop(table);
        for thread in threads {
            thread.join().expect("no panic").expect("a slot");
        }
    }
}

#[test]
fn a_thread_may_use_many_tables_alternately() {
    let mut random = Rng::with_seed(1);
    let mut tables: Vec<Table<u64>> = (0..100).map(|_| table(100)).collect();
    let wide: Vec<Table<[u64; 2]>> =
        (0..100).map(|_| Table::builder().capacity(100).build().expect("a table")).collect();
    let mut handles: Vec<(Handle, Handle)> = Vec::new();
    for (i, (narrow, wide)) in tables.iter().zip(&wide).enumerate() {
        let i = i as u64;
        handles.push((narrow.allocate(i).expect("a slot"), wide.allocate([i, i]).expect("a slot")));
    }
    for _ in 0..2000 {
        let i = random.usize(..tables.len());
        assert_eq!(tables[i].free(handles[i].0), Ok(i as u64));
        assert_eq!(wide[i].free(handles[i].1), Ok([i as u64, i as u64]));
        handles[i].0 = tables[i].allocate(i as u64).expect("a slot");
        handles[i].1 = wide[i].allocate([i as u64, i as u64]).expect("a slot");
    }
    for table in &tables {
        let stats = table.stats();
        assert_eq!((stats.mutators, stats.live), (1, 1));
    }
    // Half of the tables are dropped. No new table is taken for an old one.
    tables.truncate(50);
    tables.extend((0..50).map(|_| table(10)));
    for (i, table) in tables.iter().enumerate() {
        let handle = table.allocate(7).expect("a slot");
        assert_eq!(table.free(handle), Ok(7));
        assert_eq!(table.stats().live, u64::from(i < 50));
    }
}

/// A value whose destructor uses a table at the end of its thread.
struct AtTheEnd {
    table: Arc<Table<u64>>,
    mine: Option<Handle>,
    report: mpsc::Sender<Handle>,
}

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        if let Some(mine) = self.mine {
            assert_eq!(self.table.free(mine), Ok(7));
        }
        let mut handles = Vec::new();
        self.table.allocate_many(&[8; 100], &mut handles).expect("100 slots");
        for &handle in &handles[1..] {
            assert_eq!(self.table.set(handle, 9), Ok(Some(8)));
            assert_eq!(self.table.free(handle), Ok(9));
        }
        self.report.send(handles[0]).expect("the test receives");
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

/// Runs a destructor that uses the table at the end of a thread.
///
/// Thread-locals are dropped in an order that depends on their first use: the crate's or the
/// test's.
#[track_caller]
fn ends_with_a_destructor(uses_table_before: bool, uses_table_first: bool) {
    let table = Arc::new(table(100));
    let (report, reported) = mpsc::channel();
    let shared = Arc::clone(&table);
    let thread = std::thread::spawn(move || {
        let first = uses_table_first.then(|| shared.allocate(7).expect("a slot"));
        AT_THE_END.with_borrow_mut(|at_the_end| {
            let mine =
                first.or_else(|| uses_table_before.then(|| shared.allocate(7).expect("a slot")));
            let table = Arc::clone(&shared);
            *at_the_end = Some(AtTheEnd { table, mine, report });
        });
    });
    thread.join().expect("no panic");
    let left = reported.recv().expect("the destructor ran to its end");
    check_left(&table, 1);
    assert_eq!(table.stats().live, 1);
    assert_eq!(table.free(left), Ok(8));
    check_capacity(&table);
    check_empty(&table);
}

#[test]
fn a_thread_locals_destructor_may_use_the_table() {
    ends_with_a_destructor(true, true);
    ends_with_a_destructor(true, false);
}

#[test]
fn a_threads_first_use_of_a_table_may_be_in_a_destructor() {
    ends_with_a_destructor(false, false);
}
