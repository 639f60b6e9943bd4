//! Systems that answer otherwise than the one at hand: this program has functions of its own in
//! place of the C library's `syscall` and `madvise`.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_arch = "x86_64", not(any(miri, slotarena_heap))))]

#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;

use std::arch::asm;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use fastrand::Rng;
use libc::{c_int, c_long, c_void};
use slotarena::{CodePointerTable, Handle, Protection, Slab, Table};

use alone::alone;
use common::{check, check_empty, panic_of};

/// The process's registration for `membarrier` is gone, as after a restored checkpoint.
static REGISTRATION_LOST: AtomicBool = AtomicBool::new(false);

/// The number of times that it was lost and granted again.
static REGISTERED_AGAIN: AtomicU32 = AtomicU32::new(0);

/// `membarrier` is refused for good.
static BARRIER_REFUSED: AtomicBool = AtomicBool::new(false);

/// The calling thread may not use the second processor, which others may use.
static SECOND_REFUSED: AtomicBool = AtomicBool::new(false);

/// `madvise` takes MADV_DONTNEED and MADV_REMOVE, and does nothing, as old emulators do.
static ADVICE_IGNORED: AtomicBool = AtomicBool::new(false);

/// Returns what a refused call returns, with this code.
fn refuse(code: c_int) -> c_long {
    // SAFETY: returns the address of the calling thread's own code.
    let at = unsafe { libc::__errno_location() };
    // SAFETY: the calling thread's own.
    unsafe { *at = code };
    -1
}

/// `madvise` refuses MADV_DONTNEED.
static ADVICE_REFUSED: AtomicBool = AtomicBool::new(false);

/// The C library's function, but for `membarrier`.
///
/// # Safety
///
/// Same as the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_membarrier {
        // Relaxed: each scenario has one thread that calls this.
        if a == 1 << 3 && REGISTRATION_LOST.load(Ordering::Relaxed) {
            return refuse(libc::EPERM);
        }
        if BARRIER_REFUSED.load(Ordering::Relaxed) {
            return refuse(libc::EPERM);
        }
        if a == 1 << 4 && REGISTRATION_LOST.swap(false, Ordering::Relaxed) {
            REGISTERED_AGAIN.fetch_add(1, Ordering::Relaxed);
        }
    }
    if number == libc::SYS_sched_setaffinity && SECOND_REFUSED.load(Ordering::Relaxed) {
        let mask = std::ptr::with_exposed_provenance::<u64>(c as usize);
        // SAFETY: by the contract of this function. The mask has more than one word.
        if unsafe { mask.read() } == 0b10 {
            return refuse(libc::EINVAL);
        }
    }
    let result: c_long;
    // SAFETY: by the contract of this function.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c,
            in("r10") d, in("r8") e, in("r9") f, out("rcx") _, out("r11") _, options(nostack));
    }
    if (-4095..0).contains(&result) {
        return refuse(-result as c_int);
    }
    result
}

/// The C library's function, but that it may ignore some advice.
///
/// # Safety
///
/// Same as the C library's.
#[unsafe(no_mangle)]
unsafe extern "C" fn madvise(at: *mut c_void, bytes: usize, advice: c_int) -> c_int {
    let ignored = [libc::MADV_DONTNEED, libc::MADV_REMOVE].contains(&advice);
    if ignored && ADVICE_IGNORED.load(Ordering::Relaxed) {
        return 0;
    }
    if advice == libc::MADV_DONTNEED && ADVICE_REFUSED.load(Ordering::Relaxed) {
        return refuse(libc::EACCES) as c_int;
    }
    let (at, bytes) = (at.expose_provenance() as c_long, bytes as c_long);
    // SAFETY: by the contract of this function.
    unsafe { syscall(libc::SYS_madvise, at, bytes, c_long::from(advice), 0, 0, 0) as c_int }
}

