//! Unit tests of `src/bits/geometry.rs`.

use super::*;

/// Checks every property of a geometry, for the edges and the property test.
fn check(capacity: u32, shift: u32) {
    let g = Geometry::new(capacity, shift);
    let total: u64 = if g.segments() <= 4096 {
        (0..g.segments()).map(|s| u64::from(g.usable(s))).sum()
    } else {
        let inner = u64::from(g.segments() - 2) * u64::from(g.slots_per_segment());
        u64::from(g.usable(0)) + inner + u64::from(g.usable(g.segments() - 1))
    };
    assert_eq!(g.capacity(), capacity);
    assert_eq!(total, u64::from(capacity), "{g:?}: usable slots of all segments");
    for index in [1, capacity / 2, capacity].map(|i| i.max(1)) {
        let segment = g.segment_of(index);
        assert!(segment < g.segments(), "{g:?}: segment of {index}");
        let offset = index - g.first(segment);
        assert!(offset < g.usable(segment), "{g:?}: offset of {index}");
    }
    assert_eq!(g.usable(g.segments()), 0);
}

#[test]
fn segments_cover_exactly_the_capacity() {
    for shift in [1, 2, 12, 13] {
        for capacity in [1, 2, 3, 1000, 4095, 4096, 8191, 8192, 8193, u32::MAX - 1, u32::MAX] {
            check(capacity, shift);
        }
    }
}

#[test]
fn eight_byte_slots_are_8192_a_segment() {
    let g = Geometry::new(8193, Geometry::shift_for(8));
    assert_eq!(g.slots_per_segment(), 8192);
    assert_eq!((g.first(0), g.usable(0)), (1, 8191));
    assert_eq!((g.first(1), g.usable(1)), (8192, 2));
}

#[test]
fn segments_of_any_slots_are_whole_pages_near_64_kib() {
    for slot_bytes in (8..70_000).step_by(8).chain([1 << 20, (1 << 20) + 8]) {
        let stride = Geometry::stride_for(slot_bytes);
        assert!(stride >= slot_bytes && stride - slot_bytes <= slot_bytes / 16, "{slot_bytes}");
        let shift = Geometry::shift_for(stride);
        let bytes = stride << shift;
        assert!((1..=13).contains(&shift), "{slot_bytes}: 2^{shift} slots");
        assert_eq!(bytes % PAGE_BYTES, 0, "{slot_bytes}");
        let most = (2 * SEGMENT_BYTES).max(2 * stride).max(32 * PAGE_BYTES);
        assert!(bytes <= most && bytes >= SEGMENT_BYTES / 2, "{slot_bytes}: {bytes} bytes");
    }
    assert_eq!([8, 16, 64, 4096].map(Geometry::shift_for), [13, 12, 10, 4]);
    assert_eq!([8, 16, 24, 248, 4104].map(Geometry::stride_for), [8, 16, 24, 248, 4352]);
}

quickcheck::quickcheck! {
    fn any_geometry_holds_together(capacity: u32, shift: u8) -> bool {
        check(capacity.max(1), u32::from(shift) % 20 + 1);
        true
    }
}
