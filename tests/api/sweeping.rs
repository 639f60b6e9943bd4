//! What a sweep gives back, and what it leaves alone.

use slotarena::{Handle, SEGMENT_BYTES, Table};

use crate::common::{check, check_empty, on_threads, slots_per_segment};
use crate::table;

const SEGMENT: usize = slots_per_segment::<u64>();

fn segment_of(handle: &Handle) -> usize {
    handle.to_raw() as usize / SEGMENT
}

/// Fills a table of this many whole segments. Each entry is its place in the result.
fn full(segments: usize) -> (Table<u64>, Vec<Handle>) {
    let table = table((segments * SEGMENT - 1) as u32);
    let entries: Vec<u64> = (0..u64::from(table.capacity())).collect();
    let mut handles = Vec::new();
    table.allocate_many(&entries, &mut handles).expect("all slots");
    (table, handles)
}

/// Frees those that are not to be kept and returns those that are.
fn thin_out(table: &Table<u64>, all: &[Handle], keep: impl Fn(&Handle) -> bool) -> Vec<Handle> {
    let (kept, freed): (Vec<Handle>, Vec<Handle>) = all.iter().partition(|&handle| keep(handle));
    assert_eq!(table.free_many(&freed), Ok(()));
    kept
}

#[test]
fn the_report_says_what_was_found_and_done() {
    let (table, handles) = full(5);
    let kept = thin_out(&table, &handles, |h| segment_of(h) == 2 && h.to_raw() % 2 == 0);
    let report = table.sweep(0);
    assert!(report.swept);
    assert_eq!((report.segments_released, report.segments_committed), (4, 1));
    assert_eq!(report.bytes_released, 4 * SEGMENT_BYTES as u64);
    assert_eq!(report.live, kept.len() as u64);
    assert_eq!(report.free, (SEGMENT - kept.len()) as u64);
    assert_eq!(report.uninitialized, 0);
    let stats = table.stats();
    assert_eq!((stats.live, stats.free), (report.live, report.free));
    assert_eq!((stats.segments_committed, stats.free_in_magazines), (1, 0));
    assert_eq!(check(&table).segments[0].index, 2);
}

#[test]
fn entries_stay_where_they_are() {
    let (table, handles) = full(4);
    let kept = thin_out(&table, &handles, |h| h.to_raw() % 1000 == 7);
    let entries: Vec<_> = kept.iter().map(|&handle| table.get(handle)).collect();
    assert!(table.sweep(0).swept);
    assert!(entries.iter().all(Option::is_some));
    assert!(kept.iter().map(|&handle| table.get(handle)).eq(entries));
}

#[test]
fn one_slot_in_use_keeps_its_segment() {
    let (table, handles) = full(3);
    let kept = thin_out(&table, &handles, |h| h.to_raw() as usize == SEGMENT);
    assert_eq!(table.sweep(0).segments_released, 2);
    table.free(kept[0]).expect("live");
    let uninitialized = table.allocate_uninitialized().expect("a slot");
    let report = table.sweep(0);
    assert_eq!((report.segments_released, report.uninitialized), (0, 1));
    table.free_uninitialized(uninitialized).expect("uninitialized");
    assert_eq!(table.sweep(0).segments_released, 1);
}

#[test]
fn below_the_threshold_nothing_is_done() {
    let (table, handles) = full(3);
    let kept = thin_out(&table, &handles, |h| segment_of(h) == 1);
    let (before, free) = (check(&table), (2 * SEGMENT - 1) as u64);
    let report = table.sweep(free + 1);
    assert!(!report.swept);
    assert_eq!((report.segments_released, report.bytes_released), (0, 0));
    assert_eq!((report.segments_committed, report.free), (3, free));
    assert_eq!(report.live, kept.len() as u64);
    assert_eq!(check(&table), before);
    let report = table.sweep(free);
    assert!(report.swept);
    assert_eq!(report.segments_released, 2);
}

#[test]
fn below_one_segment_nothing_is_done_whatever_the_threshold() {
    let (table, handles) = full(3);
    // As many free slots as the smallest segment has, less one.
    thin_out(&table, &handles, |h| h.to_raw() as usize > SEGMENT - 2);
    let report = table.sweep(0);
    assert!(!report.swept);
    assert_eq!((report.segments_released, report.segments_committed), (0, 3));
    table.free(handles[SEGMENT - 2]).expect("live");
    let report = table.sweep(0);
    assert!(report.swept);
    assert_eq!(report.segments_released, 1);
}

#[test]
fn a_short_last_segment_can_go_by_itself() {
    let table = table(SEGMENT as u32 + 9);
    let mut handles = Vec::new();
    table.allocate_many(&[1; SEGMENT + 9], &mut handles).expect("all slots");
    thin_out(&table, &handles, |h| segment_of(h) == 0);
    let report = table.sweep(0);
    assert!(report.swept);
    assert_eq!((report.segments_released, report.segments_committed), (1, 1));
}

#[test]
fn a_table_with_nothing_committed_has_nothing_to_sweep() {
    let table = table(1000);
    let report = table.sweep(0);
    assert!(!report.swept);
    assert_eq!((report.segments_released, report.segments_committed), (0, 0));
}

#[test]
fn new_entries_go_where_the_lowest_free_slots_are() {
    let table = Table::<u64>::builder().capacity(40_000).stripes(1).build().expect("a table");
    let mut handles = Vec::new();
    table.allocate_many(&[1; 40_000], &mut handles).expect("all slots");
    let freed = |h: &Handle| h.to_raw() % 3 == 0;
    thin_out(&table, &handles, |h| !freed(h));
    assert!(table.sweep(0).swept);
    let mut lowest: Vec<Handle> = handles.into_iter().filter(freed).collect();
    lowest.sort_unstable();
    for handle in lowest {
        assert_eq!(table.allocate(2), Ok(handle));
    }
}

#[test]
fn released_segments_are_used_again() {
    let (table, handles) = full(4);
    for round in 0..5 {
        thin_out(&table, &handles, |h| segment_of(h) % 2 == round % 2);
        assert_eq!(table.sweep(0).segments_released, 2);
        let mut again = Vec::new();
        let gone = handles.iter().filter(|&h| segment_of(h) % 2 != round % 2).count();
        table.allocate_many(&vec![5; gone], &mut again).expect("as many as were freed");
        assert!(table.allocate(0).is_err());
        check(&table);
    }
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}

#[test]
fn free_slots_in_threads_private_stores_are_swept_too() {
    let (table, handles) = full(2);
    on_threads(1, |_| assert_eq!(table.free_many(&handles), Ok(())));
    // This thread has some of them in store again.
    let handle = table.allocate(1).expect("a slot");
    assert_eq!(table.free(handle), Ok(1));
    assert!(table.stats().free_in_magazines > 0);
    check_empty(&table);
}

#[test]
fn several_threads_may_sweep_at_once() {
    let (table, handles) = full(8);
    let kept = thin_out(&table, &handles, |h| segment_of(h) == 5);
    let reports = on_threads(4, |_| table.sweep(0));
    let released: u64 = reports.iter().map(|report| report.segments_released).sum();
    assert_eq!(released, 7);
    assert_eq!(check(&table).live, kept.len() as u64);
}
