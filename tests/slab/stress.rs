//! Up to 32 threads insert, read, remove, and take stamped values of one slab.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use fastrand::Rng;
use slotarena::{Key, Slab};

use crate::stamped::{Value, WORDS};

/// How many keys all threads share.
const KNOWN: usize = 256;

fn play(slab: &Slab<Value>, known: &[AtomicU64], drops: &'static AtomicUsize, seed: u64) -> usize {
    let mut random = Rng::with_seed(seed);
    let mut inserted = 0;
    let key_at = |n: usize| Key::from_raw(known[n].load(Ordering::Relaxed));
    for step in 0..if cfg!(miri) { 20 } else { 2000 } {
        match random.usize(..8) {
            0..3 => {
                for _ in 0..8 {
                    let make = |key: Key| Value([key.to_raw(); WORDS], drops);
                    let key = slab.insert_with(make).expect("room");
                    inserted += 1;
                    let old = known[random.usize(..KNOWN)].swap(key.to_raw(), Ordering::AcqRel);
                    if let Some(old) = Key::from_raw(old) {
                        match random.usize(..3) {
                            0 => {
                                if let Ok(value) = slab.take(old) {
                                    value.check(old);
                                }
                            }
                            _ => {
                                slab.remove(old);
                            }
                        }
                        assert!(!slab.contains(old), "removed by this thread, or before");
                    }
                }
            }
            3..6 => {
                let guard = slab.pin();
                let mut seen: Vec<(Key, &Value)> = Vec::new();
                for _ in 0..16 {
                    if let Some(key) = key_at(random.usize(..KNOWN)) {
                        seen.extend(guard.get(key).map(|value| (key, value)));
                    }
                }
                for (key, value) in seen {
                    value.check(key);
                }
            }
            6 => {
                if let Some(key) = key_at(random.usize(..KNOWN)) {
                    // One of several concurrent removals succeeds.
                    slab.remove(key);
                }
            }
            _ if step % 64 == 0 => {
                slab.sweep(0);
            }
            _ if step % 16 == 0 => {
                slab.flush();
            }
            _ => {
                for (key, value) in slab.pin().iter().take(50) {
                    value.check(key);
                }
            }
        }
    }
    inserted
}

fn run(threads: usize) {
    let drops: &'static AtomicUsize = Box::leak(Box::default());
    let slab: Slab<Value> = Slab::builder().capacity(1 << 20).build().expect("a slab");
    let known: Vec<AtomicU64> = (0..KNOWN).map(|_| AtomicU64::new(0)).collect();
    let inserted: usize = std::thread::scope(|scope| {
        let (slab, known) = (&slab, &known);
        let threads: Vec<_> =
            (0..threads).map(|n| scope.spawn(move || play(slab, known, drops, n as u64))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a thread")).sum()
    });
    slab.audit().expect("in order");
    assert_eq!(slab.flush(), 0, "no guard is left");
    let live = slab.len();
    assert_eq!(slab.pin().iter().count(), live);
    assert_eq!(
        drops.load(Ordering::Relaxed) + live,
        inserted,
        "each removed value is dropped once"
    );
    for known in &known {
        if let Some(key) = Key::from_raw(known.load(Ordering::Relaxed)) {
            slab.remove(key);
        }
    }
    assert_eq!(slab.flush(), 0);
    assert_eq!((slab.len(), drops.load(Ordering::Relaxed)), (0, inserted));
    assert_eq!(slab.sweep(0).segments_committed, 0);
}

#[test]
fn two_threads() {
    run(2);
}

#[test]
fn eight_threads() {
    run(8);
}

#[test]
fn thirty_two_threads() {
    run(32);
}

/// Participants that have left are freed, while others look at all that there are.
#[test]
fn participants_come_and_go() {
    let drops: &'static AtomicUsize = Box::leak(Box::default());
    let slab: Slab<Value> = Slab::builder().capacity(1 << 20).build().expect("a slab");
    let rounds = if cfg!(miri) { 2 } else { 400 };
    let insert = || {
        let make = |key: Key| Value([key.to_raw(); WORDS], drops);
        slab.insert_with(make).expect("room")
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    let mutators: Vec<_> = (0..60).map(|_| slab.mutator()).collect();
                    for mutator in &mutators {
                        let key = insert();
                        let guard = mutator.pin();
                        let value = guard.get(key).expect("live");
                        // It waits for the guard, and stays when the mutator leaves.
                        assert!(mutator.remove(key));
                        value.check(key);
                    }
                }
            });
            scope.spawn(|| {
                let mutator = slab.mutator();
                for _ in 0..10 * rounds {
                    let key = insert();
                    mutator.pin().get(key).expect("live").check(key);
                    assert!(mutator.remove(key));
                    mutator.flush();
                }
            });
        }
    });
    assert_eq!((slab.flush(), slab.len()), (0, 0));
    assert_eq!(drops.load(Ordering::Relaxed), 2 * rounds * 70, "each value is dropped once");
    slab.audit().expect("in order");
}
