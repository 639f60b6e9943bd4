//! Reading by any number.

use std::fmt::Debug;

use slotarena::{Packed, Table};

use crate::common::{check_empty, handle};

/// Numbers at which a page, a segment, or a sign begins or ends.
const EDGES: [u32; 16] = [
    0,
    1,
    2,
    4095,
    4096,
    4097,
    8191,
    8192,
    8193,
    1 << 20,
    i32::MAX as u32,
    1 << 31,
    (1 << 31) + 1,
    u32::MAX - 8192,
    u32::MAX - 1,
    u32::MAX,
];

fn finds_nothing<E: Packed + PartialEq + Debug>(table: &Table<E>, except: &[u32]) {
    for raw in EDGES.into_iter().filter(|raw| !except.contains(raw)) {
        assert_eq!(table.get_raw(raw), None, "{raw} of {}", table.capacity());
        if raw != 0 {
            assert_eq!(table.get(handle(raw)), None);
        }
    }
}

/// Checks that the table finds its only entry by that entry's handle alone.
fn finds_its_only_entry<E: Packed + PartialEq + Debug>(table: Table<E>, entry: E) {
    finds_nothing(&table, &[]);
    let a = table.allocate(entry).expect("a slot");
    finds_nothing(&table, &[a.to_raw()]);
    assert_eq!(table.get_raw(a.to_raw()), Some(entry));
    // Numbers that differ from the handle in one bit.
    for bit in 0..32 {
        assert_eq!(table.get_raw(a.to_raw() ^ 1 << bit), None, "bit {bit}");
    }
    assert_eq!(table.free(a), Ok(entry));
    finds_nothing(&table, &[]);
    check_empty(&table);
    finds_nothing(&table, &[]);
}

#[test]
fn any_number_may_be_read_in_a_small_table() {
    for capacity in [1, 2, 1000, 4095, 4096, 8191, 8192, 8193, 100_000] {
        let narrow = Table::<u64>::builder().capacity(capacity).build().expect("a table");
        finds_its_only_entry(narrow, 7);
        let wide = Table::<[u64; 2]>::builder().capacity(capacity).build().expect("a table");
        finds_its_only_entry(wide, [7, u64::MAX]);
    }
}

#[test]
fn any_number_may_be_read_in_a_table_of_all_handles() {
    finds_its_only_entry(Table::<u64>::new().expect("a table"), 7);
    finds_its_only_entry(Table::<[u64; 2]>::new().expect("a table"), [7, u64::MAX]);
}

#[test]
fn in_a_full_table_every_number_up_to_the_capacity_is_found_and_no_other() {
    for capacity in [1, 2, 1000, 8191, 8192, 8193] {
        let table = Table::<u64>::builder().capacity(capacity).build().expect("a table");
        let mut handles = Vec::new();
        table.allocate_many(&vec![3; capacity as usize], &mut handles).expect("all slots");
        let found = (0..3 * 8192).filter(|&raw| table.get_raw(raw).is_some());
        assert!(found.eq(1..=capacity));
        finds_nothing(&table, &EDGES.map(|raw| if raw <= capacity { raw } else { 0 })[1..]);
        assert_eq!(table.get_raw(0), None);
    }
}

#[test]
fn only_a_table_with_a_slot_for_every_handle_has_a_full_reader() {
    for capacity in [1, 1 << 20, (1 << 28) - 1] {
        let table = Table::<u64>::builder().capacity_at_most(capacity).build().expect("a table");
        assert!(table.full_reader().is_none(), "{capacity}");
    }
    // A load of two words is no plain load.
    let wide = Table::<[u64; 2]>::builder().capacity_at_most(u32::MAX).build().expect("a table");
    assert!(wide.full_reader().is_none());
}

/// On systems with addresses to spare, where they read as zero before they are committed.
#[cfg(all(target_pointer_width = "64", unix, not(any(miri, slotarena_heap))))]
#[test]
fn a_full_reader_finds_what_the_table_finds() {
    let table = Table::<u64>::builder().capacity(u32::MAX).build().expect("addresses");
    let reader = table.full_reader().expect("a slot for every handle");
    let handles: Vec<_> = (0..20_000).map(|i| table.allocate(i).expect("a slot")).collect();
    for (&handle, entry) in handles.iter().zip(0..) {
        assert_eq!(
            (reader.get(handle), reader.get_raw(handle.to_raw())),
            (Some(entry), Some(entry))
        );
    }
    for raw in EDGES.into_iter().filter(|&raw| raw == 0 || raw > 20_000) {
        assert_eq!(reader.get_raw(raw), None, "{raw}");
    }
    table.free_many(&handles).expect("live");
    let copy = reader;
    assert!(handles.iter().all(|&handle| copy.get(handle).is_none()));
    assert!(std::ptr::eq(copy.table(), &table));
}