#[test]
fn a_lost_registration_for_membarrier_is_renewed() {
    alone("a_lost_registration_for_membarrier_is_renewed", || {
        let table = Table::<u64>::builder().capacity(100_000).build().expect("a table");
        let slab = Slab::<String>::builder().capacity(1000).build().expect("a slab");
        let handle = table.allocate(1).expect("a slot");
        if !table.stats().asymmetric_fence {
            println!("skipped: no membarrier here");
            return;
        }
        let lose = || REGISTRATION_LOST.store(true, Ordering::Relaxed);
        lose();
        assert_eq!(table.stats().live, 1);
        lose();
        let key = slab.insert("a".to_owned()).expect("a slot");
        assert_eq!(slab.get(key).as_deref().map(String::as_str), Some("a"));
        lose();
        assert_eq!(check(&table).live, 1);
        lose();
        let fresh = Table::<u64>::builder().capacity(1000).build().expect("a table");
        assert!(fresh.stats().asymmetric_fence);
        assert_eq!(table.get(handle), Some(1));
        assert_eq!(REGISTERED_AGAIN.load(Ordering::Relaxed), 4);
    });
}

#[test]
fn a_tour_that_cannot_reach_a_thread_is_no_barrier() {
    alone("a_tour_that_cannot_reach_a_thread_is_no_barrier", || {
        let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
        let processors = std::thread::available_parallelism().map_or(1, |count| count.get());
        if !table.stats().asymmetric_fence || processors < 2 {
            println!("skipped: no membarrier here, or one processor");
            return;
        }
        BARRIER_REFUSED.store(true, Ordering::Relaxed);
        assert_eq!(table.stats().live, 0, "the tour reaches all");
        SECOND_REFUSED.store(true, Ordering::Relaxed);
        let text = panic_of(|| table.stats());
        assert!(text.contains("membarrier"), "{text}");
        SECOND_REFUSED.store(false, Ordering::Relaxed);
        assert_eq!(table.stats().live, 0);
    });
}

/// A slot that still holds a link after its memory went back would have two owners.
#[test]
fn where_advice_is_ignored_memory_is_mapped_afresh() {
    alone("where_advice_is_ignored_memory_is_mapped_afresh", || {
        ADVICE_IGNORED.store(true, Ordering::Relaxed);
        let table = Table::<u64>::builder().capacity(4_000_000).build().expect("a table");
        for _ in 0..4 {
            let mut handles: Vec<Handle> =
                (0..200_000).map(|n| table.allocate(n).expect("a slot")).collect();
            Rng::with_seed(1).shuffle(&mut handles);
            let distinct: HashSet<Handle> = handles.iter().copied().collect();
            assert_eq!(distinct.len(), handles.len());
            table.free_many(&handles).expect("live");
            assert!(table.sweep(0).segments_released > 20);
        }
        check_empty(&table);
    });
}

/// A system that does not keep the contract of a dual mapping does not have it.
#[test]
fn where_advice_is_ignored_there_is_no_dual_mapping() {
    alone("where_advice_is_ignored_there_is_no_dual_mapping", || {
        ADVICE_IGNORED.store(true, Ordering::Relaxed);
        assert!(!Protection::DualMapping.is_available());
        let table = CodePointerTable::builder().index_bits(16).build().expect("a table");
        assert_eq!(table.protection(), Protection::None);
        assert!(CodePointerTable::builder().protection(Protection::DualMapping).build().is_err());
    });
}

#[test]
fn memory_that_the_system_refuses_to_take_is_in_the_report() {
    alone("memory_that_the_system_refuses_to_take_is_in_the_report", || {
        let table = Table::<u64>::builder().capacity(400_000).build().expect("a table");
        let fill = || (0..200_000).map(|n| table.allocate(n).expect("a slot")).collect::<Vec<_>>();
        let handles = fill();
        table.free_many(&handles).expect("live");
        ADVICE_REFUSED.store(true, Ordering::Relaxed);
        let report = table.sweep(0);
        assert!(report.swept && report.segments_released == 0, "{report:?}");
        // A part of the last segment was never used.
        assert!(report.bytes_refused >= 24 * 65_536, "{report:?}");
        check(&table);
        let handles = fill();
        table.free_many(&handles).expect("live");
        ADVICE_REFUSED.store(false, Ordering::Relaxed);
        assert_eq!(table.sweep(0).bytes_refused, 0);
        check_empty(&table);
    });
}
