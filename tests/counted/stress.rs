//! Many threads insert, reference, remove, and take stamped values of one slab.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use fastrand::Rng;
use slotarena::counted::OwnedEntry;
use slotarena::slab::Clear;
use slotarena::{CountedPool, CountedSlab, Key};

use crate::stamped::{Value, WORDS};

/// How many keys all threads share.
const KNOWN: usize = 64;

const STEPS: usize = if cfg!(miri) { 20 } else { 20_000 };

fn play(
    slab: &CountedSlab<Value>,
    known: &[AtomicU64],
    drops: &'static AtomicUsize,
    seed: u64,
) -> (usize, Vec<OwnedEntry<Value>>) {
    let mut random = Rng::with_seed(seed);
    let (mut inserted, mut kept) = (0, Vec::new());
    for step in 0..STEPS {
        let at = random.usize(..KNOWN);
        let known_key = || Key::from_raw(known[at].load(Ordering::Relaxed));
        match random.usize(..10) {
            0..3 => {
                let make = |key: Key| Value([key.to_raw(); WORDS], drops);
                let key = slab.insert_with(make).expect("room");
                inserted += 1;
                let old = known[at].swap(key.to_raw(), Ordering::AcqRel);
                if let Some(old) = Key::from_raw(old) {
                    if random.bool() {
                        slab.remove(old);
                    } else if let Ok(value) = slab.take(old) {
                        value.check(old);
                    }
                    assert!(!slab.contains(old), "removed by this thread, or before");
                }
            }
            3..7 => {
                if let Some(entry) = known_key().and_then(|key| slab.get(key)) {
                    entry.check(entry.key());
                    entry.clone().check(entry.key());
                }
            }
            7 => kept.extend(known_key().and_then(|key| slab.get_owned(key))),
            8 if kept.len() > 20 => {
                let entry = kept.swap_remove(random.usize(..kept.len()));
                entry.check(entry.key());
            }
            8 => {}
            _ if step % 1000 == 0 => slab.shrink_to_fit(),
            _ => {
                if let Some(key) = known_key() {
                    slab.remove(key);
                }
            }
        }
    }
    (inserted, kept)
}

#[test]
fn no_value_is_torn_stale_or_lost() {
    for threads in if cfg!(miri) { vec![2] } else { vec![2, 8, 32] } {
        let drops: &'static AtomicUsize = Box::leak(Box::default());
        let slab = CountedSlab::<Value>::builder().capacity(100_000).build().expect("a slab");
        let known: Vec<AtomicU64> = (0..KNOWN).map(|_| AtomicU64::new(0)).collect();
        let (inserted, kept) = std::thread::scope(|scope| {
            let play = |seed| {
                let (slab, known) = (&slab, &known);
                scope.spawn(move || play(slab, known, drops, seed))
            };
            let threads: Vec<_> = (0..threads).map(play).collect();
            let played = threads.into_iter().map(|thread| thread.join().expect("no panic"));
            played.fold((0, vec![]), |(sum, mut all), (inserted, kept)| {
                all.extend(kept);
                (sum + inserted, all)
            })
        });
        slab.audit().expect("a sound slab");
        assert_eq!(slab.len(), inserted - drops.load(Ordering::Relaxed));
        // The slab goes while other threads drop what they kept.
        let (half, rest) = (kept.len() / 2, kept);
        let mut rest = rest.into_iter();
        let first: Vec<_> = rest.by_ref().take(half).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| drop(first));
            scope.spawn(|| drop(slab));
            rest.for_each(|entry| entry.check(entry.key()));
        });
        assert_eq!(drops.load(Ordering::Relaxed), inserted, "each value is dropped once");
    }
}

/// A value that is 0 when it is cleared.
#[derive(Default)]
struct Cleared(AtomicU64);

impl Clear for Cleared {
    fn clear(&mut self) {
        assert_ne!(std::mem::take(self.0.get_mut()), 0, "cleared twice");
    }
}

#[test]
fn a_pool_clears_each_value_once() {
    let pool = CountedPool::<Cleared>::builder().capacity(10_000).build().expect("a pool");
    let known: Vec<AtomicU64> = (0..KNOWN).map(|_| AtomicU64::new(0)).collect();
    let play = |seed| {
        let mut random = Rng::with_seed(seed);
        for step in 0..STEPS {
            let at = &known[random.usize(..KNOWN)];
            let key = Key::from_raw(at.load(Ordering::Relaxed));
            if random.bool() {
                let mut making = pool.create().expect("room");
                let key = making.key().to_raw();
                assert_eq!(std::mem::replace(making.0.get_mut(), key), 0);
                drop(making);
                let old = at.swap(key, Ordering::AcqRel);
                Key::from_raw(old).map(|old| pool.clear(old));
            } else if let Some(entry) = key.and_then(|key| pool.get(key)) {
                if random.bool() {
                    pool.clear(entry.key());
                }
                assert_eq!(entry.0.load(Ordering::Relaxed), entry.key().to_raw());
            }
            if step % 2000 == 0 {
                pool.shrink_to_fit();
            }
        }
    };
    std::thread::scope(|scope| {
        (0..8).for_each(|seed| {
            scope.spawn(move || play(seed));
        });
    });
    pool.audit().expect("a sound pool");
    let pool_len = pool.len();
    let left = known.iter().filter_map(|key| Key::from_raw(key.load(Ordering::Relaxed)));
    assert_eq!(left.filter(|&key| pool.clear(key)).count(), pool_len);
    assert!(pool.is_empty());
}
