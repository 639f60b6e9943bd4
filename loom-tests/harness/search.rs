//! The search on shuttle, compared with all interleavings of small random programs.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use slotarena::observed::{self, AtomicU64};

use crate::harness::checker::sync::atomic::Ordering::SeqCst;
use crate::harness::checker::thread::spawn;
use crate::harness::checker::{EXPLORE_ALL, explore};
use crate::program::{Extra, Op, Outcome, PLACES, Program, interleavings, random_program};

/// Runs a program once.
fn play(program: &Program) -> Outcome {
    let memory = Arc::new([(); PLACES].map(|()| AtomicU64::new(0)));
    let lock = Arc::new(observed::Mutex::new(()));
    let threads: Vec<_> = program
        .iter()
        .cloned()
        .map(|ops| {
            let (memory, lock) = (memory.clone(), lock.clone());
            spawn(move || {
                let mut guard = None;
                for op in ops {
                    match op {
                        Op::Load(place) => _ = memory[place].load(SeqCst),
                        Op::Store(place, value) => memory[place].store(value, SeqCst),
                        Op::Swap(place, value) => _ = memory[place].swap(value, SeqCst),
                        Op::CompareExchange(place, old, new) => {
                            let _ = memory[place].compare_exchange(old, new, SeqCst, SeqCst);
                        }
                        Op::Add(place, value) => _ = memory[place].fetch_add(value, SeqCst),
                        Op::Lock => {
                            guard = Some(lock.lock().expect("no thread panics with the lock"))
                        }
                        Op::Unlock => guard = None,
                        Op::Yield => unreachable!("a thread waits only in a loop"),
                    }
                }
                drop(guard);
                observed::history()
            })
        })
        .collect();
    let read = threads.into_iter().map(|thread| thread.join().expect("a thread")).collect();
    let left = [0, 1, 2].map(|place| memory[place].load(SeqCst));
    (read, left)
}

/// Returns all outcomes of a program that a search finds.
fn found(
    program: &Program,
    explore: impl FnOnce(Box<dyn Fn() + Sync + Send>),
) -> BTreeSet<Outcome> {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let (sink, program) = (outcomes.clone(), program.clone());
    explore(Box::new(move || {
        let outcome = play(&program);
        sink.lock().expect("no thread panics with the lock").insert(outcome);
    }));
    Arc::into_inner(outcomes)
        .expect("the search has ended")
        .into_inner()
        .expect("no thread panics with the lock")
}

/// Compares over `count` programs, also with a bound that no execution reaches.
fn compare(name: &str, count: u64, threads: usize, ops: usize, extra: Extra) {
    let mut random = Rng::with_seed(count);
    for _ in 0..count {
        let program = random_program(&mut random, threads, ops, extra);
        let all = interleavings(&program);
        assert_eq!(found(&program, |f| explore(None, f)), all, "{program:?}");
        if threads == 2 {
            assert_eq!(found(&program, |f| explore(Some(100), f)), all, "{program:?}");
        }
    }
    println!("cases: {name} {count}");
}

#[test]
fn two_threads() {
    compare("search_two_threads", 2_000, 2, 3, Extra::Nothing);
}

#[test]
fn two_threads_locks() {
    compare("search_two_threads_locks", 1_000, 2, 3, Extra::Locks);
}

#[test]
fn three_threads() {
    compare("search_three_threads", 500, 3, 2, Extra::Nothing);
}

#[test]
fn three_threads_locks() {
    compare("search_three_threads_locks", 200, 3, 2, Extra::Locks);
}

/// Shuttle's own search finds exactly the listed interleavings too.
#[test]
fn shuttles_own_search() {
    let mut random = Rng::with_seed(1);
    for _ in 0..20 {
        let program = random_program(&mut random, 2, 2, Extra::Nothing);
        let own = found(&program, EXPLORE_ALL.expect("shuttle has one"));
        assert_eq!(own, interleavings(&program), "{program:?}");
    }
    println!("cases: search_shuttles_own 20");
}
