//! Read-only segments at the bottom of a table.

use slotarena::code::CodePointerError;
use slotarena::{CodePointerTable, Handle, Protection};

use crate::{entry_point, signature};

fn table(protection: Protection) -> CodePointerTable {
    let builder = CodePointerTable::builder().index_bits(16).read_only_segments(2);
    builder.protection(protection).build().expect("a small table")
}

/// The first number that is not read-only.
const END: u32 = 2 * 8192;

#[test]
fn they_are_filled_then_sealed_and_unsealed_for_a_scope() {
    for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
        let table = table(protection);
        let s = signature(3);
        let mut unsealed = table.unseal().expect("unsealed");
        let fill: Vec<Handle> = (1..END)
            .map(|version| unsealed.allocate(entry_point(s, version), s).expect("a slot"))
            .collect();
        assert!(fill.iter().map(|handle| handle.to_raw()).eq(1..END), "from the bottom up");
        let full = CodePointerError::ReadOnlyFull { slots: END - 1 };
        assert_eq!(unsealed.allocate(entry_point(s, 1), s), Err(full));
        drop(unsealed);
        for raw in 1..END {
            assert_eq!(table.entry_point(raw, s), Some(entry_point(s, raw)));
        }
        assert_eq!(table.entry_point(0, s), None, "null");

        // A freed slot is allocated again in a later scope.
        let mut unsealed = table.unseal().expect("unsealed");
        assert_eq!(unsealed.free(fill[99]), Ok(()));
        assert!(unsealed.free(fill[99]).is_err());
        assert_eq!(unsealed.allocate(entry_point(s, 7), s), Ok(fill[99]));
        drop(unsealed);
        assert_eq!(table.entry_point(100, s), Some(entry_point(s, 7)));
        table.audit().expect("a sound table");
        assert_eq!(table.close(), Ok(()), "constants are no leak");
    }
}

/// The first writable entry is writable, and the last read-only one is not.
#[test]
fn their_end_is_where_it_is_said_to_be() {
    for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
        let table = table(protection);
        let s = signature(3);
        let last = Handle::from_raw(END - 1).expect("not null");
        let scope = table.write_scope();
        let first = scope.allocate(entry_point(s, 1), s).expect("a slot");
        assert_eq!(first.to_raw(), END);
        let refused = CodePointerError::ReadOnly { raw: END - 1, end: END };
        assert_eq!(scope.publish(last, entry_point(s, 1), s), Err(refused));
        assert_eq!(scope.set(last, entry_point(s, 1), s).map(drop), Err(refused));
        assert_eq!(scope.unpublish(last).map(drop), Err(refused));
        assert_eq!(scope.free(last), Err(refused));
        assert_eq!(scope.set(first, entry_point(s, 2), s), Ok(entry_point(s, 1)));
        let mut unsealed = table.unseal().expect("unsealed");
        assert!(unsealed.free(first).is_err(), "it is not read-only");
        drop(unsealed);
        assert_eq!(scope.free(first), Ok(()));
        drop(scope);
        table.sweep(0);
        assert_eq!(table.stats().segments_committed, 2, "read-only segments stay");
        assert_eq!(table.close(), Ok(()));
    }
}

#[test]
fn unsealing_twice_on_one_thread_is_an_error() {
    for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
        let table = table(protection);
        let first = table.unseal().expect("unsealed");
        assert_eq!(table.unseal().map(drop), Err(CodePointerError::AlreadyUnsealed));
        assert_eq!(first.seal(), Ok(()));
        drop(table.unseal().expect("unsealed again"));
        drop(table.unseal().expect("unsealed again"));
    }
}

/// Other threads wait for their turn, as long as it takes.
#[test]
fn another_thread_waits_until_the_segments_are_sealed() {
    let table = table(Protection::strongest());
    let s = signature(3);
    let mut first = table.unseal().expect("unsealed");
    std::thread::scope(|threads| {
        let second = threads.spawn(|| {
            let mut scope = table.unseal().expect("its turn has come");
            scope.allocate(entry_point(s, 2), s).map(|handle| handle.to_raw())
        });
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!second.is_finished());
        let handle = first.allocate(entry_point(s, 1), s).expect("a slot");
        assert_eq!(handle.to_raw(), 1);
        drop(first);
        assert_eq!(second.join().expect("no panic"), Ok(2));
    });
}

#[test]
fn a_table_is_closed_after_its_scopes_were_forgotten() {
    for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
        let table = table(protection);
        let s = signature(3);
        let mut unsealed = table.unseal().expect("unsealed");
        unsealed.allocate(entry_point(s, 1), s).expect("a slot");
        std::mem::forget(unsealed);
        std::mem::forget(table.write_scope());
        assert_eq!(table.unseal().map(drop), Err(CodePointerError::AlreadyUnsealed));
        table.handle_for_native(entry_point(s, 1)).expect("a slot");
        assert_eq!(table.close(), Ok(()));
    }
}
