//! What a single operation takes while there are many more threads than processors.
//!
//! The time that counts is the thread's own: what it spends on a processor. A thread that is made
//! to wait shows it in one of two ways: it spins, which is its own time, or it gives the processor
//! up, which is counted. That it loses its processor in the middle of an operation is the
//! scheduler's doing and shows in neither.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use super::clock;
use super::peers::{Hand, Peer};

/// How many slots a thread holds while it works.
const HELD: usize = 64;

/// What operations took.
pub struct Latencies {
    /// Nanoseconds of the threads' own, ascending.
    own: Vec<u32>,
    /// The longest time that passed.
    passed: Duration,
    /// How often a thread gave its processor up to wait.
    waits: i64,
}

/// Lets `threads` threads each exchange slots, `count` times.
pub fn measure<P: Peer + Sync>(threads: usize, count: usize) -> Latencies {
    let (peer, barrier) = (P::new(threads * (HELD + 1) + 1), Barrier::new(threads));
    let one = || {
        let mut hand = peer.hand();
        let mut held: Vec<P::Key> = (0..HELD as u64).map(|i| hand.insert(i)).collect();
        let mut own = Vec::with_capacity(count);
        barrier.wait();
        let (waits, mut passed) = (clock::waits(), Duration::ZERO);
        for i in 0..count {
            let place = &mut held[i * 7 % HELD];
            let (start, spent) = (Instant::now(), clock::thread_time());
            hand.remove(*place);
            *place = hand.insert(i as u64);
            own.push((clock::thread_time() - spent).as_nanos().min(u32::MAX.into()) as u32);
            passed = passed.max(start.elapsed());
        }
        let waits = clock::waits() - waits;
        held.into_iter().for_each(|key| hand.remove(key));
        Latencies { own, passed, waits }
    };
    let results: Vec<Latencies> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let mut own: Vec<u32> = results.iter().flat_map(|one| one.own.iter().copied()).collect();
    own.sort_unstable();
    let passed = results.iter().map(|one| one.passed).max().expect("a thread");
    Latencies { own, passed, waits: results.iter().map(|one| one.waits).sum() }
}

impl Latencies {
    /// A row of a table in Markdown, with this name; [`HEADER`] says what of.
    pub fn row(&self, name: &str) -> String {
        let quantile = |part: f64| {
            let place = ((self.own.len() - 1) as f64 * part) as usize;
            format!("{:.1}", f64::from(self.own[place]) / 1000.0)
        };
        let parts = [0.5, 0.99, 0.999, 0.9999, 1.0].map(quantile).join(" | ");
        let waits = self.waits as f64 * 1e6 / self.own.len() as f64;
        format!("| {name} | {parts} | {waits:.0} | {:.1} |", self.passed.as_micros() as f64 / 1e3)
    }
}

/// The head of the table.
pub const HEADER: &str = "\
| | median, µs | 99 % | 99.9 % | 99.99 % | worst | waits a million | worst that passed, ms |
| --- | --- | --- | --- | --- | --- | --- | --- |";

/// A slab behind a lock.
pub struct Locked(Mutex<slab::Slab<u64>>);

impl Peer for Locked {
    const NAME: &'static str = "slab behind a mutex";
    type Key = usize;
    type Hand<'p> = &'p Locked;

    fn new(most: usize) -> Self {
        Self(Mutex::new(slab::Slab::with_capacity(most)))
    }
    fn hand(&self) -> &Locked {
        self
    }
}

impl Hand<usize> for &Locked {
    fn insert(&mut self, value: u64) -> usize {
        self.0.lock().expect("no panic").insert(value)
    }
    fn remove(&mut self, key: usize) {
        self.0.lock().expect("no panic").remove(key);
    }
}

/// A freelist from which slots are popped one by one, with a marker in its head while somebody
/// reads a link, as in the handle tables of engines.
pub struct Marker {
    head: AtomicU32,
    links: Box<[AtomicU64]>,
}

const MARK: u32 = u32::MAX;

impl Marker {
    fn lock(&self) -> u32 {
        loop {
            // Acquire: the links as the last one left them.
            match self.head.swap(MARK, Ordering::Acquire) {
                MARK => spin_loop(),
                head => return head,
            }
        }
    }
}

impl Peer for Marker {
    const NAME: &'static str = "freelist with a marker";
    type Key = u32;
    type Hand<'p> = &'p Marker;

    fn new(most: usize) -> Self {
        let links = (1..=most as u64).map(AtomicU64::new).collect();
        Self { head: AtomicU32::new(0), links }
    }
    fn hand(&self) -> &Marker {
        self
    }
}

impl Hand<u32> for &Marker {
    fn insert(&mut self, value: u64) -> u32 {
        let index = self.lock();
        // Relaxed: only who has put the marker there reads or writes links.
        let next = self.links[index as usize].load(Ordering::Relaxed) as u32;
        // Release: hands the links to the next one.
        self.head.store(next, Ordering::Release);
        self.links[index as usize].store(value, Ordering::Relaxed);
        index
    }
    fn remove(&mut self, key: u32) {
        let head = self.lock();
        // Relaxed, Release: as above.
        self.links[key as usize].store(u64::from(head), Ordering::Relaxed);
        self.head.store(key, Ordering::Release);
    }
}
