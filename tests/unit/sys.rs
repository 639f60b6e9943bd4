//! Tests of the contract, for each back end.

#[cfg(linux_mappings)]
use super::dual_mapping::{self, DualMapping};
use super::heap;
use super::imp::{READS_RESERVED, Region, page_bytes};
use crate::bits::geometry::SEGMENT_BYTES;

/// Tests the contract for one back end.
macro_rules! contract {
    ($name:ident, $is_there:expr, $new:expr, $write_base:ident, $reads_reserved:expr) => {
        #[test]
        fn $name() {
            if !$is_there {
                println!("skipped: the system lacks this memory");
                return;
            }
            let units = 4;
            let r = $new(units * SEGMENT_BYTES).expect("a small range");
            assert_eq!(r.base().addr().get() % SEGMENT_BYTES, 0);
            let word = |unit: usize| r.base().as_ptr().wrapping_add(unit * SEGMENT_BYTES);
            let out = |unit: usize| r.$write_base().as_ptr().wrapping_add(unit * SEGMENT_BYTES);
            if $reads_reserved {
                // SAFETY: inside the region, which reads as zero while reserved.
                assert_eq!(unsafe { word(3).read_volatile() }, 0);
            }
            r.make_writable(SEGMENT_BYTES, SEGMENT_BYTES).expect("make_writable");
            r.make_writable(SEGMENT_BYTES, SEGMENT_BYTES).expect("make_writable twice");
            r.prefault(SEGMENT_BYTES, SEGMENT_BYTES).expect("prefault");
            // SAFETY: unit 1 is writable and used by this test alone.
            unsafe { out(1).write_volatile(7) };
            r.prefault(SEGMENT_BYTES, SEGMENT_BYTES).expect("prefault keeps contents");
            // SAFETY: unit 1 is used by this test alone.
            assert_eq!(unsafe { word(1).read_volatile() }, 7);
            // SAFETY: no thread stores to unit 1 concurrently.
            unsafe { r.decommit(SEGMENT_BYTES, SEGMENT_BYTES) }.expect("decommit");
            // SAFETY: unit 1 is used by this test alone.
            assert_eq!(unsafe { word(1).read_volatile() }, 0, "released reads as zero");
            if cfg!(not(slotarena_guard)) {
                // SAFETY: a decommitted unit stays writable.
                unsafe { out(1).write_volatile(8) };
            }
            r.make_writable(0, SEGMENT_BYTES).expect("make_writable");
            r.seal(0, SEGMENT_BYTES, true).expect("seal");
            r.seal(0, SEGMENT_BYTES, false).expect("unseal");
            // SAFETY: writable again, and used by this test alone.
            unsafe { out(0).write_volatile(9) };
            // SAFETY: unit 0 is used by this test alone.
            assert_eq!(unsafe { word(0).read_volatile() }, 9);
        }
    };
}

#[test]
fn a_discarded_page_reads_as_zero_and_stays_writable() {
    let Some(unit) = page_bytes() else {
        println!("skipped: pages are not given back here");
        return;
    };
    assert!(unit.is_power_of_two());
    let unit = unit.min(SEGMENT_BYTES);
    let r = Region::new(2 * SEGMENT_BYTES).expect("a small range");
    r.make_writable(0, 2 * SEGMENT_BYTES).expect("make_writable");
    r.prefault(0, 2 * SEGMENT_BYTES).expect("prefault");
    let word = |offset: usize| r.base().as_ptr().wrapping_add(offset);
    for offset in [0, unit, 2 * unit] {
        // SAFETY: writable, and used by this test alone.
        unsafe { word(offset).write_volatile(7) };
    }
    // SAFETY: no thread stores to it concurrently.
    unsafe { r.decommit(unit, unit) }.expect("decommit");
    // SAFETY: used by this test alone.
    let words = [0, unit, 2 * unit].map(|offset| unsafe { word(offset).read_volatile() });
    assert_eq!(words, [7, 0, 7]);
    // SAFETY: the page stays writable, and is used by this test alone.
    unsafe { word(unit).write_volatile(8) };
}

contract!(the_systems_region_keeps_the_contract, true, Region::new, base, READS_RESERVED);
contract!(the_heap_region_keeps_the_contract, true, heap::Region::new, base, heap::READS_RESERVED);
#[cfg(linux_mappings)]
contract!(
    a_memory_at_two_addresses_keeps_the_contract,
    dual_mapping::probe().is_ok(),
    |n| DualMapping::new(n, false),
    write_base,
    true
);

/// Tests the guard: a store to a decommitted range would end the program.
#[test]
#[cfg(all(slotarena_guard, target_os = "linux", not(slotarena_heap)))]
fn a_released_unit_is_read_only() {
    let r = Region::new(2 * SEGMENT_BYTES).expect("a small range");
    let rights = || {
        let start = r.base().addr().get();
        let maps = std::fs::read_to_string("/proc/self/maps").expect("this process's maps");
        let of = |line: &str| {
            let (range, rest) = line.split_once(' ')?;
            let (from, to) = range.split_once('-')?;
            let number = |text| usize::from_str_radix(text, 16).ok();
            (number(from)?..number(to)?).contains(&start).then(|| rest[..3].to_owned())
        };
        maps.lines().find_map(of).expect("a line about the unit")
    };
    r.make_writable(0, SEGMENT_BYTES).expect("make_writable");
    assert_eq!(rights(), "r--");
    r.prefault(0, SEGMENT_BYTES).expect("prefault");
    assert_eq!(rights(), "rw-");
    // SAFETY: no thread stores to it.
    unsafe { r.decommit(0, SEGMENT_BYTES) }.expect("decommit");
    assert_eq!(rights(), "r--");
}

#[test]
fn an_impossible_reservation_is_refused() {
    assert!(heap::Region::new(isize::MAX as usize / SEGMENT_BYTES * SEGMENT_BYTES).is_err());
}
