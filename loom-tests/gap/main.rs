//! What loom explores, held against all interleavings: loom up to 0.7.3 leaves some out.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --features loom --test loom_gap -- --nocapture
//! ```
//!
//! Its search remembers one access to each object, the last, so that a thread's own load just
//! before its store hides the load of another thread from it
//! ([tokio-rs/loom#392](https://github.com/tokio-rs/loom/issues/392),
//! [#166](https://github.com/tokio-rs/loom/issues/166)). `cargo xtask loom-patch` makes a copy
//! with that corrected. Each test runs against either and says what it expects of it: of the
//! copy, that it misses nothing; of loom as it is, that it misses something, so that a corrected
//! release is noticed. `SLOTARENA_LOOM_PATCHED` says that it is the copy.
//!
//! Where threads yield, the copy misses less than loom does, and still something: one that has
//! just yielded cannot go on, whatever it would meet, and the search does not know that this
//! orders it with what others do. The short programs here do not show it; with three operations
//! each and two threads, 85 of 1,000 do.
#![cfg(model)]

mod program;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use loom::sync::atomic::AtomicU64;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Release, SeqCst};
use program::{Extra, Op, Outcome, PLACES, Program, Random, interleavings};

/// Whether loom is the corrected copy.
fn patched() -> bool {
    std::env::var_os("SLOTARENA_LOOM_PATCHED").is_some()
}

/// The outcomes of all executions that loom explores, and how many executions there were.
fn explored<T: Ord + Send + 'static>(
    f: impl Fn() -> T + Sync + Send + 'static,
) -> (BTreeSet<T>, u64) {
    let outcomes = Arc::new(Mutex::new((BTreeSet::new(), 0)));
    let sink = outcomes.clone();
    loom::model::Builder::new().check(move || {
        let outcome = f();
        let mut sink = sink.lock().unwrap();
        sink.0.insert(outcome);
        sink.1 += 1;
    });
    Arc::into_inner(outcomes).expect("loom has ended").into_inner().unwrap()
}

/// The smallest program of which loom leaves something out.
#[test]
fn load_against_load_then_store() {
    let (outcomes, _) = explored(|| {
        let x = loom::sync::Arc::new(AtomicU64::new(0));
        let y = x.clone();
        let reader = loom::thread::spawn(move || y.load(Acquire));
        let writer = loom::thread::spawn(move || {
            x.load(Acquire);
            x.store(1, Release);
        });
        writer.join().unwrap();
        reader.join().unwrap()
    });
    assert!(outcomes.contains(&0));
    assert_eq!(outcomes.contains(&1), patched(), "whether the reader can come last");
}

/// How many there are of something depends on who has already dropped his.
#[test]
fn count_against_drop() {
    let (counts, _) = explored(|| {
        let one = loom::sync::Arc::new(());
        let other = one.clone();
        let counter = loom::thread::spawn(move || loom::sync::Arc::strong_count(&one));
        let dropper = loom::thread::spawn(move || drop(other));
        dropper.join().unwrap();
        counter.join().unwrap()
    });
    assert!(counts.contains(&2));
    assert_eq!(counts.contains(&1), patched(), "whether the drop can come first");
}

/// Runs a program in loom.
fn play(program: &Program) -> Outcome {
    // Not loom's `Arc`: who drops the last one is of no interest.
    let memory = Arc::new([(); PLACES].map(|()| AtomicU64::new(0)));
    let lock = Arc::new(loom::sync::Mutex::new(()));
    let threads: Vec<_> = program
        .iter()
        .cloned()
        .map(|ops| {
            let (memory, lock) = (memory.clone(), lock.clone());
            loom::thread::spawn(move || {
                let mut guard = None;
                let mut read = Vec::new();
                for op in ops {
                    match op {
                        Op::Load(place) => read.push(memory[place].load(SeqCst)),
                        Op::Store(place, value) => memory[place].store(value, SeqCst),
                        Op::Swap(place, value) => read.push(memory[place].swap(value, SeqCst)),
                        Op::CompareExchange(place, expected, value) => {
                            let result =
                                memory[place].compare_exchange(expected, value, AcqRel, Acquire);
                            read.push(result.unwrap_or_else(|old| old));
                        }
                        Op::Add(place, value) => read.push(memory[place].fetch_add(value, SeqCst)),
                        Op::Lock => guard = Some(lock.lock().unwrap()),
                        Op::Unlock => guard = None,
                        Op::Yield => loom::thread::yield_now(),
                    }
                }
                drop(guard);
                read
            })
        })
        .collect();
    let read = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    let left = [0, 1, 2].map(|place| memory[place].load(SeqCst));
    (read, left)
}

/// Compares what loom finds with what there is, over so many programs; of three threads and with
/// loom as it is, which takes long, up to the first where it misses something.
fn compare(name: &str, count: u64, threads: usize, ops: u64, extra: Extra) {
    let mut random = Random(count);
    let (mut programs, mut incomplete, mut missed, mut all, mut executions) = (0, 0u64, 0, 0, 0);
    let mut example = None;
    while programs < count && (patched() || threads < 3 || incomplete == 0) {
        programs += 1;
        let program = random.program(threads, ops, extra);
        let expected = interleavings(&program);
        let model = program.clone();
        let (found, n) = explored(move || play(&model));
        executions += n;
        let missing = expected.difference(&found).count();
        all += expected.len();
        missed += missing;
        incomplete += u64::from(missing > 0);
        if missing > 0 && example.is_none() {
            example = Some(program);
        }
    }
    println!("cases: {name} {programs}");
    println!(
        "{name}: {incomplete} incomplete, {missed} of {all} outcomes missed, \
         {executions} executions"
    );
    if patched() {
        assert_eq!(incomplete, 0, "the corrected loom misses outcomes, first of {example:?}");
    } else {
        assert!(incomplete > 0, "loom as it is misses nothing: is it corrected?");
    }
}

#[test]
fn two_threads() {
    compare("two_threads", 3_000, 2, 3, Extra::Nothing);
}

#[test]
fn two_threads_locks() {
    compare("two_threads_locks", 1_000, 2, 3, Extra::Locks);
}

#[test]
fn three_threads() {
    compare("three_threads", 300, 3, 2, Extra::Nothing);
}

#[test]
fn three_threads_locks() {
    compare("three_threads_locks", 100, 3, 2, Extra::Locks);
}

#[test]
fn three_threads_yields() {
    compare("three_threads_yields", 300, 3, 2, Extra::Yields);
}
