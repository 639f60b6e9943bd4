//! The system is out of mappings when read-only segments are sealed, or refuses for another reason.

use slotarena::code::{CodePointerError, ReadOnlyScope};
use slotarena::{CodePointerTable, EntryPoint, Protection, Signature};

use crate::alone::{alone, install, statement, unless_equal};
use crate::mappings;

fn table(protection: Protection) -> CodePointerTable {
    let builder = CodePointerTable::builder().index_bits(20).read_only_segments(1);
    builder.protection(protection).build().expect("a table")
}

/// Takes all mappings that the system grants this process.
fn take_all_mappings() -> Vec<*mut libc::c_void> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let mut taken = Vec::with_capacity(1 << 20);
    for rights in [libc::PROT_READ, libc::PROT_NONE].into_iter().cycle().take(1 << 20) {
        // SAFETY: a fresh mapping.
        let one = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, flags, -1, 0) };
        if one == libc::MAP_FAILED {
            break;
        }
        taken.push(one);
    }
    taken
}

#[test]
fn sealing_takes_no_mapping() {
    alone("sealing::sealing_takes_no_mapping", || {
        for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
            let table = table(protection);
            let mut scope = table.unseal().expect("unsealed");
            let s = Signature::new(1).expect("a small number");
            let entry_point = EntryPoint::new(std::ptr::without_provenance(0x1000));
            scope.allocate(entry_point.expect("not null"), s).expect("a slot");
            let taken = take_all_mappings();
            let sealed = scope.seal();
            let again = table.unseal().and_then(ReadOnlyScope::seal);
            for one in taken {
                // SAFETY: mapped above.
                unsafe { libc::munmap(one, 4096) };
            }
            assert_eq!((sealed, again), (Ok(()), Ok(())), "{protection}");
            assert!(sealed_mappings(&table) > 0, "{protection}");
        }
    });
}

/// Counts the mappings that hold the sealed segment at its write address, and are read-only.
fn sealed_mappings(table: &CodePointerTable) -> usize {
    let (start, bytes) = match table.protection() {
        Protection::None => (table.entry_layout().base, slotarena::SEGMENT_BYTES),
        _ => (0, usize::MAX),
    };
    let own = |head: &str| match table.protection() {
        Protection::None => head.contains(" r--p "),
        // The copy at the read address begins at the same offset, and is larger.
        _ => head.contains(" r--s 00000000 ") && head.contains("slotarena") && is_a_segment(head),
    };
    mappings(start, bytes).iter().filter(|(head, _)| own(head)).count()
}

fn is_a_segment(head: &str) -> bool {
    let number = |text: &str| usize::from_str_radix(text, 16).expect("an address");
    let (range, _) = head.split_once(' ').expect("a range");
    let (from, to) = range.split_once('-').expect("a range");
    number(to) - number(from) == slotarena::SEGMENT_BYTES
}

/// A table whose segments could not be sealed says so from then on.
fn a_refusal_is_remembered(end: impl FnOnce(ReadOnlyScope<'_>, CodePointerError)) {
    let table = table(Protection::None);
    let scope = table.unseal().expect("unsealed");
    let base = table.entry_layout().base;
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EACCES as u32;
    // Refuses to take rights from the segment, and not to give them.
    let refuses = install(vec![
        load(0),
        unless_equal(5, libc::SYS_mprotect as u32),
        load(16),
        unless_equal(3, base as u32),
        load(32),
        unless_equal(1, libc::PROT_READ as u32),
        statement(libc::BPF_RET | libc::BPF_K, refuse),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ]);
    if !refuses {
        println!("skipped: no seccomp filters here");
        return;
    }
    let error = CodePointerError::Seal { code: libc::EACCES };
    end(scope, error);
    assert_eq!(table.unseal().map(drop), Err(error));
    assert_eq!(table.unseal().map(drop), Err(error));
}

#[test]
fn a_refusal_to_seal_is_an_error_and_remembered() {
    alone("sealing::a_refusal_to_seal_is_an_error_and_remembered", || {
        a_refusal_is_remembered(|scope, error| assert_eq!(scope.seal(), Err(error)));
    });
}

#[test]
fn a_dropped_scope_that_was_not_sealed_is_remembered() {
    alone("sealing::a_dropped_scope_that_was_not_sealed_is_remembered", || {
        a_refusal_is_remembered(|scope, _| drop(scope));
    });
}
