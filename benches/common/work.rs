//! The loops that are measured, and the threads that run them.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;

use super::Random;
use super::clock;
use super::peers::{Hand, Peer};
use super::readers::Reader;

/// How many values a batch holds that is put in as a whole and taken out in random order.
pub const BATCH: usize = 4096;

/// How many keys one thread hands to the other at once.
pub const PARCEL: usize = 64;

/// How many parcels may be on their way.
const IN_FLIGHT: usize = 32;

/// More than any of the loops that allocate holds at once.
pub const MOST: usize = 8192;

/// Puts a value in and takes it out, `count` times.
///
/// The key goes from the one to the other as it is. `black_box` would send it through memory,
/// which takes longer than some of the peers; and with an empty piece of assembly between the
/// two, which hides it in a register, the figures are the same.
#[inline(never)]
pub fn pairs<K>(hand: &mut impl Hand<K>, count: usize) {
    for i in 0..count {
        let key = hand.insert(i as u64);
        hand.remove(key);
    }
}

/// The keys of a batch, and the order in which they go.
pub struct Batch<K> {
    keys: Vec<K>,
    order: Vec<u32>,
}

/// The order in which the keys of a batch go: a random one.
pub fn order() -> Vec<u32> {
    let mut order: Vec<u32> = (0..BATCH as u32).collect();
    Random(1).shuffle(&mut order);
    order
}

impl<K: Copy> Batch<K> {
    /// An empty one.
    pub fn new() -> Self {
        Self { keys: Vec::with_capacity(BATCH), order: order() }
    }

    /// Puts a batch of values in, then takes them out in the random order.
    #[inline(never)]
    pub fn run(&mut self, hand: &mut impl Hand<K>) {
        self.keys.clear();
        self.keys.extend((0..BATCH as u64).map(|value| hand.insert(value)));
        self.order.iter().for_each(|&i| hand.remove(self.keys[i as usize]));
    }
}

/// Reads `count` values, by the keys in their order, over and over; starts at the `from`th.
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

/// How long something took.
#[derive(Clone, Copy)]
pub struct Reading {
    /// The threads' time on processors, added up.
    pub spent: Duration,
    /// From the first thread's start to the last one's end.
    pub passed: Duration,
    /// Whether a thread had to give up its processor to somebody else.
    pub interrupted: bool,
}

impl Reading {
    /// The reading as it would be for `count` operations, if it was for `made` of them.
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

/// Lets `threads` threads, each on a processor of its own as far as there are any, prepare
/// themselves, and then run `body` all at once.
pub fn together<T>(
    threads: usize,
    prepare: impl Fn(usize) -> T + Sync,
    body: impl Fn(usize, &mut T) + Sync,
) -> Reading {
    let (allowed, ready) = (clock::allowed(), AtomicUsize::new(0));
    let one = |number: usize| {
        clock::pin(&allowed, number);
        let mut prepared = prepare(number);
        // Release and Acquire: each thread starts after what all have prepared.
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

/// Waits for another thread, in haste first, then letting others run.
fn wait_until(condition: impl Fn() -> bool) {
    let mut attempts = 0u32;
    while !condition() {
        attempts += 1;
        if attempts % 1024 == 0 { std::thread::yield_now() } else { spin_loop() }
    }
}

/// `threads` threads that each make `count` pairs on one peer.
pub fn pairs_together<P: Peer + Sync>(peer: &P, threads: usize, count: usize) -> Reading {
    let prepare = |_| {
        let mut hand = peer.hand();
        pairs(&mut hand, 256);
        hand
    };
    together(threads, prepare, |_, hand| pairs(hand, count))
}

/// `threads` threads that each make `count` reads, starting at different keys.
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

/// One thread puts values in, another takes them out; keys go from one to the other in parcels,
/// of which there are `parcels`.
pub fn hand_over<P: Peer + Sync>(peer: &P, parcels: usize) -> Reading {
    let wire = ArrayQueue::<[P::Key; PARCEL]>::new(IN_FLIGHT);
    let prepare = |_| {
        let mut hand = peer.hand();
        pairs(&mut hand, 256);
        hand
    };
    together(2, prepare, |number, hand| {
        for _ in 0..parcels {
            if number == 0 {
                let parcel = std::array::from_fn(|i| hand.insert(i as u64));
                wait_until(|| !wire.is_full());
                assert!(wire.push(parcel).is_ok(), "only this thread pushes");
            } else {
                wait_until(|| !wire.is_empty());
                let parcel = wire.pop().expect("only this thread pops");
                parcel.into_iter().for_each(|key| hand.remove(key));
            }
        }
    })
}
