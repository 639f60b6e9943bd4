//! Tables of full size. The tests take minutes and up to 4 GiB of memory, so they run only if
//! `SLOTARENA_HEAVY` is 1.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(any(miri, slotarena_heap))))]

#[path = "../common/mod.rs"]
mod common;

use std::fs;

use fastrand::Rng;
use slotarena::{Handle, SEGMENT_BYTES, Table};

use common::{cases, check_empty, handle, mix, on_threads, slots_per_segment};

const SEGMENT: u32 = slots_per_segment::<u64>() as u32;

/// With two mappings for each hole these would exceed the default limit of Linux.
const SEGMENTS: u32 = 40_000;

/// Returns `true` if the heavy tests are to run. Prints a line if not.
fn wanted() -> bool {
    let wanted = std::env::var("SLOTARENA_HEAVY").is_ok_and(|value| value == "1");
    if !wanted {
        println!("skipped: SLOTARENA_HEAVY is not set to 1");
    }
    wanted
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").expect("this process's mappings").lines().count()
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/statm").expect("this process's memory");
    let pages: usize =
        status.split(' ').nth(1).expect("a second figure").parse().expect("a number");
    // SAFETY: asks for a constant.
    pages * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize
}

/// Frees all slots of a segment.
fn free_segment(table: &Table<u64>, segment: u32) {
    let first = (segment * SEGMENT).max(1);
    let handles: Vec<Handle> = (first..(segment + 1) * SEGMENT).map(handle).collect();
    assert_eq!(table.free_many(&handles), Ok(()));
}

#[test]
fn a_hole_in_every_second_segment_costs_no_mappings_and_all_memory_is_released() {
    if !wanted() {
        return;
    }
    const MIB: usize = 1 << 20;
    let capacity = SEGMENTS * SEGMENT - 1;
    let table = Table::<u64>::builder().capacity(capacity).build().expect("a table");
    let mutator = table.mutator();
    let (mappings_before, resident_before) = (mappings(), resident_bytes());

    // Full: every slot is live, and every page is in memory.
    for _ in 0..capacity {
        mutator.allocate(7).expect("a slot");
    }
    let full = table.stats();
    assert_eq!((full.live, full.segments_committed), (capacity.into(), SEGMENTS.into()));
    let bytes = SEGMENTS as usize * SEGMENT_BYTES;
    assert!(resident_bytes() >= resident_before + bytes);

    // Every second segment is released.
    (1..SEGMENTS).step_by(2).for_each(|segment| free_segment(&table, segment));
    let report = table.sweep(0);
    assert_eq!(report.segments_released, u64::from(SEGMENTS / 2), "{report:?}");
    assert_eq!(report.segments_committed, u64::from(SEGMENTS / 2), "{report:?}");
    let mapped = mappings().saturating_sub(mappings_before);
    assert!(mapped <= 8, "{mapped} mappings more");
    let resident = resident_bytes() - resident_before;
    assert!(resident < bytes / 2 + 64 * MIB, "{resident} bytes with half of the segments released");

    // Exactly those segments are committed again.
    for _ in 0..SEGMENTS / 2 * SEGMENT {
        mutator.allocate(7).expect("a slot");
    }
    assert!(mutator.allocate(7).is_err());
    let audit = table.audit().expect("a sound table");
    assert_eq!((audit.live, audit.free), (capacity.into(), 0));

    // All memory is released.
    (0..SEGMENTS).for_each(|segment| free_segment(&table, segment));
    drop(mutator);
    check_empty(&table);
    let resident = resident_bytes().saturating_sub(resident_before);
    assert!(resident < 16 * MIB, "{resident} bytes left of {bytes}");
    cases("segments released and used again", SEGMENTS.into());
}

/// Reads all 2^32 numbers, on two threads.
fn read_all(table: &Table<u64>, expected: &[(u32, u64)]) {
    let found = on_threads(2, |half| {
        let numbers = [0..=i32::MAX as u32, 1 << 31..=u32::MAX][half].clone();
        numbers.filter_map(|raw| Some((raw, table.get_raw(raw)?))).collect::<Vec<_>>()
    });
    assert!(found.concat() == expected, "the entries found by reading all numbers");
}

