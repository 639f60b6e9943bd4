//! Threads that end at random, tidily or not, and are replaced.

use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{Participant, Random, cases, check, check_empty};
use crate::owners::Owners;
use crate::worker::Worker;

/// The stamp of what the dead leave to those who come after them.
const ESTATE: u32 = u32::MAX;

/// How many live at the same time.
const PLACES: usize = 6;

/// What all of them share.
struct Village {
    table: Table<u64>,
    owners: Owners,
    estate: Mutex<Vec<(Handle, u64)>>,
    born: AtomicU32,
    steps: AtomicU64,
}

impl Village {
    /// A life: takes something over, works for a while, and ends in one of several ways.
    fn live(&self, random: &mut Random) {
        let me = self.born.fetch_add(1, Ordering::Relaxed);
        let mut worker = Worker::new(me, &self.table, &self.owners, 1000);
        let inherited = {
            let mut estate = self.estate.lock().expect("nobody panics with it");
            let rest = estate.len() - estate.len().min(100);
            estate.split_off(rest)
        };
        for &(handle, _) in &inherited {
            self.owners.pass(handle, ESTATE, me);
        }
        worker.held = inherited;
        worker.work(random.next() % 2000);
        self.steps.fetch_add(worker.steps, Ordering::Relaxed);
        let (mut held, participant) = worker.into_parts();
        // Some leave part of it to nobody: it stays live.
        if random.once_in(4) {
            held.truncate(held.len() / 2);
        }
        for &(handle, _) in &held {
            self.owners.pass(handle, me, ESTATE);
        }
        self.estate.lock().expect("nobody panics with it").append(&mut held);
        match participant {
            // Few, since a forgotten participant is remembered for ever.
            Participant::Mutator(mutator) if random.once_in(16) => std::mem::forget(mutator),
            participant if random.once_in(4) => {
                // Panics, without a word on the terminal, and drops the participant on the way.
                let _dropped = participant;
                resume_unwind(Box::new("an untimely end"));
            }
            _ => {}
        }
    }
}

#[test]
fn threads_that_die_lose_no_slot() {
    let table = Table::builder().capacity(10_000).stripes(4).build().expect("a table");
    let owners = Owners::new(table.capacity());
    let (born, steps) = (AtomicU32::new(1), AtomicU64::new(0));
    let village = Village { table, owners, estate: Mutex::default(), born, steps };
    let deadline = Deadline::after(10.0);
    std::thread::scope(|scope| {
        for seed in 0..PLACES as u64 {
            let (village, deadline) = (&village, &deadline);
            scope.spawn(move || {
                let mut random = Random::new(seed);
                while !deadline.has_come() {
                    let end = std::thread::scope(|scope| {
                        scope.spawn(|| village.live(&mut random)).join()
                    });
                    if let Err(panic) = end {
                        let planned = panic.downcast_ref::<&str>() == Some(&"an untimely end");
                        assert!(planned, "a life went wrong");
                    }
                }
            });
        }
    });
    let Village { table, owners, estate, born, steps } = village;
    let estate = estate.into_inner().expect("nobody panics with it");
    for (handle, entry) in estate {
        owners.give_up(handle, ESTATE);
        assert_eq!(table.free(handle), Ok(entry));
    }
    // What is live now was left by the dead, each of whom is on record.
    let mut orphans = Vec::new();
    table.for_each_live(|handle, _| orphans.push(handle));
    assert_eq!(check(&table).live, orphans.len() as u64);
    for &handle in &orphans {
        let owner = owners.owner(handle);
        assert!((1..born.load(Ordering::Relaxed)).contains(&owner), "{handle:?} of {owner}");
        owners.give_up(handle, owner);
    }
    assert!(owners.nobody_has_any());
    assert_eq!(table.free_many(&orphans), Ok(()));
    check_empty(&table);
    cases("operations of threads that die", steps.into_inner());
    cases("threads that died", u64::from(born.into_inner() - 1));
}
