//! Which thread replays which records.
//!
//! Every schedule keeps one rule: **each thread does its records in file order, and waits before
//! a free until the object's allocation is done.** Such a replay cannot get stuck. Take the first
//! record of the file that is not done yet. Every record before it is done, so its thread has
//! nothing left to do before it; and if it is a free, its allocation stands before it in the file
//! and is done. So its thread can go on. An allocation never waits for anybody.
//!
//! That argument asks nothing of how the records are dealt out, so a thread of the trace may be
//! split and several may be put together.

use std::ops::Range;

use crate::options::Threads;
use crate::trace::{Record, Trace};

/// The records of each replay thread, each list in file order.
pub fn distribute(trace: &Trace, threads: Threads) -> Vec<Vec<Record>> {
    let threads = match threads {
        Threads::Trace => trace.threads as usize,
        Threads::Exactly(threads) => threads,
    };
    let threads = threads.max(1);
    let mut hands = deal(&events_by_thread(trace), threads);
    let mut lists = vec![Vec::new(); threads];
    let mut homes = Vec::with_capacity(trace.objects as usize);
    for &record in &trace.records {
        let hand = &mut hands[record.thread() as usize];
        let home = homes.get(record.object() as usize).copied();
        let replayer = match home.filter(|home| hand.members().contains(home)) {
            Some(home) => home,
            None => hand.next(),
        };
        if !record.is_free() {
            homes.push(replayer);
        }
        lists[replayer].push(record);
    }
    lists
}

/// The replay threads that share one thread of the trace.
///
/// They take its objects in turn. What a thread allocates and frees itself, one of them allocates
/// and frees itself.
#[derive(Clone, Copy, Debug)]
struct Hand {
    first: usize,
    threads: usize,
    turn: usize,
}

impl Hand {
    fn new(first: usize, threads: usize) -> Hand {
        Hand { first, threads, turn: 0 }
    }

    fn members(self) -> Range<usize> {
        self.first..self.first + self.threads
    }

    /// Whose turn it is.
    fn next(&mut self) -> usize {
        let next = self.first + self.turn;
        self.turn = (self.turn + 1) % self.threads;
        next
    }
}

/// How many events each thread of the trace has.
fn events_by_thread(trace: &Trace) -> Vec<u64> {
    let mut events = vec![0; trace.threads as usize];
    for record in &trace.records {
        events[record.thread() as usize] += 1;
    }
    events
}

/// Gives each thread of the trace its replay threads, so that their loads are about equal.
fn deal(events: &[u64], threads: usize) -> Vec<Hand> {
    if threads > events.len() { split(events, threads) } else { gather(events, threads) }
}

/// Fewer replay threads than threads in the trace, or as many: the longest goes to the idlest.
fn gather(events: &[u64], threads: usize) -> Vec<Hand> {
    if threads == events.len() {
        return (0..threads).map(|first| Hand::new(first, 1)).collect();
    }
    let mut by_length: Vec<usize> = (0..events.len()).collect();
    by_length.sort_by_key(|&thread| std::cmp::Reverse(events[thread]));
    let mut loads = vec![0; threads];
    let mut hands = vec![Hand::new(0, 1); events.len()];
    for thread in by_length {
        let idlest = (0..threads).min_by_key(|&n| loads[n]).unwrap_or(0);
        loads[idlest] += events[thread];
        hands[thread].first = idlest;
    }
    hands
}

/// More replay threads than threads in the trace: each further one goes where the load is highest.
fn split(events: &[u64], threads: usize) -> Vec<Hand> {
    let mut shares = vec![1; events.len()];
    for _ in events.len()..threads {
        let busiest = (0..events.len()).max_by_key(|&n| events[n] / shares[n]);
        if let Some(busiest) = busiest {
            shares[busiest] += 1;
        }
    }
    let mut first = 0;
    let mut hands = Vec::with_capacity(events.len());
    for share in shares {
        hands.push(Hand::new(first, share as usize));
        first += share as usize;
    }
    hands
}

#[cfg(test)]
mod tests;