#[test]
fn reading_all_numbers_finds_exactly_the_live_entries() {
    if !wanted() {
        return;
    }
    for capacity in [u32::MAX, 100_000] {
        let table = Table::<u64>::builder().capacity(capacity).build().expect("a table");
        let all: Vec<Handle> = (0..100_000).map(|_| table.allocate(0).expect("a slot")).collect();
        let mut expected = Vec::new();
        for handle in all {
            let raw = handle.to_raw();
            let entry = mix(raw.into()) >> 1;
            if raw % 3 == 0 {
                table.free(handle).expect("live");
            } else {
                table.set(handle, entry).expect("live");
                expected.push((raw, entry));
            }
        }
        expected.sort_unstable();
        read_all(&table, &expected);
        let handles: Vec<Handle> = expected.iter().map(|&(raw, _)| handle(raw)).collect();
        assert_eq!(table.free_many(&handles), Ok(()));
        check_empty(&table);
        cases("numbers read", 1 << 32);
    }
}

#[test]
fn reading_all_numbers_finds_exactly_the_live_two_word_entries() {
    if !wanted() {
        return;
    }
    let table = Table::<[u64; 2]>::builder().capacity(u32::MAX).build().expect("a table");
    let all: Vec<Handle> = (0..10_000).map(|_| table.allocate([1, 2]).expect("a slot")).collect();
    let found = (0..=u32::MAX).filter(|&raw| table.get_raw(raw) == Some([1, 2]));
    let mut numbers: Vec<u32> = all.iter().map(|handle| handle.to_raw()).collect();
    numbers.sort_unstable();
    assert!(found.eq(numbers));
    assert_eq!(table.free_many(&all), Ok(()));
    check_empty(&table);
    cases("numbers read", 1 << 32);
}

/// Returns how many bytes of a table's first segments are in memory.
fn resident_in(table: &Table<u64>, segments: usize) -> usize {
    // SAFETY: asks for a constant.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let mut pages = vec![0u8; segments * SEGMENT_BYTES / page];
    let start = table.base().cast_mut().cast();
    // SAFETY: the range is mapped, and `pages` has a byte for each of its pages.
    let result = unsafe { libc::mincore(start, segments * SEGMENT_BYTES, pages.as_mut_ptr()) };
    assert_eq!(result, 0, "mincore");
    pages.iter().filter(|&page| page & 1 != 0).count() * page
}

#[test]
fn after_a_peak_memory_is_released() {
    if !wanted() {
        return;
    }
    const ENTRIES: usize = 10_000_000;
    let segments = ENTRIES / SEGMENT as usize + 1;
    for (what, most) in [("the oldest 99 %", 1.05), ("a random 99 %", 1.0), ("all", 0.0)] {
        let table = Table::<u64>::builder().capacity(ENTRIES as u32).build().expect("a table");
        let mutator = table.mutator();
        let mut live: Vec<Handle> =
            (0..ENTRIES as u64).map(|i| mutator.allocate(i).expect("a slot")).collect();
        let peak = resident_in(&table, segments);
        assert!(peak as f64 <= 1.01 * (8 * ENTRIES) as f64, "{peak} bytes");
        let kept = if what == "all" { 0 } else { ENTRIES / 100 };
        if what == "a random 99 %" {
            Rng::with_seed(9).shuffle(&mut live);
        }
        let freed = live.len() - kept;
        mutator.free_many(&live[..freed]).expect("live entries");
        let report = table.sweep(0);
        let left = resident_in(&table, segments);
        let mut held: Vec<u32> = live[freed..].iter().map(|h| h.to_raw() / SEGMENT).collect();
        held.sort_unstable();
        held.dedup();
        assert_eq!(report.segments_committed as usize, held.len());
        let needed = held.len() * SEGMENT_BYTES;
        println!(
            "{what} freed of {ENTRIES} entries: {peak} bytes before, {left} after; \
             the segments that hold an entry have {needed}"
        );
        assert!(left as f64 <= most * needed as f64, "{left} of {needed} bytes");
        assert!(what != "a random 99 %" || left < needed, "no page was released");
        mutator.free_many(&live[freed..]).expect("live entries");
        drop(mutator);
        check_empty(&table);
        cases("entries", ENTRIES as u64);
    }
}
