//! What a child of the process finds of a table that it inherits.

use slotarena::code::CodePointerError;
use slotarena::{Audit, CodePointerTable, Protection, SEGMENT_BYTES};

use crate::alone::{alone, child};
use crate::common::handle;
use crate::deaths::second_mapping;
use crate::{entry_point, signature};

const FORKED: CodePointerError = CodePointerError::Forked;

/// Makes a table with one entry, whose handle is the first number after the read-only segment.
fn table(protection: Protection) -> CodePointerTable {
    let builder = CodePointerTable::builder().index_bits(20).read_only_segments(1);
    let table = builder.protection(protection).build().expect("a table");
    let s = signature(1);
    let first = table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
    assert_eq!(first.to_raw(), FIRST);
    table
}

const FIRST: u32 = 8192;

/// Protections under which a child has no copy of its own.
fn shared() -> impl Iterator<Item = Protection> {
    let protections = [Protection::DualMapping, Protection::Keys];
    protections.into_iter().filter(|protection| protection.is_available())
}

#[test]
fn a_child_finds_nothing_in_a_protected_table_and_writes_nothing() {
    alone("forks::a_child_finds_nothing_in_a_protected_table_and_writes_nothing", || {
        for protection in shared() {
            let table = table(protection);
            let (s, first) = (signature(1), handle(FIRST));
            child(|| {
                let scope = table.write_scope();
                assert_eq!(scope.allocate(entry_point(s, 2), s), Err(FORKED));
                assert_eq!(table.entry_point(FIRST, s), None);
                assert_eq!(table.get_raw(FIRST), None);
                assert_eq!(scope.allocate_uninitialized(), Err(FORKED));
                assert_eq!(scope.publish(first, entry_point(s, 2), s), Err(FORKED));
                assert_eq!(scope.unpublish(first), Err(FORKED));
                assert_eq!(scope.set(first, entry_point(s, 2), s), Err(FORKED));
                assert_eq!(scope.free(first), Err(FORKED));
                assert_eq!(table.handle_for_native(entry_point(s, 3)), Err(FORKED));
                assert_eq!(table.unseal().map(drop), Err(FORKED));
                assert!(!table.sweep(0).swept && !scope.sweep(0).swept);
                assert_eq!(table.audit(), Ok(Audit::default()));
                table.for_each_live(|_, _| panic!("there is an entry"));
            });
            // The parent's table is as it was.
            assert_eq!(table.entry_point(FIRST, s), Some(entry_point(s, 1)));
            assert_eq!(table.write_scope().free(first), Ok(()));
            assert_eq!(table.close(), Ok(()));
        }
    });
}

#[test]
fn scopes_that_a_child_inherits_write_nothing() {
    alone("forks::scopes_that_a_child_inherits_write_nothing", || {
        for protection in shared() {
            let table = table(protection);
            let s = signature(1);
            let scope = table.write_scope();
            let mut unsealed = table.unseal().expect("unsealed");
            let constant = unsealed.allocate(entry_point(s, 4), s).expect("a slot");
            let mut scopes = Some((scope, unsealed));
            child(|| {
                let (scope, mut unsealed) = scopes.take().expect("both");
                assert_eq!(scope.free(handle(FIRST)), Err(FORKED));
                assert_eq!(unsealed.allocate(entry_point(s, 2), s), Err(FORKED));
                assert_eq!(unsealed.free(constant), Err(FORKED));
                assert_eq!(unsealed.seal(), Err(FORKED));
            });
            let (scope, unsealed) = scopes.expect("both");
            assert_eq!(unsealed.seal(), Ok(()));
            assert_eq!(scope.free(handle(FIRST)), Ok(()));
            assert_eq!(table.entry_point(constant.to_raw(), s), Some(entry_point(s, 4)));
        }
    });
}

/// The kernel may use the second mapping's address for the child's own memory.
#[test]
fn a_child_gives_back_only_what_it_has_inherited() {
    alone("forks::a_child_gives_back_only_what_it_has_inherited", || {
        for protection in shared() {
            let mut table = Some(table(protection));
            let second = second_mapping();
            child(|| {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
                let rights = libc::PROT_READ | libc::PROT_WRITE;
                let at = std::ptr::without_provenance_mut(second);
                // SAFETY: a fresh mapping, which replaces none.
                let own = unsafe { libc::mmap(at, SEGMENT_BYTES, rights, flags, -1, 0) };
                assert_eq!(own.addr(), second, "the child has nothing there");
                let own = own.cast::<u8>();
                // SAFETY: in the fresh mapping.
                unsafe { own.write_volatile(7) };
                assert_eq!(table.take().map(CodePointerTable::close), Some(Ok(())));
                // SAFETY: in the fresh mapping.
                assert_eq!(unsafe { own.read_volatile() }, 7);
            });
            let table = table.expect("the parent's");
            assert!(table.entry_point(FIRST, signature(1)).is_some());
        }
    });
}

#[test]
fn a_child_makes_tables_of_its_own() {
    alone("forks::a_child_makes_tables_of_its_own", || {
        for protection in shared() {
            let inherited = table(protection);
            let s = signature(1);
            child(|| {
                let own = table(protection);
                assert_eq!(own.entry_point(FIRST, s), Some(entry_point(s, 1)));
                assert_eq!(inherited.write_scope().free(handle(FIRST)), Err(FORKED));
                // A grandchild inherits neither.
                child(|| {
                    assert_eq!(own.write_scope().free(handle(FIRST)), Err(FORKED));
                    assert_eq!(inherited.write_scope().free(handle(FIRST)), Err(FORKED));
                });
                assert_eq!(own.write_scope().free(handle(FIRST)), Ok(()));
                assert_eq!(own.close(), Ok(()));
            });
            assert_eq!(inherited.write_scope().free(handle(FIRST)), Ok(()));
        }
    });
}

/// There are addresses for one table. Threads that make one each would take them from each other.
#[test]
fn threads_that_ask_for_the_process_wide_table_get_one_of_full_size() {
    alone("forks::threads_that_ask_for_the_process_wide_table_get_one_of_full_size", || {
        for _ in 0..20 {
            child(|| {
                crate::alone::limit(libc::RLIMIT_AS, Some(70 << 30));
                let wait = std::sync::Barrier::new(8);
                let bases = crate::common::on_threads(8, |_| {
                    wait.wait();
                    let table = CodePointerTable::process_wide().expect("a table");
                    assert_eq!(table.capacity(), u32::MAX);
                    table.entry_layout().base
                });
                assert!(bases.iter().all(|base| *base == bases[0]));
            });
        }
    });
}
