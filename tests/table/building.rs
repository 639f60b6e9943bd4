//! Making tables and closing them.

use slotarena::{BuildError, LeakError, SEGMENT_BYTES, Table};

use crate::common::slots_per_segment;
use crate::table;

#[test]
fn a_capacity_of_zero_is_refused() {
    let error = Table::<u64>::builder().capacity(0).build().expect_err("no slots");
    assert_eq!(error, BuildError::ZeroCapacity);
    assert_eq!(error.to_string(), "a table needs at least 1 slot, 0 asked for");
    let at_most = Table::<u64>::builder().capacity_at_most(0).build();
    assert_eq!(at_most.expect_err("no slots"), BuildError::ZeroCapacity);
}

#[test]
fn stripes_that_are_no_power_of_two_or_too_many_are_refused() {
    for asked in [0, 3, 1023, 1025, 2048, usize::MAX] {
        let result = Table::<u64>::builder().capacity(10).stripes(asked).build();
        let error = result.expect_err("stripes out of bounds");
        assert_eq!(error, BuildError::Stripes { asked, limit: 1024 });
        let text = error.to_string();
        assert!(text.contains(&asked.to_string()) && text.contains("1024"), "{text}");
    }
    for stripes in [1, 2, 1024] {
        let table =
            Table::<u64>::builder().capacity(10).stripes(stripes).build().expect("in bounds");
        assert_eq!(table.stats().stripes, stripes);
    }
}

#[test]
fn a_magazine_size_out_of_bounds_is_refused() {
    for asked in [0, 257, usize::MAX] {
        let result = Table::<u64>::builder().capacity(10).magazine_size(asked).build();
        let error = result.expect_err("magazine size out of bounds");
        assert_eq!(error, BuildError::MagazineSize { asked, limit: 256 });
        let text = error.to_string();
        assert!(text.contains(&asked.to_string()) && text.contains("256"), "{text}");
    }
    for size in [1, 256] {
        let table =
            Table::<u64>::builder().capacity(10).magazine_size(size).build().expect("in bounds");
        assert_eq!(table.stats().magazine_size, size);
    }
}

#[test]
fn an_overflow_out_of_bounds_is_refused() {
    for asked in [8193, usize::MAX] {
        let error =
            Table::<u64>::builder().capacity(10).overflow(asked).build().expect_err("too many");
        assert_eq!(error, BuildError::Overflow { asked, limit: 8192 });
        let text = error.to_string();
        assert!(text.contains(&asked.to_string()) && text.contains("8192"), "{text}");
    }
    for slots in [0, 8192] {
        assert!(Table::<u64>::builder().capacity(10).overflow(slots).build().is_ok());
    }
}

#[test]
fn a_fresh_table_has_committed_nothing() {
    let table = table(100_000);
    let stats = table.stats();
    assert_eq!(stats.capacity, 100_000);
    assert_eq!((stats.segments_committed, stats.bytes_committed), (0, 0));
    assert_eq!((stats.slots_committed, stats.live, stats.free), (0, 0, 0));
    assert_eq!(stats.mutators, 0);
    assert_eq!(stats.magazine_size, 64);
}

#[test]
fn the_default_number_of_stripes_is_a_power_of_two() {
    let stats = Table::<u64>::builder().capacity(10).build().expect("a table").stats();
    assert!(stats.stripes.is_power_of_two() && stats.stripes <= 64, "{stats:?}");
}

#[test]
fn a_table_has_no_more_stripes_than_magazines_unless_asked() {
    for (capacity, most) in [(1, 1), (64, 1), (127, 1), (128, 2), (300, 4), (1_000_000, 64)] {
        let stats = Table::<u64>::builder().capacity(capacity).build().expect("a table").stats();
        assert!(stats.stripes <= most, "{capacity} slots: {stats:?}");
    }
    let asked = Table::<u64>::builder().capacity(1).stripes(8).build().expect("a table");
    assert_eq!(asked.stats().stripes, 8);
}

