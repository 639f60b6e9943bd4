//! The process-wide barrier (`membarrier`) was granted, and is taken back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slotarena::{AllocError, Handle, Slab, Table};

use crate::alone::{alone, forbid, install, statement, unless_equal};
use crate::common::{check, check_empty};

/// Tells the threads to end, when it is dropped.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Threads work on a table and a slab while `take_back` takes the barrier from all of them, and go
/// on. Then all that stops the world is tried.
fn everything_goes_on(take_back: impl FnOnce() -> bool) {
    let table = Table::<u64>::builder().capacity(40_000).build().expect("a table");
    let slab = Slab::<String>::builder().capacity(10_000).build().expect("a slab");
    let (go_on, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let key = slab.insert("kept".to_owned()).expect("a slot");
    if !table.stats().asymmetric_fence {
        println!("skipped: no membarrier here");
        return;
    }
    let granted = std::thread::scope(|threads| {
        // Also if this thread panics: the scope waits for the others.
        let _done = Ends(&done);
        for thread in 0..3u64 {
            let (table, slab, go_on, done) = (&table, &slab, &go_on, &done);
            threads.spawn(move || {
                let mut step = 0;
                while !done.load(Ordering::Relaxed) {
                    let handles: Vec<Handle> = (0..200)
                        .map(|n| table.allocate(thread << 32 | n).expect("a slot"))
                        .collect();
                    for (n, &handle) in handles.iter().enumerate() {
                        assert_eq!(table.free(handle), Ok(thread << 32 | n as u64), "one owner");
                    }
                    let own = slab.insert(thread.to_string()).expect("a slot");
                    assert_eq!(slab.get(own).as_deref(), Some(&thread.to_string()));
                    assert!(slab.remove(own) && slab.get(key).is_some());
                    step += 1;
                    if step % 64 == thread {
                        table.sweep(0);
                    }
                    if step == 50 {
                        go_on.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
        let end = Instant::now() + Duration::from_secs(60);
        while !go_on.load(Ordering::Relaxed) {
            assert!(Instant::now() < end, "the threads work");
            std::thread::yield_now();
        }
        let taken = take_back();
        for _ in 0..50 {
            assert!(table.stats().asymmetric_fence);
            table.sweep(0);
            table.audit().expect("a sound table");
            slab.audit().expect("a sound slab");
            table.for_each_live(|_, _| ());
        }
        taken
    });
    if !granted {
        println!("skipped: no seccomp filters here");
        return;
    }
    // A full table stops the world before it says so.
    let all: Vec<Handle> = (0..40_000).map(|n| table.allocate(n).expect("a slot")).collect();
    assert_eq!(table.allocate(0), Err(AllocError::CapacityExhausted { capacity: 40_000 }));
    check(&table);
    assert_eq!(table.free_many(&all), Ok(()));
    check_empty(&table);
    assert_eq!(slab.take(key).as_deref(), Ok("kept"));
    assert_eq!((slab.flush(), slab.len()), (0, 0));
    slab.audit().expect("a sound slab");
    // A table that is made now does without.
    let fresh = Table::<u64>::builder().capacity(1000).build().expect("a table");
    assert_eq!(fresh.allocate(1).map(|handle| fresh.free(handle)), Ok(Ok(1)));
    check_empty(&fresh);
}

/// Returns the processors that the calling thread may run on.
fn processors() -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").expect("this thread's status");
    let line = status.lines().find(|line| line.starts_with("Cpus_allowed:"));
    line.expect("a line of this name").to_owned()
}

/// The stopper then tours all processors, and ends where it may be.
#[test]
fn after_membarrier_is_forbidden_everything_goes_on() {
    alone("barrier::after_membarrier_is_forbidden_everything_goes_on", || {
        let before = processors();
        everything_goes_on(|| forbid(&[libc::SYS_membarrier]));
        assert_eq!(processors(), before);
    });
}

/// The kernel then has the barrier of all processes.
#[test]
fn after_the_private_barrier_is_forbidden_everything_goes_on() {
    alone("barrier::after_the_private_barrier_is_forbidden_everything_goes_on", || {
        let argument =
            |number: u32| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 16 + 8 * number);
        let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
        let calls = [libc::SYS_sched_setaffinity as u32, libc::SYS_membarrier as u32];
        everything_goes_on(|| {
            install(vec![
                statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
                // No tour.
                unless_equal(1, calls[0]),
                statement(libc::BPF_RET | libc::BPF_K, refuse),
                unless_equal(3, calls[1]),
                argument(0),
                unless_equal(1, 1 << 3),
                statement(libc::BPF_RET | libc::BPF_K, refuse),
                statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
            ])
        });
    });
}
