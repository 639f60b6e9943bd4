//! Linearizability of histories that real threads record.
//!
//! Wing and Gong's search (the `todc-utils` crate) checks that each operation appears to take
//! effect at one moment between its call and its return. The threads make handles up, so that
//! frees, sets, and gets of one slot race all the time.
#![cfg(not(all(loom, feature = "loom")))]

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use fastrand::Rng;
use slotarena::{AllocError, Handle, Table};
use todc_utils::linearizability::WGLChecker;
use todc_utils::linearizability::history::{Action, History};
use todc_utils::specifications::Specification;

const CAPACITY: usize = 3;
const OPERATIONS: usize = 8;

/// An operation with its result, which is `None` at the call.
#[derive(Clone, Copy, Debug)]
enum Operation {
    /// The value, and the handle, or 0 if the table was full.
    Allocate(u64, Option<u32>),
    /// The handle, and the value that was freed.
    Free(u32, Option<Option<u64>>),
    /// The handle, and the value that was read.
    Get(u32, Option<Option<u64>>),
    /// The handle, the new value, and the old one.
    Set(u32, u64, Option<Option<u64>>),
    Sweep,
}

use Operation::{Allocate, Free, Get, Set, Sweep};

/// The sequential specification of a table of three slots.
struct TableSpec;

impl Specification for TableSpec {
    type State = [Option<u64>; CAPACITY];
    type Operation = Operation;

    fn init() -> Self::State {
        [None; CAPACITY]
    }

    fn apply(operation: &Operation, state: &Self::State) -> (bool, Self::State) {
        let mut next = *state;
        let valid = match *operation {
            Allocate(_, Some(0)) => state.iter().all(Option::is_some),
            Allocate(value, Some(handle)) => next[handle as usize - 1].replace(value).is_none(),
            Free(handle, Some(old)) => next[handle as usize - 1].take() == old,
            Get(handle, Some(seen)) => state[handle as usize - 1] == seen,
            Set(handle, value, Some(old)) => {
                let slot = &mut next[handle as usize - 1];
                let valid = *slot == old;
                if slot.is_some() {
                    *slot = Some(value);
                }
                valid
            }
            Sweep => true,
            Allocate(_, None) | Free(_, None) | Get(_, None) | Set(_, _, None) => false,
        };
        (valid, next)
    }
}

fn is_linearizable(actions: Vec<(usize, Action<Operation>)>) -> bool {
    WGLChecker::<TableSpec>::is_linearizable(History::from_actions(actions))
}

fn perform(table: &Table<u64>, operation: Operation) -> Operation {
    let name = |raw| Handle::from_raw(raw).expect("not null");
    match operation {
        Allocate(value, _) => match table.allocate(value) {
            Ok(handle) => Allocate(value, Some(handle.to_raw())),
            Err(AllocError::CapacityExhausted { .. }) => Allocate(value, Some(0)),
            Err(error) => panic!("{error}"),
        },
        Free(handle, _) => Free(handle, Some(table.free(name(handle)).ok())),
        Get(handle, _) => Get(handle, Some(table.get(name(handle)))),
        Set(handle, value, _) => {
            Set(handle, value, Some(table.set(name(handle), value).ok().flatten()))
        }
        Sweep => {
            table.sweep(0);
            Sweep
        }
    }
}

/// Records one history: a few operations of each thread on a fresh table.
fn record(seed: u64, threads: usize) -> Vec<(usize, Action<Operation>)> {
    let table = Table::<u64>::builder()
        .capacity(CAPACITY as u32)
        .stripes(1)
        .magazine_size(1)
        .build()
        .expect("a small table");
    let clock = AtomicU64::new(0);
    let ready = AtomicUsize::new(0);
    let run = |thread: usize| {
        let mut random = Rng::with_seed(seed.wrapping_mul(31).wrapping_add(thread as u64));
        let mut events = Vec::with_capacity(2 * OPERATIONS);
        // The threads start together, since each needs less than a microsecond for its part.
        ready.fetch_add(1, Ordering::SeqCst);
        for spins in 0u32.. {
            if ready.load(Ordering::SeqCst) == threads {
                break;
            }
            if spins % 1000 == 999 {
                std::thread::yield_now();
            }
        }
        for i in 0..OPERATIONS {
            let handle = 1 + random.usize(..CAPACITY) as u32;
            let value = (thread * OPERATIONS + i) as u64 + 1;
            let operation = match random.usize(..16) {
                0..5 => Allocate(value, None),
                5..9 => Free(handle, None),
                9..12 => Get(handle, None),
                12..15 => Set(handle, value, None),
                _ => Sweep,
            };
            let called = clock.fetch_add(1, Ordering::SeqCst);
            let done = perform(&table, operation);
            let returned = clock.fetch_add(1, Ordering::SeqCst);
            events.push((called, thread, Action::Call(operation)));
            events.push((returned, thread, Action::Response(done)));
        }
        events
    };
    let mut events: Vec<_> = std::thread::scope(|scope| {
        let run = &run;
        let started: Vec<_> = (0..threads).map(|t| scope.spawn(move || run(t))).collect();
        started.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    });
    events.sort_by_key(|&(time, ..)| time);
    events.into_iter().map(|(_, thread, action)| (thread, action)).collect()
}

#[test]
fn recorded_histories_are_linearizable() {
    let count = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
    let mut overlapping = 0;
    for seed in 0..count {
        let history = record(seed, 2 + seed as usize % 2);
        let calls = |pair: &[(usize, Action<Operation>)]| {
            matches!((&pair[0].1, &pair[1].1), (Action::Call(_), Action::Call(_)))
        };
        overlapping += u32::from(history.windows(2).any(calls));
        assert!(is_linearizable(history.clone()), "seed {seed}: {history:#?}");
    }
    assert!(overlapping > 0, "no two operations overlapped, so the test shows nothing");
    println!("cases: recorded_histories_are_linearizable {count}");
    println!("{overlapping} of them have operations that overlap");
}

#[test]
fn wrong_histories_are_rejected() {
    let call = |thread, operation| (thread, Action::Call(operation));
    let response = |thread, operation| (thread, Action::Response(operation));
    // One slot for two owners.
    assert!(!is_linearizable(vec![
        call(0, Allocate(7, None)),
        call(1, Allocate(8, None)),
        response(0, Allocate(7, Some(1))),
        response(1, Allocate(8, Some(1))),
    ]));
    // One entry freed twice, concurrently.
    assert!(!is_linearizable(vec![
        call(0, Allocate(7, None)),
        response(0, Allocate(7, Some(1))),
        call(0, Free(1, None)),
        call(1, Free(1, None)),
        response(0, Free(1, Some(Some(7)))),
        response(1, Free(1, Some(Some(7)))),
    ]));
    // A full table, while two slots were free.
    assert!(!is_linearizable(vec![
        call(0, Allocate(7, None)),
        response(0, Allocate(7, Some(1))),
        call(1, Allocate(8, None)),
        response(1, Allocate(8, Some(0))),
    ]));
    // An entry read after it was freed.
    assert!(!is_linearizable(vec![
        call(0, Allocate(7, None)),
        response(0, Allocate(7, Some(1))),
        call(0, Free(1, None)),
        response(0, Free(1, Some(Some(7)))),
        call(1, Get(1, None)),
        response(1, Get(1, Some(Some(7)))),
    ]));
}
