//! One handle for each native function.

use slotarena::OperationError;
use slotarena::code::{CodePointerError, EntryPoint};

use crate::common::on_threads;
use crate::{check_empty, signature, tables};

/// Makes an entry point whose address is not aligned.
fn native(number: usize) -> EntryPoint {
    EntryPoint::new(std::ptr::without_provenance(0x5000_0001 + number * 7)).expect("not null")
}

#[test]
fn the_same_address_has_the_same_handle_from_any_thread() {
    for table in tables(16) {
        let found = on_threads(8, |_| {
            (0..300)
                .map(|n| table.handle_for_native(native(n)).expect("a slot"))
                .collect::<Vec<_>>()
        });
        assert!(found.iter().all(|handles| *handles == found[0]));
        let stats = table.stats();
        assert_eq!((stats.live, stats.uninitialized), (300, 0), "a race leaves no extra slot");
        for (n, handle) in found[0].iter().enumerate() {
            assert_eq!(table.native_entry_point(handle.to_raw()), Some(native(n)));
            assert_eq!(table.entry_point(handle.to_raw(), signature(1)), None);
            let entry = table.get_raw(handle.to_raw()).expect("live");
            assert_eq!((entry.entry_point, entry.signature), (native(n), None));
        }
        table.audit().expect("a sound table");
        // Handles of native functions are no leak.
        assert_eq!(table.close(), Ok(()));
    }
}

#[test]
fn no_scope_changes_them() {
    for table in tables(16) {
        let handle = table.handle_for_native(native(0)).expect("a slot");
        let (scope, raw) = (table.write_scope(), handle.to_raw());
        let refused = CodePointerError::Native { raw };
        assert_eq!(scope.free(handle), Err(refused));
        assert_eq!(scope.unpublish(handle), Err(refused));
        let aligned = EntryPoint::new(std::ptr::without_provenance(0x1000)).expect("not null");
        assert_eq!(scope.set(handle, aligned, signature(1)), Err(refused));
        let published = CodePointerError::AlreadyPublished { raw };
        assert_eq!(scope.publish(handle, aligned, signature(1)), Err(published));
        let wide = EntryPoint::new(std::ptr::without_provenance(1 << 48)).expect("not null");
        let refused = CodePointerError::EntryPoint { address: 1 << 48 };
        assert_eq!(table.handle_for_native(wide), Err(refused));
        drop(scope);
        assert_eq!(table.native_entry_point(raw), Some(native(0)));
    }
    for table in tables(16) {
        check_empty(&table);
    }
}

/// One slot is left. The threads that do not make the handle wait for it.
#[test]
fn all_threads_that_ask_for_one_function_get_the_last_slot() {
    for _ in 0..200 {
        for table in tables(1) {
            let wait = std::sync::Barrier::new(4);
            let found = on_threads(4, |_| {
                wait.wait();
                table.handle_for_native(native(0)).map(|handle| handle.to_raw())
            });
            assert_eq!(found, [Ok(1); 4]);
            let full = table.handle_for_native(native(1)).expect_err("no slot is left");
            assert!(matches!(full, CodePointerError::Alloc(_)), "{full}");
        }
    }
}

/// A thread that makes a handle waits for the end of the stop, and a closure that runs during the
/// stop would wait for that thread.
#[test]
fn inside_a_stopped_table_it_is_an_error() {
    for table in tables(16) {
        let known = native(0);
        table.handle_for_native(known).expect("a slot");
        std::thread::scope(|threads| {
            table.for_each_live(|_, _| {
                let asks = threads.spawn(|| table.handle_for_native(native(16)).is_ok());
                // The other thread holds the lock by now, and waits.
                std::thread::sleep(std::time::Duration::from_millis(20));
                for function in [known, native(16), native(2)] {
                    let refused = CodePointerError::Operation(OperationError::Reentered);
                    assert_eq!(table.handle_for_native(function), Err(refused));
                }
                assert!(!asks.is_finished());
            });
        });
        assert!(table.handle_for_native(native(2)).is_ok());
    }
}
