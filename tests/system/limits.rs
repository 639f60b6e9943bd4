//! Refusals of the system: of addresses, of memory, and of the process-wide barrier.
//!
//! A limit holds for a whole process and is not undone. So each test runs its scenario in a process
//! of its own, which sets the limit.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]

#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::sync::Barrier;

use fastrand::Rng;
use slotarena::{AllocError, BuildError, Handle, Key, SEGMENT_BYTES, Slab, Table};

use alone::{alone, forbid, limit, status_bytes};
use common::{check, check_empty, on_threads, panic_of, slots_per_segment};

/// Allocates, reads, and frees, and reads at both ends of the table.
fn works(table: &Table<u64>) {
    for raw in [0, 1, table.capacity(), u32::MAX] {
        assert_eq!(table.get_raw(raw), None);
    }
    let handles: Vec<Handle> = (0..20_000).map(|i| table.allocate(i).expect("a slot")).collect();
    assert!(handles.iter().map(|&handle| table.get(handle)).eq((0..20_000).map(Some)));
    assert_eq!(table.free_many(&handles), Ok(()));
    check_empty(table);
}

/// Checks a table in a process with addresses for `bytes` bytes.
fn steps_down(bytes: u64) {
    let all = 8 * (u64::from(u32::MAX) + 1);
    limit(libc::RLIMIT_AS, Some(bytes));
    let largest = Table::<u64>::builder().capacity_at_most(u32::MAX);
    let table = largest.build().expect("a smaller table");
    assert!((table.reserved_bytes() as u64) < bytes.min(all), "{} bytes", table.reserved_bytes());
    assert!(table.capacity() < u32::MAX);
    works(&table);
    // The table leaves as many addresses as it took.
    let second = Table::<u64>::builder().capacity(table.capacity()).build();
    works(&second.expect("as many addresses again"));
    // The table is not smaller than necessary: a quarter of the addresses is in use.
    assert!(table.reserved_bytes() as u64 * 8 > bytes - status_bytes("VmSize:"));
    let refused = Table::<u64>::builder().capacity(u32::MAX).build().expect_err("too much");
    let BuildError::Reserve { asked, refused: last, code, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!((asked as u64, last as u64, code), (all, all, libc::ENOMEM));
    assert!(refused.to_string().contains(&all.to_string()), "{refused}");
}

#[cfg(target_pointer_width = "64")]
#[test]
fn with_addresses_for_200_mb_a_table_is_smaller() {
    alone("with_addresses_for_200_mb_a_table_is_smaller", || steps_down(200 << 20));
}

#[cfg(target_pointer_width = "64")]
#[test]
fn with_addresses_for_1_gb_a_table_is_smaller() {
    alone("with_addresses_for_1_gb_a_table_is_smaller", || steps_down(1 << 30));
}

#[cfg(target_pointer_width = "64")]
#[test]
fn with_addresses_for_8_gb_a_table_is_smaller() {
    alone("with_addresses_for_8_gb_a_table_is_smaller", || steps_down(8 << 30));
}

#[test]
fn without_addresses_a_table_is_an_error() {
    alone("without_addresses_a_table_is_an_error", || {
        limit(libc::RLIMIT_AS, Some(4096));
        let error = Table::<u64>::new().expect_err("not one address");
        let BuildError::Reserve { asked, refused, code, .. } = error else { panic!("{error:?}") };
        limit(libc::RLIMIT_AS, None);
        assert_eq!((refused, code), (SEGMENT_BYTES, libc::ENOMEM), "even the smallest size");
        assert!(asked > refused);
        let text = error.to_string();
        assert!(text.contains(&asked.to_string()) && text.contains("65536"), "{text}");
        assert!(text.contains("(os error 12)"), "{text}");
        works(&Table::new().expect("a table, now that there are addresses"));
    });
}

/// Allocates until the first refusal.
fn fill(table: &Table<u64>, handles: &mut Vec<Handle>) -> AllocError {
    loop {
        match table.allocate(3) {
            Ok(handle) => handles.push(handle),
            Err(error) => return error,
        }
    }
}

#[test]
fn refused_memory_is_an_error_and_loses_nothing() {
    alone("refused_memory_is_an_error_and_loses_nothing", || {
        let table = Table::<u64>::builder().capacity(1_000_000).build().expect("a table");
        let mut handles = Vec::with_capacity(1_000_000);
        handles.push(table.allocate(3).expect("a slot"));
        limit(libc::RLIMIT_DATA, Some(status_bytes("VmData:")));
        let first = fill(&table, &mut handles);
        let live = handles.len();
        let second = table.allocate(3);

        // Committed slots can still be used.
        for handle in handles.drain(live - 5000..) {
            assert_eq!(table.free(handle), Ok(3));
        }
        let third = fill(&table, &mut handles);
        let stats = table.stats();

        limit(libc::RLIMIT_DATA, None);
        let refused = AllocError::OutOfMemory { code: libc::ENOMEM, bytes: SEGMENT_BYTES };
        assert_eq!([Err(first), second, Err(third)], [Err(refused); 3]);
        assert!(refused.to_string().contains("65536 bytes"), "{refused}");
        assert!(refused.to_string().contains("(os error 12)"), "{refused}");
        assert_eq!(handles.len(), live);
        assert_eq!((stats.live, stats.free, stats.slots_committed), (live as u64, 0, live as u64));
        assert_eq!(check(&table).live, live as u64);

        // The table grows again as soon as the limit is lifted.
        for _ in live..1_000_000 {
            handles.push(table.allocate(3).expect("memory is there again"));
        }
        assert_eq!(table.allocate(3), Err(AllocError::CapacityExhausted { capacity: 1_000_000 }));
        assert_eq!(table.free_many(&handles), Ok(()));
        check_empty(&table);
    });
}

#[test]
fn memory_is_used_to_the_last_segment() {
    alone("memory_is_used_to_the_last_segment", || {
        let table = Table::<u64>::builder().capacity(1_000_000).build().expect("a table");
        let mut handles = Vec::with_capacity(1_000_000);
        handles.push(table.allocate(3).expect("a slot"));
        let bytes = status_bytes("VmData:");
        limit(libc::RLIMIT_DATA, Some(bytes));
        fill(&table, &mut handles);
        let before = handles.len();
        limit(libc::RLIMIT_DATA, Some(bytes + 21 * SEGMENT_BYTES as u64));
        fill(&table, &mut handles);
        limit(libc::RLIMIT_DATA, None);
        // The process may have used one segment's worth for itself.
        let segments = (handles.len() - before) / slots_per_segment::<u64>();
        assert!((20..=21).contains(&segments), "{segments} of 21 segments");
    });
}

#[test]
fn threads_that_are_refused_memory_simultaneously_lose_nothing() {
    alone("threads_that_are_refused_memory_simultaneously_lose_nothing", || {
        const THREADS: usize = 4;
        let table = Table::<u64>::builder().capacity(1_000_000).build().expect("a table");
        let meeting = Barrier::new(THREADS);
        let ends = on_threads(THREADS, |i| {
            // The thread's own memory is allocated before the limit.
            let mut handles = Vec::with_capacity(1_000_000);
            handles.push(table.allocate(3).expect("a slot"));
            meeting.wait();
            if i == 0 {
                limit(libc::RLIMIT_DATA, Some(status_bytes("VmData:")));
            }
            meeting.wait();
            let error = fill(&table, &mut handles);
            meeting.wait();
            limit(libc::RLIMIT_DATA, None);
            (error, handles.len() as u64)
        });
        for (error, _) in &ends {
            assert!(matches!(error, AllocError::OutOfMemory { code: libc::ENOMEM, .. }), "{error}");
        }
        let live: u64 = ends.iter().map(|(_, live)| live).sum();
        let audit = check(&table);
        assert_eq!((audit.live, audit.free), (live, 0));
        assert_eq!(
            fill(&table, &mut Vec::new()),
            AllocError::CapacityExhausted { capacity: 1_000_000 }
        );
        assert_eq!(check(&table).live, 1_000_000);
    });
}

/// Counts the mappings of this process that overlap a range.
fn mapped(start: usize, bytes: usize) -> usize {
    let maps = fs::read_to_string("/proc/self/maps").expect("this process's mappings");
    let number = |text: &str| usize::from_str_radix(text, 16).expect("an address");
    let overlaps = |line: &&str| {
        let (from, rest) = line.split_once('-').expect("a range");
        let (to, _) = rest.split_once(' ').expect("rights");
        number(from) < start + bytes && start < number(to)
    };
    maps.lines().filter(overlaps).count()
}

#[test]
fn a_dropped_table_leaves_no_mapping() {
    alone("a_dropped_table_leaves_no_mapping", || {
        let table = Table::<u64>::new().expect("a table");
        works(&table);
        table.allocate(1).expect("a slot");
        let (start, bytes) = (table.base().addr(), table.reserved_bytes());
        assert!((1..=3).contains(&mapped(start, bytes)));
        drop(table);
        assert_eq!(mapped(start, bytes), 0);
    });
}

/// Makes every later call of `membarrier` fail, and with `for_good` its substitutes too.
fn forbid_membarrier(for_good: bool) -> bool {
    let calls = [libc::SYS_membarrier, libc::SYS_sched_setaffinity];
    forbid(&calls[..1 + usize::from(for_good)])
}

#[test]
fn without_membarrier_a_full_fence_does() {
    alone("without_membarrier_a_full_fence_does", || {
        if !forbid_membarrier(false) {
            println!("skipped: no seccomp filters here");
            return;
        }
        let table = Table::<u64>::builder().capacity(20_000).build().expect("a table");
        assert!(!table.stats().asymmetric_fence);
        on_threads(4, |i| {
            let mut random = Rng::with_seed(i as u64);
            let mut handles: Vec<Handle> = Vec::new();
            for step in 0..100_000 {
                if handles.len() < 4000 && random.usize(..3) > 0 {
                    handles.push(table.allocate(i as u64).expect("20,000 slots are enough"));
                } else if let Some(handle) = handles.pop() {
                    assert_eq!(table.free(handle), Ok(i as u64));
                }
                if step % 500 == 0 {
                    table.sweep(0);
                    handles.iter().for_each(|&h| assert_eq!(table.get(h), Some(i as u64)));
                } else if step % 1501 == 0 {
                    table.audit().expect("a sound table");
                }
                if random.usize(..5000) == 0 {
                    assert_eq!(table.free_many(&handles), Ok(()));
                    handles.clear();
                }
            }
            assert_eq!(table.free_many(&handles), Ok(()));
        });
        check_empty(&table);
    });
}

#[test]
fn without_any_barrier_a_stop_panics_and_the_rest_works() {
    alone("without_any_barrier_a_stop_panics_and_the_rest_works", || {
        let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
        let handle = table.allocate(5).expect("a slot");
        if !table.stats().asymmetric_fence || !forbid_membarrier(true) {
            println!("skipped: no membarrier, or no seccomp filters here");
            return;
        }
        let operations: [&dyn Fn(); 3] =
            [&|| assert!(table.stats().live > 0), &|| assert!(table.audit().is_ok()), &|| {
                table.for_each_live(|_, _| ())
            }];
        for operation in operations {
            let text = panic_of(operation);
            assert!(text.contains("membarrier"), "{text}");
            assert_eq!(table.set(handle, 5), Ok(Some(5)));
            let other = table.allocate(6).expect("a slot");
            assert_eq!((table.get(other), table.free(other)), (Some(6), Ok(6)));
        }
        let handles: Vec<Handle> = (1..1000).map(|i| table.allocate(i).expect("a slot")).collect();
        // A full table must stop the world before it reports that it is full.
        let text = panic_of(|| table.allocate(7));
        assert!(text.contains("membarrier"), "{text}");
        assert_eq!(table.free_many(&handles), Ok(()));
        assert_eq!(table.free(handle), Ok(5));
    });
}

#[test]
fn without_membarrier_a_slab_drops_immediately_until_it_has_a_reader() {
    alone("without_membarrier_a_slab_drops_immediately_until_it_has_a_reader", || {
        if !forbid_membarrier(false) {
            println!("skipped: no seccomp filters here");
            return;
        }
        let slab = Slab::<u64>::builder().capacity(20_000).build().expect("a slab");
        let waiting = || slab.stats().waiting;
        let remove_one = || assert!(slab.remove(slab.insert(1).expect("a slot")));
        remove_one();
        assert_eq!(waiting(), 0, "no participant has had a guard");
        drop(slab.pin());
        remove_one();
        assert_eq!(waiting(), 0, "no other participant has had a guard");
        let guard = slab.pin();
        remove_one();
        assert_eq!(waiting(), 1, "the remover has a guard");
        drop(guard);
        on_threads(4, |i| {
            let mut keys: Vec<Key> = Vec::new();
            for step in 0..20_000u64 {
                let stamp = step << 2 | i as u64;
                keys.push(slab.insert(stamp).expect("20,000 slots are enough"));
                let guard = slab.pin();
                let value = guard.get(*keys.last().expect("a key")).expect("a value");
                if keys.len() > 100 {
                    keys.drain(..).for_each(|key| assert!(slab.remove(key)));
                }
                assert_eq!(*value, stamp, "the value stays");
            }
            keys.drain(..).for_each(|key| assert!(slab.remove(key)));
        });
        assert_eq!((slab.flush(), slab.len()), (0, 0));
        slab.audit().expect("a sound slab");
    });
}

#[test]
fn without_any_barrier_no_guard_begins() {
    alone("without_any_barrier_no_guard_begins", || {
        let slab = Slab::<u64>::builder().capacity(1000).build().expect("a slab");
        let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
        let key = slab.insert(5).expect("a slot");
        if !table.stats().asymmetric_fence || !forbid_membarrier(true) {
            println!("skipped: no membarrier, or no seccomp filters here");
            return;
        }
        // Repeated, since a failed call must leave neither a guard nor a reader.
        for _ in 0..3 {
            let text = panic_of(|| slab.get(key).is_some());
            assert!(text.contains("membarrier"), "{text}");
        }
        assert!(slab.contains(key) && slab.remove(key) && !slab.contains(key));
        assert!(slab.insert(6).is_ok());
    });
}
