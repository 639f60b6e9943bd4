//! Which thread may write, and when: any thread, older or younger than the table, and at its end.
//!
//! A debug build checks each access at a write address against the thread's open scopes (Invariant
//! 13), whatever the protection. With protection keys the processor checks it.

use std::sync::mpsc::channel;

use slotarena::{CodePointerTable, Protection};

use crate::common::on_threads;
use crate::{check_empty, entry_point, signature, tables};

#[test]
fn scopes_nest_and_end_in_any_order() {
    for table in tables(16) {
        let s = signature(1);
        let outer = table.write_scope();
        let inner = table.write_scope();
        let first = inner.allocate(entry_point(s, 1), s).expect("a slot");
        drop(outer);
        let second = inner.allocate(entry_point(s, 2), s).expect("a slot");
        // An operation that opens a scope of its own does not close this one.
        table.handle_for_native(entry_point(s, 3)).expect("a slot");
        table.sweep(0);
        assert_eq!((inner.free(first), inner.free(second)), (Ok(()), Ok(())));
        drop(inner);
        assert_eq!(table.close(), Ok(()));
    }
}

/// The thread is older than the table, and so older than any protection key.
#[test]
fn a_thread_that_was_born_before_the_table_reads_and_writes() {
    for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
        let (send, receive) = channel::<&'static CodePointerTable>();
        let late = std::thread::spawn(move || {
            let table = receive.recv().expect("a table");
            let s = signature(1);
            assert_eq!(table.entry_point(1, s), Some(entry_point(s, 1)), "reads without a scope");
            let scope = table.write_scope();
            let handle = scope.allocate(entry_point(s, 2), s).expect("a slot");
            drop(scope);
            assert_eq!(table.entry_point(handle.to_raw(), s), Some(entry_point(s, 2)));
            handle
        });
        let builder = CodePointerTable::builder().index_bits(16).protection(protection);
        let table: &'static _ = Box::leak(Box::new(builder.build().expect("a table")));
        let s = signature(1);
        let first = table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
        assert_eq!(first.to_raw(), 1);
        send.send(table).expect("the thread waits");
        let second = late.join().expect("no fault");
        let scope = table.write_scope();
        assert_eq!((scope.free(first), scope.free(second)), (Ok(()), Ok(())));
    }
}

/// A thread that ends returns the free slots of its local store, and writes their links, without an
/// open scope. A thread that finds no free slot gathers those of others.
#[test]
fn local_stores_are_returned_and_gathered_with_write_access() {
    for table in tables(10) {
        let s = signature(1);
        on_threads(4, |_| {
            let scope = table.write_scope();
            let handles: Vec<_> =
                (0..200).map(|n| scope.allocate(entry_point(s, n), s).expect("a slot")).collect();
            handles.into_iter().for_each(|handle| scope.free(handle).expect("live"));
        });
        let (full, wait) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let scope = table.write_scope();
                let handle = scope.allocate(entry_point(s, 1), s).expect("a slot");
                scope.free(handle).expect("live");
                drop(scope);
                full.wait();
                wait.wait();
            });
            full.wait();
            let scope = table.write_scope();
            let handles: Vec<_> = (0..1023)
                .map(|n| scope.allocate(entry_point(s, n), s).expect("all slots"))
                .collect();
            assert!(scope.allocate(entry_point(s, 1), s).is_err());
            handles.into_iter().for_each(|handle| scope.free(handle).expect("live"));
            wait.wait();
        });
        check_empty(&table);
    }
}

#[test]
fn the_protection_in_force_is_reported() {
    for table in tables(16) {
        assert!(table.protection().is_available());
    }
    let table = CodePointerTable::builder().index_bits(16).build().expect("a table");
    assert_eq!(table.protection(), Protection::strongest());
    if std::env::var_os("SLOTARENA_KEYS_EXPECTED").is_some() {
        assert_eq!(table.protection(), Protection::Keys);
    }
    let others = cfg!(not(target_os = "linux")) || cfg!(any(miri, slotarena_heap));
    assert!(others || Protection::DualMapping.is_available());
}
