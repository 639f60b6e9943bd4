//! The time of a single operation while there are many more threads than processors.
//!
//! The thread's own time counts. A wait shows in one of two ways: a thread that spins spends its
//! own time, and a thread that yields its processor is counted. A thread that loses its processor
//! in the middle of an operation shows in neither: the scheduler is the cause.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use super::clock;
use super::{Access, Peer};

/// The slots that a thread holds while it works.
const HELD: usize = 64;

/// The times of operations.
pub struct Latencies {
    /// The threads' own times in nanoseconds, ascending.
    own: Vec<u32>,
    /// The longest wall-clock time.
    passed: Duration,
    /// How often a thread yielded its processor to wait.
    waits: i64,
}

/// Measures `threads` threads that each exchange slots, `count` times.
pub fn measure<P: Peer + Sync>(threads: usize, count: usize) -> Latencies {
    let (peer, barrier) = (P::new(threads * (HELD + 1) + 1), Barrier::new(threads));
    let one = || {
        let mut access = peer.access();
        let mut held: Vec<P::Key> = (0..HELD as u64).map(|i| access.insert(i)).collect();
        let mut own = Vec::with_capacity(count);
        barrier.wait();
        let (waits, mut passed) = (clock::waits(), Duration::ZERO);
        for i in 0..count {
            let place = &mut held[i * 7 % HELD];
            let (start, spent) = (Instant::now(), clock::thread_time());
            access.remove(*place);
            *place = access.insert(i as u64);
            own.push((clock::thread_time() - spent).as_nanos().min(u32::MAX.into()) as u32);
            passed = passed.max(start.elapsed());
        }
        let waits = clock::waits() - waits;
        held.into_iter().for_each(|key| access.remove(key));
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
    /// Returns a row of the Markdown table that [`HEADER`] begins.
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

/// The header of the table.
pub const HEADER: &str = "\
| | median, µs | 99 % | 99.9 % | 99.99 % | worst | waits a million | worst that passed, ms |
| --- | --- | --- | --- | --- | --- | --- | --- |";
