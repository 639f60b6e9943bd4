//! Entries are allocated, published, changed, and freed.

use std::error::Error;

use slotarena::code::{CodePointer, CodePointerError, EntryPoint, Signature};
use slotarena::{CodePointerTable, HandleError, Protection};

use crate::common::handle;
use crate::{check_empty, entry_point, signature, tables};

#[test]
fn an_entry_is_found_under_its_signature_alone() {
    for table in tables(16) {
        let (a, b) = (signature(1), signature(Signature::LIMIT - 1));
        let scope = table.write_scope();
        let first = scope.allocate(entry_point(a, 1), a).expect("a slot");
        let second = scope.allocate(entry_point(b, 2), b).expect("a slot");
        assert_eq!(table.entry_point(first.to_raw(), a), Some(entry_point(a, 1)));
        assert_eq!(table.entry_point(first.to_raw(), b), None);
        assert_eq!(table.entry_point(second.to_raw(), b), Some(entry_point(b, 2)));
        assert_eq!(table.entry_point(second.to_raw(), a), None);
        assert_eq!(table.native_entry_point(first.to_raw()), None);
        let entry = CodePointer { entry_point: entry_point(a, 1), signature: Some(a) };
        assert_eq!(table.get_raw(first.to_raw()), Some(entry));
        assert_eq!((scope.free(first), scope.free(second)), (Ok(()), Ok(())));
        assert_eq!(table.entry_point(first.to_raw(), a), None);
        drop(scope);
        check_empty(&table);
        assert_eq!(table.close(), Ok(()));
    }
}

#[test]
fn a_slot_is_reserved_published_and_unpublished() {
    for table in tables(16) {
        let (a, b) = (signature(1), signature(2));
        let scope = table.write_scope();
        let reserved = scope.allocate_uninitialized().expect("a slot");
        let raw = reserved.to_raw();
        assert_eq!(table.get_raw(raw), None);
        let unpublished = CodePointerError::NotPublished { raw };
        assert_eq!(scope.set(reserved, entry_point(a, 1), a), Err(unpublished));
        assert_eq!(scope.unpublish(reserved), Err(unpublished));
        assert_eq!(scope.publish(reserved, entry_point(a, 1), a), Ok(()));
        let published = CodePointerError::AlreadyPublished { raw };
        assert_eq!(scope.publish(reserved, entry_point(a, 2), a), Err(published));
        assert_eq!(table.entry_point(raw, a), Some(entry_point(a, 1)));
        let entry = CodePointer { entry_point: entry_point(a, 1), signature: Some(a) };
        assert_eq!(scope.unpublish(reserved), Ok(entry));
        assert_eq!(table.get_raw(raw), None);
        // The owner may publish another entry.
        assert_eq!(scope.publish(reserved, entry_point(b, 3), b), Ok(()));
        assert_eq!(scope.unpublish(reserved).map(|entry| entry.signature), Ok(Some(b)));
        assert_eq!(table.audit().map(|audit| audit.uninitialized), Ok(1));
        assert_eq!(scope.free(reserved), Ok(()));
        drop(scope);
        check_empty(&table);
    }
}

#[test]
fn set_keeps_the_signature() {
    for table in tables(16) {
        let (a, b) = (signature(1), signature(17));
        let scope = table.write_scope();
        let handle = scope.allocate(entry_point(a, 1), a).expect("a slot");
        assert_eq!(scope.set(handle, entry_point(a, 2), a), Ok(entry_point(a, 1)));
        let refused = CodePointerError::SignatureChanged { stored: Some(a), given: b };
        assert_eq!(scope.set(handle, entry_point(b, 3), b), Err(refused));
        assert!(refused.to_string().contains("signature 1"), "{refused}");
        assert_eq!(table.entry_point(handle.to_raw(), a), Some(entry_point(a, 2)));
        assert_eq!(scope.free(handle), Ok(()));
    }
}

#[test]
fn entry_points_that_do_not_fit_are_refused_and_lose_nothing() {
    for table in tables(16) {
        let scope = table.write_scope();
        let reserved = scope.allocate_uninitialized().expect("a slot");
        for address in [8, 0x1001, 1 << 48, usize::MAX] {
            let odd = EntryPoint::new(std::ptr::without_provenance(address)).expect("not null");
            let refused = CodePointerError::EntryPoint { address };
            assert_eq!(scope.allocate(odd, signature(1)), Err(refused));
            assert_eq!(scope.publish(reserved, odd, signature(1)), Err(refused));
            assert_eq!(scope.set(reserved, odd, signature(1)), Err(refused));
            assert!(refused.to_string().contains(&format!("{address:#x}")), "{refused}");
        }
        assert_eq!(scope.free(reserved), Ok(()));
        drop(scope);
        check_empty(&table);
    }
}

#[test]
fn handles_that_name_nothing_are_refused() {
    for table in tables(16) {
        let scope = table.write_scope();
        let gone = scope.allocate(entry_point(signature(1), 1), signature(1)).expect("a slot");
        assert_eq!(scope.free(gone), Ok(()));
        for handle in [gone, handle(5000), handle(65_535), handle(65_536), handle(u32::MAX)] {
            let refused = CodePointerError::InvalidHandle(HandleError::new(handle.to_raw()));
            assert_eq!(scope.free(handle), Err(refused));
            assert_eq!(scope.unpublish(handle), Err(refused));
            assert_eq!(scope.set(handle, entry_point(signature(1), 1), signature(1)), Err(refused));
            let published = scope.publish(handle, entry_point(signature(1), 1), signature(1));
            assert_eq!(published, Err(refused));
        }
        drop(scope);
        check_empty(&table);
    }
}

