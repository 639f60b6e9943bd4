//! A signal handler that uses a table and a slab while its thread does.
//!
//! Another thread sends signals, so that they come at any instruction. What the handler gets must
//! be right, or the error that says that its thread is inside another call. Nothing may be lost.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use slotarena::{AllocError, Handle, Key, OperationError, Slab, Table, slab};

use crate::alone::alone;
use crate::common::{cases, check_empty};

/// What the thread and its handler work on.
struct Shared {
    table: Table<u64>,
    slab: Slab<u64>,
    handle: Handle,
    key: Key,
    worked: AtomicU64,
    refused: AtomicU64,
}

static SHARED: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

/// The thread goes on until the handler's operations were refused this often.
const REFUSALS: u64 = 10;

impl Shared {
    fn new() -> Self {
        let table = Table::builder().capacity(30_000).build().expect("a table");
        let slab = Slab::builder().capacity(30_000).build().expect("a slab");
        let handle = table.allocate(5).expect("a slot");
        let key = slab.insert(5).expect("room");
        // A value of another participant waits: an insertion that finds no slot would look at it.
        drop(slab.pin());
        let other = slab.mutator();
        let removed = other.insert(4).expect("room");
        assert!(other.remove(removed));
        drop(other);
        assert_eq!(slab.stats().waiting, 1);
        Self { table, slab, handle, key, worked: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    fn count(&self, outcome: Result<(), OperationError>) {
        match outcome {
            Ok(()) => self.worked.fetch_add(1, Ordering::Relaxed),
            Err(error) => {
                assert_eq!(error, OperationError::Reentered);
                self.refused.fetch_add(1, Ordering::Relaxed)
            }
        };
    }

    /// How often the handler's operations worked, and how often they were refused.
    fn runs(&self) -> [u64; 2] {
        [&self.worked, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// Reads, which works anywhere. Then allocates, sets, and frees.
    fn use_table(&self) -> Result<(), OperationError> {
        let Self { table, handle, .. } = self;
        assert_eq!(table.get(*handle), Some(5));
        match table.allocate(6) {
            Ok(fresh) => {
                assert_eq!(table.set(fresh, 7), Ok(Some(6)));
                assert_eq!(table.free(fresh), Ok(7));
                Ok(())
            }
            Err(AllocError::Operation(error)) => {
                let refused = table.free(*handle).expect_err("refused too");
                assert_eq!(refused.operation(), Some(error));
                Err(error)
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Reads under a guard, which works anywhere. Then inserts and removes.
    fn use_slab(&self) -> Result<(), OperationError> {
        let Self { slab, key, .. } = self;
        assert_eq!(slab.pin().get(*key), Some(&5));
        match slab.insert(6) {
            Ok(fresh) => {
                assert_eq!(slab.try_remove(fresh), Ok(true));
                Ok(())
            }
            Err(refused) => match refused.error() {
                AllocError::Operation(error) => {
                    assert_eq!(slab.take(*key), Err(slab::TakeError::Operation(error)));
                    Err(error)
                }
                error => panic!("{error} {:?}", slab.stats()),
            },
        }
    }
}

extern "C" fn use_table(_: libc::c_int) {
    // SAFETY: what is shared is there as long as signals come.
    let shared = unsafe { &*SHARED.load(Ordering::Acquire) };
    shared.count(shared.use_table());
}

extern "C" fn use_slab(_: libc::c_int) {
    // SAFETY: what is shared is there as long as signals come.
    let shared = unsafe { &*SHARED.load(Ordering::Acquire) };
    shared.count(shared.use_slab());
}

/// Runs `work` again and again on a thread that signals interrupt, until the handler's operations
/// have worked this often, and enough were refused.
fn interrupted(runs: u64, handler: extern "C" fn(libc::c_int), work: impl Fn(&Shared)) {
    let shared = Shared::new();
    SHARED.store(ptr::from_ref(&shared).cast_mut(), Ordering::Release);
    let address = handler as *const () as libc::sighandler_t;
    // SAFETY: the handler has the right type.
    assert_ne!(unsafe { libc::signal(libc::SIGUSR1, address) }, libc::SIG_ERR);
    let done = AtomicBool::new(false);
    // SAFETY: takes nothing.
    let worker = unsafe { libc::pthread_self() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runs = || shared.runs().iter().sum::<u64>();
            while !done.load(Ordering::Relaxed) {
                let before = runs();
                // SAFETY: the worker waits for this thread before it ends.
                unsafe { libc::pthread_kill(worker, libc::SIGUSR1) };
                // The next one comes when the worker has gone on a little.
                while runs() == before {
                    std::thread::yield_now();
                }
                (0..fastrand::u32(..1000)).for_each(|_| std::hint::spin_loop());
            }
        });
        let is_enough = |[worked, refused]: [u64; 2]| worked >= runs && refused >= REFUSALS;
        for _ in 0..2_000_000_000u64 {
            work(&shared);
            if is_enough(shared.runs()) {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let counts = shared.runs();
    assert!(counts[0] >= runs && counts[1] >= REFUSALS, "worked, refused: {counts:?}");
    cases("signals", counts[0] + counts[1]);
    assert_eq!(shared.table.free(shared.handle), Ok(5));
    check_empty(&shared.table);
    assert_eq!(shared.slab.take(shared.key), Ok(5));
    assert_eq!(shared.slab.stats().live, 0);
    shared.slab.audit().expect("a sound slab");
}

#[test]
fn a_handler_uses_the_table_that_its_thread_is_using() {
    alone("signals::a_handler_uses_the_table_that_its_thread_is_using", || {
        interrupted(REFUSALS, use_table, |shared| {
            let mut held = [shared.handle; 150];
            // More than two magazines, so that slots go to the shared lists and come back.
            for place in &mut held {
                *place = shared.table.allocate(1).expect("a slot");
            }
            for handle in held {
                assert_eq!(shared.table.free(handle), Ok(1));
            }
        });
    });
}

#[test]
fn a_handler_uses_a_table_while_its_thread_sweeps_it() {
    alone("signals::a_handler_uses_a_table_while_its_thread_sweeps_it", || {
        interrupted(REFUSALS, use_table, |shared| {
            // This kind of sweep does not wait after one in vain.
            shared.table.sweep_stopped(0);
            assert!(shared.table.stats().exact);
        });
    });
}

#[test]
fn a_handler_uses_the_slab_that_its_thread_is_using() {
    alone("signals::a_handler_uses_the_slab_that_its_thread_is_using", || {
        interrupted(REFUSALS, use_slab, |shared| {
            let key = shared.slab.insert(1).expect("room");
            assert_eq!(shared.slab.pin().get(key), Some(&1));
            assert!(shared.slab.remove(key));
        });
    });
}

#[test]
fn a_guard_of_a_handler_ends_none_of_its_threads() {
    alone("signals::a_guard_of_a_handler_ends_none_of_its_threads", || {
        interrupted(2_000, use_slab, |shared| {
            let key = shared.slab.insert(1).expect("room");
            let guard = shared.slab.pin();
            let value = guard.get(key).expect("live");
            assert!(shared.slab.remove(key));
            assert!(shared.slab.flush() > 0, "the guard can see the value");
            assert_eq!(*value, 1);
        });
    });
}
