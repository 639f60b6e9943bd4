//! The recorded traces, replayed by one thread in the order of their files, or by as many threads
//! as they were recorded from.

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use super::peers::{Hand, Peer};
use super::work::{Reading, alone};

/// After how many events there is a sweep.
const SWEEP_EVERY: usize = 10_000;

/// A trace, as `traces/README.md` says; the example `replay` checks that files keep to it.
pub struct Trace {
    /// Bit 31: a free; bits 24 to 30: the thread; the others: the object.
    pub events: Vec<u32>,
    threads: u32,
    objects: usize,
}

/// The trace of this name.
pub fn read(name: &str) -> Trace {
    let path = format!("{}/traces/{name}.sltrace", env!("CARGO_MANIFEST_DIR"));
    let data = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut words =
        data.chunks_exact(4).map(|word| u32::from_le_bytes([0, 1, 2, 3].map(|i| word[i])));
    let threads = words.nth(3).expect("a header");
    let events: Vec<u32> = words.collect();
    let objects = events.iter().filter(|&event| event >> 31 == 0).count();
    Trace { events, threads, objects }
}

/// All events, one after the other, each with the hand of its thread; sweeps on the way.
pub fn replay<P: Peer>(trace: &Trace) -> Reading {
    let peer = P::new(trace.objects);
    let mut hands: Vec<_> = (0..trace.threads).map(|_| peer.hand()).collect();
    let mut keys: Vec<Option<P::Key>> = vec![None; trace.objects];
    let reading = alone(|| {
        for events in trace.events.chunks(SWEEP_EVERY) {
            for event in events {
                let object = event & 0xff_ffff;
                let hand = &mut hands[(event >> 24 & 0x7f) as usize];
                let key = &mut keys[object as usize];
                if event >> 31 != 0 {
                    hand.remove(key.take().expect("allocated before"));
                } else {
                    *key = Some(hand.insert(u64::from(object)));
                }
            }
            peer.sweep();
        }
    });
    for key in keys.into_iter().flatten() {
        hands[0].remove(key);
    }
    reading
}
/// What each thread of a trace does between two sweeps, in the order of the trace; but what one
/// allocates and another frees meanwhile, that one frees first thing after the sweep: nobody waits.
/// and another frees meanwhile, that one frees first thing after the sweep: nobody has to wait.
pub struct Parts(Vec<Vec<Vec<u32>>>);

impl Trace {
    /// Takes the trace apart.
    pub fn parts(&self) -> Parts {
        let threads = self.threads as usize;
        let mut allocated = vec![(usize::MAX, 0); self.objects];
        let mut parts =
            vec![vec![Vec::new(); threads]; self.events.len().div_ceil(SWEEP_EVERY) + 1];
        for (part, events) in self.events.chunks(SWEEP_EVERY).enumerate() {
            for &event in events {
                let (thread, object) = ((event >> 24 & 0x7f) as usize, event & 0xff_ffff);
                let by = &mut allocated[object as usize];
                let is_free = event >> 31 != 0;
                if !is_free {
                    *by = (part, thread);
                }
                let too_early = is_free && by.0 == part && by.1 != thread;
                parts[part + usize::from(too_early)][thread].push(event);
            }
        }
        Parts(parts)
    }
}

/// The key of each object, while there is one.
struct Keys<K>(Vec<UnsafeCell<Option<K>>>);

// SAFETY: between two barriers a cell is used by one thread at most: the one that allocates or
// frees the object in that part (see `Parts`).
unsafe impl<K: Send> Sync for Keys<K> {}

/// All threads of the trace at once, with a hand each, and a sweep after each part while they wait.
/// The time is that of all of them on their processors, the waiting left out.
pub fn replay_by_threads<P: Peer + Sync>(trace: &Trace, Parts(parts): &Parts) -> Reading {
    let (peer, threads) = (P::new(trace.objects), trace.threads as usize);
    let keys = Keys((0..trace.objects).map(|_| UnsafeCell::new(None::<P::Key>)).collect());
    let (barrier, spent) = (Barrier::new(threads), Mutex::new(Duration::ZERO));
    let work = |thread: usize| {
        let (keys, mut hand, mut own) = (&keys, peer.hand(), Duration::ZERO);
        for part in parts {
            let reading = alone(|| {
                for event in &part[thread] {
                    let object = event & 0xff_ffff;
                    // SAFETY: nobody else uses it until the barrier.
                    let key = unsafe { &mut *keys.0[object as usize].get() };
                    if event >> 31 != 0 {
                        hand.remove(key.take().expect("allocated before"));
                    } else {
                        *key = Some(hand.insert(u64::from(object)));
                    }
                }
            });
            own += reading.spent;
            if barrier.wait().is_leader() {
                own += alone(|| peer.sweep()).spent;
            }
            barrier.wait();
        }
        *spent.lock().expect("no panic") += own;
    };
    std::thread::scope(|scope| {
        (0..threads).for_each(|thread| drop(scope.spawn(move || work(thread))))
    });
    let mut hand = peer.hand();
    keys.0.into_iter().filter_map(UnsafeCell::into_inner).for_each(|key| hand.remove(key));
    let spent = spent.into_inner().expect("no panic");
    Reading { spent, passed: spent, interrupted: false }
}

/// Keeps nothing: what the replay itself takes.
pub struct Nothing;

impl Peer for Nothing {
    const NAME: &'static str = "the loop alone";
    type Key = u32;
    type Hand<'p> = Nothing;

    fn new(_most: usize) -> Self {
        Self
    }
    fn hand(&self) -> Nothing {
        Nothing
    }
}

impl Hand<u32> for Nothing {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> u32 {
        black_box(value as u32)
    }
    #[inline(always)]
    fn remove(&mut self, key: u32) {
        black_box(key);
    }
}