#[test]
fn an_exact_capacity_is_reserved_in_whole_segments() {
    // Where an address is read before it is committed, the segments are a power of two.
    let is_masked = cfg!(all(unix, target_pointer_width = "64", not(any(miri, slotarena_heap))));
    for capacity in [1, 8191, 8192, 8193, 3 * 8192, 1_000_000] {
        let table = table(capacity);
        assert_eq!(table.capacity(), capacity);
        let segments = capacity as usize / slots_per_segment::<u64>() + 1;
        let segments = if is_masked { segments.next_power_of_two() } else { segments };
        assert_eq!(table.reserved_bytes(), segments * SEGMENT_BYTES);
        assert_eq!(table.base().addr() % SEGMENT_BYTES, 0);
    }
}

/// On systems with addresses to spare.
#[cfg(all(target_pointer_width = "64", any(unix, windows), not(any(miri, slotarena_heap))))]
#[test]
fn a_table_has_a_part_of_all_handles_by_default_and_every_handle_if_asked() {
    let narrow = Table::<u64>::new().expect("a table");
    assert_eq!((narrow.capacity(), narrow.reserved_bytes()), ((1 << 28) - 1, 2 << 30));
    let wide = Table::<[u64; 2]>::new().expect("a table");
    assert_eq!((wide.capacity(), wide.reserved_bytes()), ((1 << 28) - 1, 4 << 30));
    let narrow = Table::<u64>::builder().capacity(u32::MAX).build().expect("a table");
    assert_eq!((narrow.capacity(), narrow.reserved_bytes()), (u32::MAX, 32 << 30));
    let wide = Table::<[u64; 2]>::builder().capacity(u32::MAX).build().expect("a table");
    assert_eq!((wide.capacity(), wide.reserved_bytes()), (u32::MAX, 64 << 30));
}

/// Generated code reads an entry by one load at `base + (handle << shift)`.
#[cfg(unix)]
#[test]
fn the_word_of_a_handle_is_where_generated_code_loads_it() {
    use std::sync::atomic::{AtomicU64, Ordering};

    let table = table(20_000);
    let load = |raw: u32| {
        let address = table.base().wrapping_add((raw as usize) << Table::<u64>::ENTRY_SHIFT);
        // SAFETY: no handle here exceeds the capacity, so its word may be loaded on Unix.
        unsafe { &*address.cast::<AtomicU64>() }.load(Ordering::Acquire)
    };
    let handle = table.allocate(0x1234).expect("a slot");
    let raw = handle.to_raw();
    assert_eq!(load(raw), Table::<u64>::LIVE_BIT | 0x1234);
    table.free(handle).expect("live");
    for raw in [0, raw, 8191, 8192, 20_000] {
        assert_eq!(load(raw) & Table::<u64>::LIVE_BIT, 0, "{raw}");
    }
}

#[test]
fn closing_a_table_without_slots_in_use_succeeds() {
    let table = table(100);
    let handle = table.allocate(1).expect("a slot");
    table.free(handle).expect("live");
    assert_eq!(table.close(), Ok(()));
}

#[test]
fn closing_a_table_counts_the_slots_in_use() {
    let table = table(100);
    table.allocate(1).expect("a slot");
    table.allocate(2).expect("a slot");
    table.allocate_uninitialized().expect("a slot");
    let leak = table.close().expect_err("three slots are out");
    assert!(matches!(leak, LeakError { live: 2, uninitialized: 1, .. }), "{leak:?}");
    assert_eq!(leak.to_string(), "table closed with 2 live and 1 uninitialized slots");
}

#[test]
fn a_table_can_be_moved_while_it_is_in_use() {
    let table = table(1000);
    let handle = table.allocate(5).expect("a slot");
    let boxed = Box::new(table);
    assert_eq!(boxed.get(handle), Some(5));
    let thread = std::thread::spawn(move || {
        let other = boxed.allocate(6).expect("a slot");
        (*boxed, other)
    });
    let (table, other) = thread.join().expect("no panic");
    assert_eq!((table.free(handle), table.free(other)), (Ok(5), Ok(6)));
    assert_eq!(table.close(), Ok(()));
}
