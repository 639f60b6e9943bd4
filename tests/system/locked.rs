//! Memory is locked (`mlockall`), as programs for real time do it.

use slotarena::{CodePointerTable, Handle, Table};

use crate::alone::{alone, status_bytes};
use crate::{mappings, protected, works};

/// Locks what is mapped now, and what will be. Returns `false` if the system refuses.
fn lock_all() -> bool {
    // SAFETY: takes a number.
    let locked = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) } == 0;
    if !locked {
        println!("skipped: memory cannot be locked here: {}", std::io::Error::last_os_error());
    }
    locked
}

const MIB: u64 = 1 << 20;

fn resident() -> u64 {
    status_bytes("VmRSS:")
}

#[test]
fn building_a_table_takes_no_memory() {
    alone("locked::building_a_table_takes_no_memory", || {
        // The first protected table tries the system out.
        drop(protected());
        if !lock_all() {
            return;
        }
        let figures = || resident() + status_bytes("VmPTE:");
        let before = figures();
        let plain = Table::<u64>::new().expect("a table");
        let protected = CodePointerTable::new().expect("a table");
        // Page tables count too: those of all addresses would take 65 MiB each.
        let taken = figures().saturating_sub(before);
        assert!(taken < 4 * MIB, "{taken} bytes");
        assert_eq!((plain.capacity(), protected.capacity()), ((1 << 28) - 1, (1 << 28) - 1));
        works(&protected);
    });
}

#[test]
fn a_sweep_gives_locked_memory_back() {
    alone("locked::a_sweep_gives_locked_memory_back", || {
        if !lock_all() {
            return;
        }
        let table = Table::<u64>::builder().capacity(8_000_000).build().expect("a table");
        let mut handles: Vec<Handle> = Vec::with_capacity(8_000_000);
        let before = resident();
        handles.extend((0..8_000_000).map(|n| table.allocate(n).expect("a slot")));
        let full = resident();
        assert!(full - before > 60 * MIB, "{before} {full}");
        table.free_many(&handles).expect("live");
        let report = table.sweep(0);
        assert_eq!((report.segments_committed, report.bytes_refused), (0, 0), "{report:?}");
        let left = resident();
        assert!(left < before + 8 * MIB, "{before} {full} {left}");
        // The memory can be used again.
        assert_eq!(table.allocate(7).map(|handle| table.get(handle)), Ok(Some(7)));
    });
}

#[test]
fn a_sweep_gives_the_memory_of_a_protected_table_back() {
    alone("locked::a_sweep_gives_the_memory_of_a_protected_table_back", || {
        let older = protected();
        if !lock_all() {
            return;
        }
        works(&older);
        works(&protected());
    });
}

/// A protected table is never locked, even if it is older.
#[test]
fn locking_what_is_mapped_takes_no_more_than_is_in_use() {
    alone("locked::locking_what_is_mapped_takes_no_more_than_is_in_use", || {
        let table = CodePointerTable::builder().index_bits(26).build().expect("a table");
        let before = status_bytes("RssShmem:");
        if !lock_all() {
            return;
        }
        // All of it would be 512 MiB.
        let taken = status_bytes("RssShmem:") - before;
        assert!(taken < 4 * MIB, "{taken} bytes");
        works(&table);
        let locked = |(_, flags): &(String, String)| flags.contains(" lo");
        let young = protected();
        works(&young);
        let found = mappings(young.entry_layout().base, young.reserved_bytes());
        assert!(!found.is_empty() && !found.iter().any(locked), "{found:?}");
    });
}
