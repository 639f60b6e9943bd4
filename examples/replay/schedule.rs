//! The assignment of records to replay threads.
//!
//! Every schedule keeps one rule: **each thread does its records in file order, and waits before
//! a free until the object's allocation is done.**
//!
//! Such a replay cannot get stuck. Consider the first record of the file that is not done. Every
//! record before it is done, so its thread has no earlier record left. If it is a free, its
//! allocation comes before it in the file and is done. The thread can therefore go on. An
//! allocation never waits for another thread.
//!
//! The argument holds for any assignment. A thread of the trace may be split, and several may be
//! merged.

use std::ops::Range;

use crate::options::Threads;
use crate::trace::{Record, Trace};

/// Returns the records of each replay thread, each list in file order.
pub fn distribute(trace: &Trace, threads: Threads) -> Vec<Vec<Record>> {
    let threads = match threads {
        Threads::Trace => trace.threads as usize,
        Threads::Exactly(threads) => threads,
    };
    let threads = threads.max(1);
    let mut teams = deal(&events_by_thread(trace), threads);
    let mut lists = vec![Vec::new(); threads];
    let mut homes = Vec::with_capacity(trace.objects as usize);
    for &record in &trace.records {
        let team = &mut teams[record.thread() as usize];
        let home = homes.get(record.object() as usize).copied();
        let replayer = match home.filter(|home| team.numbers().contains(home)) {
            Some(home) => home,
            None => team.next(),
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
/// They take its objects in turn. An object that the thread of the trace both allocates and frees
/// is allocated and freed by one of them.
#[derive(Clone, Copy, Debug)]
struct Team {
    first: usize,
    threads: usize,
    turn: usize,
}

impl Team {
    fn new(first: usize, threads: usize) -> Team {
        Team { first, threads, turn: 0 }
    }

    fn numbers(self) -> Range<usize> {
        self.first..self.first + self.threads
    }

    /// Returns the replay thread whose turn it is.
    fn next(&mut self) -> usize {
        let next = self.first + self.turn;
        self.turn = (self.turn + 1) % self.threads;
        next
    }
}

/// Returns the number of events of each thread of the trace.
fn events_by_thread(trace: &Trace) -> Vec<u64> {
    let mut events = vec![0; trace.threads as usize];
    for record in &trace.records {
        events[record.thread() as usize] += 1;
    }
    events
}

/// Returns the replay threads of each thread of the trace. All loads are about equal.
fn deal(events: &[u64], threads: usize) -> Vec<Team> {
    if threads > events.len() { split(events, threads) } else { gather(events, threads) }
}

/// Assigns fewer replay threads than the trace has threads, or as many. The thread with the most
/// events goes to the replay thread with the fewest.
fn gather(events: &[u64], threads: usize) -> Vec<Team> {
    if threads == events.len() {
        return (0..threads).map(|first| Team::new(first, 1)).collect();
    }
    let mut by_length: Vec<usize> = (0..events.len()).collect();
    by_length.sort_by_key(|&thread| std::cmp::Reverse(events[thread]));
    let mut loads = vec![0; threads];
    let mut teams = vec![Team::new(0, 1); events.len()];
    for thread in by_length {
        let idlest = (0..threads).min_by_key(|&n| loads[n]).unwrap_or(0);
        loads[idlest] += events[thread];
        teams[thread].first = idlest;
    }
    teams
}

/// Assigns more replay threads than the trace has threads. Each further one goes to the thread with
/// the highest load.
fn split(events: &[u64], threads: usize) -> Vec<Team> {
    let mut shares = vec![1; events.len()];
    for _ in events.len()..threads {
        let busiest = (0..events.len()).max_by_key(|&n| events[n] / shares[n]);
        if let Some(busiest) = busiest {
            shares[busiest] += 1;
        }
    }
    let mut first = 0;
    let mut teams = Vec::with_capacity(events.len());
    for share in shares {
        teams.push(Team::new(first, share as usize));
        first += share as usize;
    }
    teams
}

#[cfg(test)]
mod tests;
