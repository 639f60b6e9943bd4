//! The recorded traces, replayed by one thread in the order of the file, or by as many threads as
//! the recorded program had.

use std::cell::UnsafeCell;
use std::sync::{Barrier, Mutex};
use std::time::Duration;

use super::work::{Reading, alone};
use super::{Access, Peer};

/// The events between two sweeps.
const SWEEP_EVERY: usize = 10_000;

/// A trace in the format of `traces/README.md`. The example `replay` checks the format.
pub struct Trace {
    /// Bit 31: whether it is a free; bits 24 to 30: the thread; bits 0 to 23: the object.
    pub events: Vec<u32>,
    threads: u32,
    objects: usize,
}

/// Reads the trace of this name.
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

/// Replays all events one after the other, each with the access of its thread, and sweeps.
pub fn replay<P: Peer>(trace: &Trace) -> Reading {
    let peer = P::new(trace.objects);
    let mut accesses: Vec<_> = (0..trace.threads).map(|_| peer.access()).collect();
    let mut keys: Vec<Option<P::Key>> = vec![None; trace.objects];
    let reading = alone(|| {
        for events in trace.events.chunks(SWEEP_EVERY) {
            for event in events {
                let object = event & 0xff_ffff;
                let access = &mut accesses[(event >> 24 & 0x7f) as usize];
                let key = &mut keys[object as usize];
                if event >> 31 != 0 {
                    access.remove(key.take().expect("allocated before"));
                } else {
                    *key = Some(access.insert(u64::from(object)));
                }
            }
            peer.sweep();
        }
    });
    for key in keys.into_iter().flatten() {
        accesses[0].remove(key);
    }
    reading
}

/// The events of each thread between two sweeps, in the order of the trace.
///
/// One exception: an object that one thread allocates and another frees in the same part is freed
/// first thing in the next part. No thread then waits for an allocation.
pub struct Parts(Vec<Vec<Vec<u32>>>);

impl Trace {
    /// Divides the trace by threads and sweeps.
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

/// The key of each live object.
struct Keys<K>(Vec<UnsafeCell<Option<K>>>);

// SAFETY: between two barriers at most one thread uses a cell: the thread that allocates or frees
// the object in that part (see `Parts`).
unsafe impl<K: Send> Sync for Keys<K> {}

/// Replays the trace by concurrent threads, each with an access of its own. After each part all
/// threads wait for a sweep. The time is the sum of their own times, without waits.
pub fn replay_by_threads<P: Peer + Sync>(trace: &Trace, Parts(parts): &Parts) -> Reading {
    let (peer, threads) = (P::new(trace.objects), trace.threads as usize);
    let keys = Keys((0..trace.objects).map(|_| UnsafeCell::new(None::<P::Key>)).collect());
    let (barrier, spent) = (Barrier::new(threads), Mutex::new(Duration::ZERO));
    let work = |thread: usize| {
        let (keys, mut access, mut own) = (&keys, peer.access(), Duration::ZERO);
        for part in parts {
            let reading = alone(|| {
                for event in &part[thread] {
                    let object = event & 0xff_ffff;
                    // SAFETY: no other thread uses the cell until the barrier (see `Parts`).
                    let key = unsafe { &mut *keys.0[object as usize].get() };
                    if event >> 31 != 0 {
                        access.remove(key.take().expect("allocated before"));
                    } else {
                        *key = Some(access.insert(u64::from(object)));
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
    let mut access = peer.access();
    keys.0.into_iter().filter_map(UnsafeCell::into_inner).for_each(|key| access.remove(key));
    let spent = spent.into_inner().expect("no panic");
    Reading { spent, passed: spent, interrupted: false }
}