#[test]
fn a_full_table_says_so_and_a_closed_one_what_is_left() {
    for table in tables(3) {
        let scope = table.write_scope();
        let s = signature(5);
        for version in 0..6 {
            scope.allocate(entry_point(s, version), s).expect("seven slots");
        }
        scope.allocate_uninitialized().expect("the seventh");
        let full = scope.allocate(entry_point(s, 9), s).expect_err("there is no eighth");
        let reason = full.source().map(ToString::to_string);
        assert!(reason.is_some_and(|text| text.contains("all 7 slots")), "{full}");
        drop(scope);
        let mut seen = Vec::new();
        table.for_each_live(|handle, entry| seen.push((handle.to_raw(), entry.entry_point)));
        assert_eq!(seen.len(), 6);
        assert!(seen.is_sorted());
        let leak = table.close().expect_err("seven are left");
        assert_eq!((leak.live, leak.uninitialized), (6, 1));
    }
}

#[test]
fn there_is_one_table_for_all_of_the_process() {
    let first = CodePointerTable::process_wide().expect("a table");
    let found = std::thread::spawn(|| CodePointerTable::process_wide().expect("a table"));
    assert!(std::ptr::eq(first, found.join().expect("a thread")));
    assert_eq!(first.protection(), Protection::strongest());
}

#[test]
fn a_table_that_cannot_be_built_is_an_error() {
    let builder = CodePointerTable::builder();
    for bits in [0, 33] {
        let error = builder.index_bits(bits).build().expect_err("no such handles");
        assert!(error.to_string().contains(&format!("{bits} bits")), "{error}");
    }
    let error = builder.index_bits(13).read_only_segments(1).build().expect_err("nothing is left");
    assert!(error.to_string().contains("1 read-only"), "{error}");
    for protection in Protection::ALL {
        let built = builder.index_bits(13).protection(protection).build();
        assert_eq!(built.is_ok(), protection.is_available());
        if let Err(error) = built {
            assert!(error.to_string().contains(&protection.to_string()), "{error}");
        }
    }
}

#[test]
fn a_sweep_starts_at_its_threshold_and_never_below_one_segment() {
    for table in tables(16) {
        let s = signature(6);
        let scope = table.write_scope();
        let mut handles: Vec<_> = (0..4 * 8192 - 1000)
            .map(|n| scope.allocate(entry_point(s, n), s).expect("a slot"))
            .collect();
        // Releases the segments that the table grew by too much.
        scope.sweep(0);
        let mut free_up_to = |free: u64| {
            let more = free - table.stats().free;
            let freed = handles.split_off(handles.len() - more as usize);
            freed.into_iter().for_each(|handle| scope.free(handle).expect("live"));
        };
        free_up_to(8000);
        assert!(!scope.sweep(0).swept, "less than a segment");
        free_up_to(CodePointerTable::SWEEP_THRESHOLD - 1);
        assert!(!scope.sweep(CodePointerTable::SWEEP_THRESHOLD).swept, "less than two");
        free_up_to(CodePointerTable::SWEEP_THRESHOLD);
        assert!(scope.sweep(CodePointerTable::SWEEP_THRESHOLD).swept);
    }
}

/// The word itself is checked too: no part of an old entry can be read.
#[test]
fn a_released_segment_reads_as_null() {
    for table in tables(16) {
        let s = signature(6);
        let scope = table.write_scope();
        let handles: Vec<_> =
            (0..4 * 8192).map(|n| scope.allocate(entry_point(s, n), s).expect("a slot")).collect();
        handles.iter().for_each(|&handle| scope.free(handle).expect("live"));
        let report = scope.sweep(0);
        assert_eq!(report.segments_committed, 0, "{report:?}");
        let layout = table.entry_layout();
        for handle in handles {
            assert_eq!(table.entry_point(handle.to_raw(), s), None);
            assert_eq!(table.get_raw(handle.to_raw()), None);
            if cfg!(unix) {
                let at = layout.base + layout.offset(handle.to_raw());
                let at = std::ptr::with_exposed_provenance::<std::sync::atomic::AtomicU64>(at);
                // SAFETY: inside the reserved range, of which every word may be loaded on Unix.
                let word = unsafe { &*at }.load(std::sync::atomic::Ordering::Relaxed);
                assert_eq!(word, 0);
            }
        }
    }
}

/// Generated code's load of an entry, written in Rust.
#[test]
#[cfg(unix)]
fn the_entry_layout_finds_what_the_table_finds() {
    for table in tables(14) {
        let layout = table.entry_layout();
        let scope = table.write_scope();
        let signatures = [signature(0), signature(15), signature(16), signature(77)];
        let mut handles = Vec::new();
        for version in 0..1000 {
            let s = signatures[version as usize % 4];
            handles.push(scope.allocate(entry_point(s, version), s).expect("a slot"));
        }
        handles.iter().step_by(3).for_each(|&handle| scope.free(handle).expect("live"));
        for raw in (0..20_000).chain([u32::MAX, 1 << 31]) {
            for s in signatures {
                let at = layout.base + layout.offset(raw);
                assert!(at + 8 <= layout.base + table.reserved_bytes());
                let at = std::ptr::with_exposed_provenance::<std::sync::atomic::AtomicU64>(at);
                // SAFETY: inside the reserved range, of which every word may be loaded.
                let word = unsafe { &*at }.load(std::sync::atomic::Ordering::Acquire);
                let rest = word ^ s.tag();
                let found = (rest & Signature::MASK == 0).then_some(rest as usize);
                let expected = table.entry_point(raw & layout.mask, s).map(EntryPoint::address);
                assert_eq!(found, expected, "handle {raw}, signature {}", s.number());
            }
        }
    }
}
