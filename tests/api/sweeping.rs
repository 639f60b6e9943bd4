//! What a sweep gives back, and what it leaves alone.

use slotarena::{Handle, SEGMENT_BYTES, Table};

use crate::common::{Random, check, check_empty, on_threads, slots_per_segment};
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
    assert!(table.stats().free_in_local_stores > 0);
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

/// Slots of a page, where pages inside a segment go back.
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn page_slots() -> usize {
    // SAFETY: a question to the C library.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(bytes).expect("pages have a size") / size_of::<u64>()
}

/// Which pages of a table's first segments are in memory.
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn resident(table: &Table<u64>, segments: usize) -> Vec<bool> {
    let mut pages = vec![0u8; segments * SEGMENT / page_slots()];
    let start = table.base().cast_mut().cast::<libc::c_void>();
    // SAFETY: the range is mapped, and there is a byte for each of its pages.
    let result = unsafe { libc::mincore(start, segments * SEGMENT_BYTES, pages.as_mut_ptr()) };
    assert_eq!(result, 0, "mincore");
    pages.into_iter().map(|page| page & 1 != 0).collect()
}

#[test]
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn pages_of_free_slots_go_back() {
    let page = page_slots();
    if page * 4 > SEGMENT {
        println!("skipped: a segment has too few pages");
        return;
    }
    let (table, handles) = full(2);
    // In the first segment one slot each of two pages; in the second one, the first of a page.
    let live = [page / 2, 2 * page, SEGMENT + 3 * page];
    let kept = thin_out(&table, &handles, |h| live.contains(&(h.to_raw() as usize)));
    let report = table.sweep(0);
    assert_eq!((report.segments_released, report.segments_committed), (0, 2));
    // The page before a live slot at the start of the next one would have to say where to go on;
    // so has the last of a segment.
    let pages = SEGMENT / page;
    let stay = [0, 1, 2, pages - 1, pages + 2, pages + 3, 2 * pages - 1];
    assert_eq!(report.bytes_released, ((2 * pages - stay.len()) * page * 8) as u64);
    let expected: Vec<bool> = (0..2 * pages).map(|page| stay.contains(&page)).collect();
    assert_eq!(resident(&table, 2), expected);
    check(&table);
    // What went back once is not given back again, and is as good as any other.
    assert_eq!(table.sweep(0).bytes_released, 0);
    let all: Vec<Handle> = std::iter::from_fn(|| table.allocate(7).ok()).collect();
    assert_eq!(all.len() + kept.len(), handles.len());
    assert!(all.iter().all(|&handle| table.get(handle) == Some(7)));
    assert_eq!(table.free_many(&all).and(table.free_many(&kept)), Ok(()));
    check_empty(&table);
}

#[test]
fn sweeps_lose_no_slot_whatever_lies_between_live_ones() {
    let mut random = Random::new(5);
    for round in 0..60 {
        // From a few live slots to many, in runs.
        let runs = 1 + random.below(1 << (round % 10));
        let builder = Table::<u64>::builder().stripes(1 << (round % 4));
        let capacity = 1 + random.below(3 * SEGMENT);
        let table = builder.capacity(capacity as u32).build().expect("a table");
        let mut handles = Vec::new();
        table.allocate_many(&vec![1; capacity], &mut handles).expect("all slots");
        let mut keep = vec![false; capacity + 1];
        for _ in 0..runs {
            let start = random.below(capacity);
            let length = random.below(1 + capacity / runs / 2);
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
