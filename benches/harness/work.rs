//! The measured loops, and the threads that run them.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use fastrand::Rng;

use super::clock;
use super::{Access, Peer, Reader};

/// The values of a batch: all are inserted, then all are removed in a random order.
pub const BATCH: usize = 4096;

/// The keys that one thread passes to the other at a time.
pub const PARCEL: usize = 64;

/// The greatest number of parcels between the two threads.
const IN_FLIGHT: usize = 32;

/// More values than any of the loops holds at a time.
pub const MOST: usize = 8192;

/// Inserts a value and removes it, `count` times.
///
/// The key passes from one call to the other unchanged. `black_box` would send it through memory,
/// which takes longer than some of the peers. An empty piece of assembly, which hides the key in a
/// register, gives the same figures.
#[inline(never)]
pub fn pairs<K>(access: &mut impl Access<K>, count: usize) {
    for i in 0..count {
        let key = access.insert(i as u64);
        access.remove(key);
    }
}

/// The keys of a batch, and the order of removal.
pub struct Batch<K> {
    keys: Vec<K>,
    order: Vec<u32>,
}

/// Returns a random order of removal.
pub fn order() -> Vec<u32> {
    let mut order: Vec<u32> = (0..BATCH as u32).collect();
    Rng::with_seed(1).shuffle(&mut order);
    order
}

impl<K: Copy> Batch<K> {
    /// Returns an empty batch.
    pub fn new() -> Self {
        Self { keys: Vec::with_capacity(BATCH), order: order() }
    }

    /// Inserts a batch of values, then removes them in the random order.
    #[inline(never)]
    pub fn run(&mut self, access: &mut impl Access<K>) {
        self.keys.clear();
        self.keys.extend((0..BATCH as u64).map(|value| access.insert(value)));
        self.order.iter().for_each(|&i| access.remove(self.keys[i as usize]));
    }
}

/// Reads `count` values by the keys in their order, cyclically from the `from`th on.
#[inline(never)]
pub fn reads<R: Reader>(reader: &R, keys: &[R::Key], from: usize, count: usize) {
    let mut sum = 0u64;
    let (mut left, mut at) = (count, from % keys.len());
    while left > 0 {
        let run = &keys[at..keys.len().min(at + left)];
        sum = run.iter().fold(sum, |sum, &key| sum.wrapping_add(reader.get(key)));
        left -= run.len();
        at = 0;
    }
    black_box(sum);
}

/// A measured time.
#[derive(Clone, Copy)]
pub struct Reading {
    /// The sum of the threads' own times.
    pub spent: Duration,
    /// From the first thread's start to the last one's end.
    pub passed: Duration,
    /// Whether the system took a thread's processor away.
    pub interrupted: bool,
}

impl Reading {
    /// Scales a reading of `made` operations to `count` operations.
    pub fn scaled(self, count: usize, made: usize) -> Self {
        let part = count as f64 / made as f64;
        Self { spent: self.spent.mul_f64(part), passed: self.passed.mul_f64(part), ..self }
    }
}

/// Measures the calling thread.
pub fn alone(body: impl FnOnce()) -> Reading {
    let interruptions = clock::interruptions();
    let (start, spent) = (Instant::now(), clock::thread_time());
    body();
    let (spent, passed) = (clock::thread_time() - spent, start.elapsed());
    Reading { spent, passed, interrupted: clock::interruptions() != interruptions }
}

/// Measures `threads` threads that run `body` concurrently, each after its own `prepare`. Each
/// thread has a processor of its own as far as there are enough.
pub fn together<T>(
    threads: usize,
    prepare: impl Fn(usize) -> T + Sync,
    body: impl Fn(usize, &mut T) + Sync,
) -> Reading {
    let (allowed, ready) = (clock::allowed(), AtomicUsize::new(0));
    let one = |number: usize| {
        clock::pin(&allowed, number);
        let mut prepared = prepare(number);
        // Release, and Acquire below: each thread starts after all threads have prepared.
        ready.fetch_add(1, Ordering::Release);
        wait_until(|| ready.load(Ordering::Acquire) == threads);
        let start = Instant::now();
        let reading = alone(|| body(number, &mut prepared));
        (start, Instant::now(), reading)
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..threads).map(|i| scope.spawn(move || one(i))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let start = results.iter().map(|result| result.0).min().expect("a thread");
    let end = results.iter().map(|result| result.1).max().expect("a thread");
    Reading {
        spent: results.iter().map(|result| result.2.spent).sum(),
        passed: end - start,
        interrupted: results.iter().any(|result| result.2.interrupted),
    }
}

/// Waits for another thread: spins, and yields once in 1024 attempts.
fn wait_until(condition: impl Fn() -> bool) {
    let mut attempts = 0u32;
    while !condition() {
        attempts += 1;
        if attempts % 1024 == 0 { std::thread::yield_now() } else { spin_loop() }
    }
}

/// Measures `threads` threads that each make `count` pairs on one peer.
pub fn pairs_together<P: Peer + Sync>(peer: &P, threads: usize, count: usize) -> Reading {
    let prepare = |_| {
        let mut access = peer.access();
        pairs(&mut access, 256);
        access
    };
    together(threads, prepare, |_, access| pairs(access, count))
}

/// Measures `threads` threads that each make `count` reads, from different keys on.
pub fn reads_together<R: Reader>(
    reader: &R,
    keys: &[R::Key],
    threads: usize,
    count: usize,
) -> Reading {
    let from = |number: usize| number * keys.len() / threads;
    let prepare = |number| reads(reader, keys, from(number), keys.len().min(count));
    together(threads, prepare, |number, ()| reads(reader, keys, from(number), count))
}

/// Measures two threads: one inserts values and passes `parcels` parcels of keys to the other,
/// which removes the values.
pub fn hand_over<P: Peer + Sync>(peer: &P, parcels: usize) -> Reading {
    let wire = ArrayQueue::<[P::Key; PARCEL]>::new(IN_FLIGHT);
    let prepare = |_| {
        let mut access = peer.access();
        pairs(&mut access, 256);
        access
    };
    together(2, prepare, |number, access| {
        for _ in 0..parcels {
            if number == 0 {
                let parcel = std::array::from_fn(|i| access.insert(i as u64));
                wait_until(|| !wire.is_full());
                assert!(wire.push(parcel).is_ok(), "only this thread pushes");
            } else {
                wait_until(|| !wire.is_empty());
                let parcel = wire.pop().expect("only this thread pops");
                parcel.into_iter().for_each(|key| access.remove(key));
            }
        }
    })
}
