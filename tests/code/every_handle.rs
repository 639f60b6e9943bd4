//! Every 32-bit number, and every signature.
//!
//! The long part runs only if `SLOTARENA_HEAVY` is 1. It takes about ten seconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use slotarena::CodePointerTable;
use slotarena::code::{EntryLayout, Signature};

use crate::common::cases;
use crate::{entry_point, signature, stored_under};

/// No number leads outside the reserved range, whatever the table's size.
#[test]
fn every_number_stays_inside_the_address_range() {
    let heavy = std::env::var("SLOTARENA_HEAVY").is_ok_and(|value| value == "1");
    let mut tried = 0;
    for bits in (13..=32).rev() {
        let built = CodePointerTable::builder().index_bits(bits).build();
        let Ok(table) = built else { panic!("{bits} bits: {built:?}") };
        let (layout, bytes) = (table.entry_layout(), table.reserved_bytes());
        assert_eq!(bytes, (layout.mask as usize + 1) << EntryLayout::ENTRY_SHIFT);
        let all = bits == 32 && heavy;
        let step = if all { 1 } else { 65_537 };
        let worst = (0..=u32::MAX).step_by(step).map(|raw| layout.offset(raw)).max();
        assert!(worst.is_some_and(|offset| offset + 8 <= bytes), "{bits} bits");
        assert!(layout.offset(u32::MAX) + 8 <= bytes);
        tried += (1u64 << 32) / step as u64;
    }
    cases("numbers inside the range", tried);
}

#[test]
fn every_number_in_a_table_in_use_and_every_signature() {
    if !std::env::var("SLOTARENA_HEAVY").is_ok_and(|value| value == "1") {
        println!("skipped: SLOTARENA_HEAVY is not set to 1");
        return;
    }
    let table = CodePointerTable::builder().index_bits(32).build().expect("a table of full size");
    assert_eq!(table.entry_layout().mask, u32::MAX);
    let done = AtomicBool::new(false);
    let found = AtomicU64::new(0);
    let start = Instant::now();
    let steady = signature(9);
    let scope = table.write_scope();
    let held: Vec<_> = (0..1000)
        .map(|n| scope.allocate(entry_point(steady, n), steady).expect("a slot"))
        .collect();
    drop(scope);
    let mut seen = 0;
    std::thread::scope(|threads| {
        // In the meantime entries come and go in some segments, which are swept.
        let (table, done, found) = (&table, &done, &found);
        threads.spawn(move || {
            let mut cycles = 0;
            while !done.load(Ordering::Relaxed) {
                let scope = table.write_scope();
                let s = signature(cycles % 64 * 33);
                let handles: Vec<_> = (0..30_000)
                    .map(|n| scope.allocate(entry_point(s, n), s).expect("a slot"))
                    .collect();
                handles.into_iter().for_each(|handle| scope.free(handle).expect("mine"));
                scope.sweep(0);
                cycles += 1;
            }
            found.store(cycles.into(), Ordering::Relaxed);
        });
        for raw in 0..=u32::MAX {
            if let Some(entry) = table.get_raw(raw) {
                let s = entry.signature.expect("the table has no native functions");
                assert_eq!(stored_under(entry.entry_point), s.number(), "handle {raw}");
            }
            if let Some(got) = table.entry_point(raw, steady) {
                assert_eq!(stored_under(got), steady.number(), "handle {raw}");
                seen += 1;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(seen >= 1000, "all entries that stayed are found");
    println!(
        "2^32 numbers in {:.1} s, concurrently with {found:?} cycles of use",
        start.elapsed().as_secs_f64()
    );
    cases("numbers read", 1 << 32);

    let start = Instant::now();
    for (n, handle) in (0..).zip(&held) {
        for number in 0..Signature::LIMIT {
            let got = table.entry_point(handle.to_raw(), signature(number));
            let expected = (number == steady.number()).then(|| entry_point(steady, n));
            assert_eq!(got, expected, "handle {handle:?}, signature {number}");
        }
    }
    println!("{} signatures of 1,000 in {:.1} s", Signature::LIMIT, start.elapsed().as_secs_f64());
    cases("signatures tried", 1000 * u64::from(Signature::LIMIT));
}
