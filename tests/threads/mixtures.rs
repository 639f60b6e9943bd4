//! Several threads that each do a bit of everything.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};

use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{Random, cases, check, check_empty, on_threads};
use crate::owners::Owners;
use crate::stamp::Stamp;
use crate::worker::Worker;

/// Lets `threads` workers loose on a table of `capacity` slots, then takes all of it back.
fn let_loose<E: Stamp>(threads: usize, capacity: u32, per_cent: f64) -> u64 {
    let builder = Table::<E>::builder().capacity(capacity).stripes(4);
    let table =
        builder.magazine_size(if capacity < 100 { 4 } else { 64 }).build().expect("a table");
    let owners = Owners::new(capacity);
    let deadline = Deadline::after(per_cent);
    // Together they want half as much again as there is.
    let most = (capacity as usize * 3 / 2).div_ceil(threads);
    let ends = on_threads(threads, |i| {
        let mut worker = Worker::new(i as u32 + 1, &table, &owners, most);
        worker.work_until(&deadline);
        let steps = worker.steps;
        (i as u32 + 1, worker.into_parts().0, steps)
    });
    let held: usize = ends.iter().map(|(_, held, _)| held.len()).sum();
    assert_eq!(check(&table).live, held as u64);
    let mut steps = 0;
    for (me, held, done) in ends {
        steps += done;
        for (handle, entry) in held {
            owners.give_up(handle, me);
            assert_eq!(table.free(handle), Ok(entry));
        }
    }
    assert!(owners.nobody_has_any());
    check_empty(&table);
    steps
}

#[test]
fn every_slot_has_one_owner_while_slots_are_scarce() {
    let steps = let_loose::<u64>(2, 64, 6.0)
        + let_loose::<u64>(4, 1000, 6.0)
        + let_loose::<u64>(32, 500, 8.0)
        + let_loose::<[u64; 2]>(8, 300, 6.0);
    cases("operations while slots are scarce", steps);
}

#[test]
fn every_slot_has_one_owner_while_segments_come_and_go() {
    let steps = let_loose::<u64>(2, 200_000, 6.0)
        + let_loose::<u64>(8, 30_000, 6.0)
        + let_loose::<[u64; 2]>(4, 20_000, 6.0)
        + let_loose::<u64>(32, 100_000, 6.0);
    cases("operations while segments come and go", steps);
}

/// What a neighbour in the ring is given to free.
type Parcel = (Handle, u64);

/// The stamp of slots on their way from one thread to another.
const ON_THE_WAY: u32 = u32::MAX;

/// Each allocates, and frees what its neighbour in the ring has allocated.
#[test]
fn handles_may_be_handed_over() {
    const THREADS: u32 = 4;
    let table = Table::<u64>::builder().capacity(20_000).build().expect("a table");
    let owners = Owners::new(table.capacity());
    let deadline = Deadline::after(6.0);
    let (senders, mut receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| mpsc::sync_channel(500)).unzip();
    receivers.rotate_left(1);
    let passed: u64 = std::thread::scope(|scope| {
        let (table, owners, deadline) = (&table, &owners, &deadline);
        let ring = (1..=THREADS).zip(senders).zip(receivers);
        let threads: Vec<_> = ring
            .map(|((me, next), previous)| {
                scope.spawn(move || pass_on(me, table, owners, deadline, next, previous))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    check_empty(&table);
    assert!(owners.nobody_has_any());
    cases("handles handed over", passed);
}

fn pass_on(
    me: u32,
    table: &Table<u64>,
    owners: &Owners,
    deadline: &Deadline,
    next: SyncSender<Parcel>,
    previous: Receiver<Parcel>,
) -> u64 {
    let mut random = Random::new(me.into());
    let mut count = 0;
    let free = |(handle, entry): Parcel| {
        assert_eq!(table.get(handle), Some(entry));
        owners.give_up(handle, ON_THE_WAY);
        assert_eq!(table.free(handle), Ok(entry));
    };
    while !deadline.has_come() {
        for _ in 0..random.below(200) {
            count += 1;
            let entry = u64::of(me, count);
            let handle = table.allocate(entry).expect("20,000 slots are enough");
            owners.claim(handle, me);
            owners.pass(handle, me, ON_THE_WAY);
            // A full channel must not stop the ring.
            if let Err(TrySendError::Full(parcel)) = next.try_send((handle, entry)) {
                free(parcel);
            }
        }
        previous.try_iter().take(200).for_each(free);
        if random.once_in(20) {
            table.sweep(0);
        }
    }
    drop(next);
    previous.iter().for_each(free);
    count.into()
}
