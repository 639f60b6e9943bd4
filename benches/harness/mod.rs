//! The harness of the benchmarks: what a peer is, the measured loops, the clocks, and contests.
//!
//! | file | content |
//! |---|---|
//! | `clock.rs` | a thread's own time, its processor, its interruptions |
//! | `work.rs` | the measured loops, and the threads that run them |
//! | `contest.rs` | readings of several peers, alternately, and their ratios |
//! | `latency.rs` | single operations of many threads |
//! | `traces.rs` | recorded traces, replayed |
//! | `plot.rs` | line charts |
//!
//! The harness knows no peer: those are in `peers/`.

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part of this")]

pub mod clock;
pub mod work;
pub mod contest;
pub mod latency;
pub mod traces;
pub mod plot;

/// A structure that keeps values under keys of its own choice.
pub trait Peer {
    /// The name in tables.
    const NAME: &'static str;
    /// The name of a value.
    type Key: Copy + Send + 'static;
    /// A thread's access.
    type Access<'p>: Access<Self::Key>
    where
        Self: 'p;
    /// Returns an empty structure that will hold at most `most` values at a time.
    fn new(most: usize) -> Self;
    /// Returns an access for the calling thread.
    fn access(&self) -> Self::Access<'_>;
    /// Returns unneeded memory to the system, if a program has to ask for that.
    fn sweep(&self) {}
}

/// A thread's means to insert and remove values.
///
/// Every implementation is `inline(always)`: the compiler then decides about the peer's own
/// functions alone.
pub trait Access<K> {
    /// Inserts a value.
    fn insert(&mut self, value: u64) -> K;
    /// Removes a value that [`insert`](Self::insert) has inserted.
    fn remove(&mut self, key: K);
}

/// A structure that is filled first and then only read.
pub trait Reader: Sync {
    /// The name in tables.
    const NAME: &'static str;
    /// The name of a value.
    type Key: Copy + Send + Sync + 'static;
    /// Returns a structure with the numbers below `count`, and their keys.
    fn filled(count: u64) -> (Self, Vec<Self::Key>)
    where
        Self: Sized;
    /// Returns the value of a key.
    fn get(&self, key: Self::Key) -> u64;
}

/// Returns `true` if the command line asks for figures: with `--bench`, which cargo passes, and
/// without `--test`. Otherwise every benchmark runs once, to show that it works.
pub fn is_measuring() -> bool {
    let has = |flag: &str| std::env::args().any(|argument| argument == flag);
    has("--bench") && !has("--test")
}
