//! What a sweep releases, and what it leaves.

use fastrand::Rng;
use slotarena::{Handle, SEGMENT_BYTES, Table};

use crate::common::{check, check_empty, on_threads, slots_per_segment};
use crate::table;

const SEGMENT: usize = slots_per_segment::<u64>();

fn segment_of(handle: &Handle) -> usize {
    handle.to_raw() as usize / SEGMENT
}

/// Makes a full table of this many whole segments. Each entry is its index in the returned vector.
fn full(segments: usize) -> (Table<u64>, Vec<Handle>) {
    let table = table((segments * SEGMENT - 1) as u32);
    let entries: Vec<u64> = (0..u64::from(table.capacity())).collect();
    let mut handles = Vec::new();
    table.allocate_many(&entries, &mut handles).expect("all slots");
    (table, handles)
}

/// Frees the handles for which `keep` returns `false`, and returns the others.
fn thin_out(table: &Table<u64>, all: &[Handle], keep: impl Fn(&Handle) -> bool) -> Vec<Handle> {
    let (kept, freed): (Vec<Handle>, Vec<Handle>) = all.iter().partition(|&handle| keep(handle));
    assert_eq!(table.free_many(&freed), Ok(()));
    kept
}

#[test]
fn the_report_counts_slots_and_segments() {
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
    assert_eq!((stats.segments_committed, stats.free_in_local_stores), (1, 0));
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
fn below_the_threshold_a_sweep_does_nothing() {
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
fn below_one_segment_a_sweep_does_nothing_whatever_the_threshold() {
    let (table, handles) = full(3);
    // One free slot less than the smallest segment has.
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
fn a_short_last_segment_is_released_by_itself() {
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
fn after_a_sweep_the_lowest_free_slots_are_allocated_first() {
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
    for cycle in 0..5 {
        thin_out(&table, &handles, |h| segment_of(h) % 2 == cycle % 2);
        assert_eq!(table.sweep(0).segments_released, 2);
        let mut again = Vec::new();
        let gone = handles.iter().filter(|&h| segment_of(h) % 2 != cycle % 2).count();
        table.allocate_many(&vec![5; gone], &mut again).expect("as many as were freed");
        assert!(table.allocate(0).is_err());
        check(&table);
    }
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(&table);
}

#[test]
fn free_slots_in_local_stores_are_swept_too() {
    let (table, handles) = full(2);
    on_threads(1, |_| assert_eq!(table.free_many(&handles), Ok(())));
    // This thread has some of them in its local store again.
    let handle = table.allocate(1).expect("a slot");
    assert_eq!(table.free(handle), Ok(1));
    assert!(table.stats().free_in_local_stores > 0);
    check_empty(&table);
}

#[test]
fn several_threads_may_sweep_simultaneously() {
    let (table, handles) = full(8);
    let kept = thin_out(&table, &handles, |h| segment_of(h) == 5);
    let reports = on_threads(4, |_| table.sweep(0));
    let released: u64 = reports.iter().map(|report| report.segments_released).sum();
    assert_eq!(released, 7);
    assert_eq!(check(&table).live, kept.len() as u64);
}

/// Returns the number of slots in a page of the system.
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn page_slots() -> usize {
    // SAFETY: asks for a constant.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).expect("pages have a size") / size_of::<u64>()
}

/// Returns, for each page of a table's first segments, whether it is in memory.
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn resident(table: &Table<u64>, segments: usize) -> Vec<bool> {
    let mut pages = vec![0u8; segments * SEGMENT / page_slots()];
    let start = table.base().cast_mut().cast::<libc::c_void>();
    // SAFETY: the range is mapped, and `pages` has a byte for each of its pages.
    let result = unsafe { libc::mincore(start, segments * SEGMENT_BYTES, pages.as_mut_ptr()) };
    assert_eq!(result, 0, "mincore");
    pages.into_iter().map(|page| page & 1 != 0).collect()
}

#[test]
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn pages_of_free_slots_are_released() {
    let page = page_slots();
    if page * 4 > SEGMENT {
        println!("skipped: a segment has too few pages");
        return;
    }
    let (table, handles) = full(2);
    // In the first segment a slot in each of two pages. In the second the first slot of a page.
    let live = [page / 2, 2 * page, SEGMENT + 3 * page];
    let kept = thin_out(&table, &handles, |h| live.contains(&(h.to_raw() as usize)));
    let report = table.sweep(0);
    assert_eq!((report.segments_released, report.segments_committed), (0, 2));
    // The last page of a segment stays, since it holds a link. So does the page before a live slot
    // that is the first of its page.
    let pages = SEGMENT / page;
    let stay = [0, 1, 2, pages - 1, pages + 2, pages + 3, 2 * pages - 1];
    assert_eq!(report.bytes_released, ((2 * pages - stay.len()) * page * 8) as u64);
    let expected: Vec<bool> = (0..2 * pages).map(|page| stay.contains(&page)).collect();
    assert_eq!(resident(&table, 2), expected);
    check(&table);
    // A released page is not released again, and its slots can be allocated.
    assert_eq!(table.sweep(0).bytes_released, 0);
    let all: Vec<Handle> = std::iter::from_fn(|| table.allocate(7).ok()).collect();
    assert_eq!(all.len() + kept.len(), handles.len());
    assert!(all.iter().all(|&handle| table.get(handle) == Some(7)));
    assert_eq!(table.free_many(&all).and(table.free_many(&kept)), Ok(()));
    check_empty(&table);
}

#[test]
fn sweeps_lose_no_slot_whatever_the_live_slots() {
    let mut random = Rng::with_seed(5);
    for case in 0..60 {
        // Runs of live slots: from a few to many.
        let runs = 1 + random.usize(..1 << (case % 10));
        let builder = Table::<u64>::builder().stripes(1 << (case % 4));
        let capacity = 1 + random.usize(..3 * SEGMENT);
        let table = builder.capacity(capacity as u32).build().expect("a table");
        let mut handles = Vec::new();
        table.allocate_many(&vec![1; capacity], &mut handles).expect("all slots");
        let mut keep = vec![false; capacity + 1];
        for _ in 0..runs {
            let start = random.usize(..capacity);
            let length = random.usize(..1 + capacity / runs / 2);
            keep[start..capacity.min(start + 1 + length)].fill(true);
        }
        let kept = thin_out(&table, &handles, |h| keep[h.to_raw() as usize]);
        for _ in 0..2 {
            let before = table.stats();
            let report = table.sweep(0);
            assert!(report.live == kept.len() as u64 && before.live == report.live, "{report:?}");
            check(&table);
        }
        let all: Vec<Handle> = std::iter::from_fn(|| table.allocate(2).ok()).collect();
        assert_eq!(all.len() + kept.len(), capacity);
        assert!(kept.iter().all(|&handle| table.get(handle) == Some(1)));
        assert_eq!(table.free_many(&all).and(table.free_many(&kept)), Ok(()));
        check_empty(&table);
    }
}
