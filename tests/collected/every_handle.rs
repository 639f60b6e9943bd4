//! Every 32-bit number, and every tag, against a table in use.
//!
//! The long part runs only if `SLOTARENA_HEAVY` is 1. It takes about half a minute.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use slotarena::collected::{ExternalPointerTable, Tag, TagRange};

use super::pointer;
use crate::common::cases;

struct Object;

/// Tags 1,000 to 1,003.
fn tag(number: u16) -> Tag<Object> {
    Tag::new(1_000 + number).expect("bound to this type alone")
}

/// The address of an object says its tag.
fn address(tag: Tag<Object>, number: usize) -> usize {
    usize::from(tag.number()) << 20 | (number + 1) << 4
}

#[test]
fn every_number_in_a_table_in_use_and_every_tag() {
    let heavy = std::env::var("SLOTARENA_HEAVY").is_ok_and(|value| value == "1");
    let step = if heavy { 1 } else { 4_099 };
    let builder = ExternalPointerTable::builder().capacity_at_most(u32::MAX);
    let table = builder.build().expect("a table");
    let (steady, young) = (table.space().expect("a space"), table.space().expect("a space"));
    let old = table.space().expect("a space");
    let allocate = |n: u16| {
        let tag = tag(n % 4);
        let object = pointer(address(tag, n.into()));
        (tag, steady.allocate(tag, object).expect("room").to_raw())
    };
    let held: Vec<_> = (0..1_000).map(allocate).collect();
    let (done, cycles) = (AtomicBool::new(false), AtomicU64::new(0));
    let (mut seen, tags) = (0, [0, 1, 2, 3].map(tag));
    std::thread::scope(|threads| {
        // In the meantime entries come and go, and their segments move and go back.
        threads.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let tag = tag((cycles.load(Ordering::Relaxed) % 4) as u16);
                let one = |n| young.allocate(tag, pointer(address(tag, n))).expect("room").to_raw();
                let handles: Vec<u32> = (0..30_000).map(one).collect();
                let marking = table.begin(&[&young]).expect("idle");
                handles.iter().step_by(7).for_each(|&raw| assert!(marking.mark(raw)));
                marking.sweep_into(&old).and_then(|s| s.finish()).expect("not inside a call");
                let marking = table.begin(&[&old]).expect("idle");
                marking.sweep().and_then(|s| s.finish()).expect("not inside a call");
                cycles.fetch_add(1, Ordering::Relaxed);
            }
        });
        for raw in (0..=u32::MAX).step_by(step) {
            if table.get_in(raw, TagRange::ALL).is_none() {
                continue;
            }
            seen += 1;
            for tag in tags {
                // Another one than that just now, or none, is no error.
                if let Some(object) = table.get(raw, tag) {
                    assert_eq!(object.addr().get() >> 20, tag.number().into(), "handle {raw}");
                }
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(!heavy || seen >= 1_000, "all entries that stayed are found");
    println!("concurrently with {cycles:?} pairs of collections");
    cases("numbers read", (1 << 32) / step as u64);
    let mut tried = 0;
    for &(tag, raw) in held.iter().step_by(if heavy { 1 } else { 97 }) {
        for number in 0..=TagRange::ALL.last() {
            let range = TagRange::new(number, number).expect("a tag");
            let is_it = number == tag.number();
            assert_eq!(table.get_in(raw, range).is_some(), is_it, "handle {raw}, tag {number}");
            tried += 1;
        }
    }
    cases("tags tried", tried);
}
