//! Stores to a table outside a scope: where they end the process, and where they do not.

use slotarena::code::EntryLayout;
use slotarena::{CodePointerTable, Protection};

use crate::alone::{NOW, alone, dies};
use crate::{entry_point, signature};

fn table(protection: Protection) -> CodePointerTable {
    let builder = CodePointerTable::builder().index_bits(20).read_only_segments(1);
    builder.protection(protection).build().expect("a table")
}

/// Stores 0 to the entry of a handle, at the address where readers load it.
fn store(layout: EntryLayout, raw: u32) {
    println!("{NOW}");
    let at = std::ptr::with_exposed_provenance_mut::<u64>(layout.base + layout.offset(raw));
    // SAFETY: not upheld. The test is that this store ends the process.
    unsafe { at.write_volatile(0) };
}

/// Returns the address of this process's first writable mapping of a table's file.
pub fn second_mapping() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("this process's mappings");
    let ours = maps.lines().find(|line| line.contains("slotarena") && line.contains(" rw-s "));
    let start = ours.and_then(|line| line.split('-').next()).expect("a writable mapping");
    usize::from_str_radix(start, 16).expect("an address")
}

#[test]
fn a_store_without_a_scope_dies_where_there_are_two_mappings() {
    dies("deaths::a_store_without_a_scope_dies_where_there_are_two_mappings", || {
        let table = table(Protection::DualMapping);
        let s = signature(1);
        let handle = table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
        store(table.entry_layout(), handle.to_raw());
    });
}

#[test]
fn a_store_at_the_read_address_dies_even_inside_a_scope() {
    dies("deaths::a_store_at_the_read_address_dies_even_inside_a_scope", || {
        let table = table(Protection::DualMapping);
        let s = signature(1);
        let scope = table.write_scope();
        let handle = scope.allocate(entry_point(s, 1), s).expect("a slot");
        store(table.entry_layout(), handle.to_raw());
    });
}

#[test]
fn a_store_without_a_scope_dies_where_there_are_keys() {
    if !Protection::Keys.is_available() {
        println!("skipped: no protection keys here");
        return;
    }
    dies("deaths::a_store_without_a_scope_dies_where_there_are_keys", || {
        let table = table(Protection::Keys);
        let s = signature(1);
        let handle = table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
        store(table.entry_layout(), handle.to_raw());
    });
}

/// A store to the second mapping needs the key as well.
#[test]
fn a_store_to_the_second_mapping_dies_without_the_key() {
    if !Protection::Keys.is_available() {
        println!("skipped: no protection keys here");
        return;
    }
    dies("deaths::a_store_to_the_second_mapping_dies_without_the_key", || {
        let _table = table(Protection::Keys);
        let at = std::ptr::with_exposed_provenance_mut::<u64>(second_mapping());
        println!("{NOW}");
        // SAFETY: not upheld. The test is that this store ends the process.
        unsafe { at.write_volatile(0) };
    });
}

/// Not promised: only its secret address guards the second mapping.
#[test]
fn without_keys_the_second_mapping_can_be_written() {
    alone("deaths::without_keys_the_second_mapping_can_be_written", || {
        let table = table(Protection::DualMapping);
        let s = signature(1);
        let handle = table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
        // The second mapping begins after the sealed part.
        let offset = handle.to_raw() as usize * 8 - slotarena::SEGMENT_BYTES;
        let at = std::ptr::with_exposed_provenance_mut::<u64>(second_mapping() + offset);
        // SAFETY: mapped writable, and no other thread accesses it.
        unsafe { at.write_volatile(0) };
        assert_eq!(table.entry_point(handle.to_raw(), s), None);
    });
}

#[test]
fn a_store_to_a_sealed_segment_dies() {
    dies("deaths::a_store_to_a_sealed_segment_dies", || {
        let table = table(Protection::None);
        let s = signature(1);
        let handle = table.unseal().expect("unsealed").allocate(entry_point(s, 1), s);
        store(table.entry_layout(), handle.expect("a slot").to_raw());
    });
}

/// A table without protection is not sealed, so its entries can be overwritten.
#[test]
fn without_protection_a_store_does_not_die() {
    alone("deaths::without_protection_a_store_does_not_die", || {
        let table = table(Protection::None);
        let s = signature(1);
        let handle = table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
        store(table.entry_layout(), handle.to_raw());
        assert_eq!(table.entry_point(handle.to_raw(), s), None);
    });
}

/// A signal handler has no write access, whatever it interrupts. It may open a scope of its own.
#[test]
fn a_signal_handler_reads_and_may_open_a_scope() {
    alone("deaths::a_signal_handler_reads_and_may_open_a_scope", || {
        extern "C" fn handler(_: libc::c_int) {
            let table = CodePointerTable::process_wide().expect("there");
            let s = signature(1);
            assert_eq!(table.entry_point(1, s), Some(entry_point(s, 1)));
            drop(table.write_scope());
        }
        let table = CodePointerTable::process_wide().expect("a table");
        let s = signature(1);
        let scope = table.write_scope();
        scope.allocate(entry_point(s, 1), s).expect("a slot");
        let handler: extern "C" fn(libc::c_int) = handler;
        // SAFETY: the handler allocates nothing and takes no lock.
        unsafe { libc::signal(libc::SIGUSR1, handler as libc::sighandler_t) };
        // SAFETY: sends a signal to the calling thread.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
        // The interrupted scope still has write access.
        scope.allocate(entry_point(s, 2), s).expect("a slot");
    });
}

/// Counts the mappings that overlap a range or belong to a table's file.
fn mapped(start: usize, bytes: usize) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("the mappings");
    let number = |text: &str| usize::from_str_radix(text, 16).expect("an address");
    let overlaps = |line: &&str| {
        let (from, rest) = line.split_once('-').expect("a range");
        let (to, _) = rest.split_once(' ').expect("rights");
        (number(from) < start + bytes && start < number(to)) || line.contains("slotarena (")
    };
    maps.lines().filter(overlaps).count()
}

/// The kernel allows a process about 65,000 mappings.
#[test]
fn a_table_with_many_holes_takes_few_mappings() {
    alone("deaths::a_table_with_many_holes_takes_few_mappings", || {
        for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
            let table = table(protection);
            let s = signature(1);
            let scope = table.write_scope();
            let handles: Vec<_> = (0..32 * 8192)
                .map(|n| scope.allocate(entry_point(s, n % 60_000), s).expect("a slot"))
                .collect();
            for handle in handles {
                if handle.to_raw() / 8192 % 2 == 1 {
                    scope.free(handle).expect("live");
                }
            }
            assert!(scope.sweep(0).segments_released >= 14);
            let mappings = mapped(table.entry_layout().base, table.reserved_bytes());
            assert!(mappings <= 6, "{mappings} with {protection:?}");
        }
    });
}

#[test]
fn after_tear_down_nothing_is_mapped() {
    alone("deaths::after_tear_down_nothing_is_mapped", || {
        for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
            let table = table(protection);
            let s = signature(1);
            table.write_scope().allocate(entry_point(s, 1), s).expect("a slot");
            let (start, bytes) = (table.entry_layout().base, table.reserved_bytes());
            assert!(mapped(start, bytes) > 0);
            let files = || std::fs::read_dir("/proc/self/fd").expect("open files").count();
            let before = files();
            assert_eq!(table.close().expect_err("one is left").live, 1);
            assert_eq!(mapped(start, bytes), 0, "{protection:?}");
            assert_eq!(files(), before, "a table keeps no file open");
        }
    });
}
