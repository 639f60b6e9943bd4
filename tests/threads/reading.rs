//! Reading by any number while other threads allocate, set, free, and sweep.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use fastrand::Rng;
use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{cases, check_empty, slots_per_segment};
use crate::stamp::Stamp;

/// The fewest reads of a reader: enough to find some entries.
const READS: u64 = 50_000;

/// Repeats: fills segments, sets some entries, frees all, and sweeps.
fn write<E: Stamp>(me: u32, table: &Table<E>, latest: &AtomicU32, ended: &AtomicBool) {
    let mut random = Rng::with_seed(me.into());
    let mut count = 0;
    let mut fresh = || {
        count += 1;
        E::of(me, count)
    };
    let mut held: Vec<Handle> = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        for _ in 0..=random.usize(..3 * slots_per_segment::<E>() / 2) {
            let handle = table.allocate(fresh()).expect("the table has enough slots");
            latest.store(handle.to_raw(), Ordering::Relaxed);
            held.push(handle);
        }
        for _ in 0..random.usize(..1000) {
            let handle = held[random.usize(..held.len())];
            latest.store(handle.to_raw(), Ordering::Relaxed);
            assert!(table.set(handle, fresh()).is_ok_and(|old| old.is_some_and(E::is_sound)));
        }
        random.shuffle(&mut held);
        for handle in held.drain(..) {
            latest.store(handle.to_raw(), Ordering::Relaxed);
            assert!(table.free(handle).is_ok_and(E::is_sound));
        }
        table.sweep(0);
    }
}

/// Reads all over the table. Returns the number of reads and of entries found.
fn read<E: Stamp>(
    seed: u64,
    table: &Table<E>,
    latest: &AtomicU32,
    fixed: (Handle, E),
    deadline: &Deadline,
) -> (u64, u64) {
    let mut random = Rng::with_seed(seed);
    let (mut reads, mut found) = (0, 0);
    while reads < READS || reads % 1024 != 0 || !deadline.has_come() {
        reads += 1;
        let raw = match random.usize(..16) {
            0 => random.u64(..) as u32,
            1 => {
                assert_eq!(table.get(fixed.0), Some(fixed.1));
                continue;
            }
            2..8 => latest.load(Ordering::Relaxed),
            _ => random.u64(..) as u32 % (4 * slots_per_segment::<E>() as u32),
        };
        if let Some(entry) = table.get_raw(raw) {
            assert!(entry.is_sound(), "{entry:?} in {raw}");
            found += 1;
        }
    }
    (reads, found)
}

/// Runs two writers and two readers, and returns the number of reads.
fn any_number_may_be_read<E: Stamp>(table: Table<E>) -> u64 {
    // Keeps segment 0 committed.
    let entry = E::of(3, 7);
    let fixed = (table.allocate(entry).expect("a slot"), entry);
    let latest = AtomicU32::new(fixed.0.to_raw());
    let ended = AtomicBool::new(false);
    let deadline = Deadline::after(6.0);
    let (reads, found) = std::thread::scope(|scope| {
        let (table, latest, ended, deadline) = (&table, &latest, &ended, &deadline);
        for me in [1, 2] {
            scope.spawn(move || write(me, table, latest, ended));
        }
        let read = |seed| scope.spawn(move || read(seed, table, latest, fixed, deadline));
        let ends = [0, 1].map(read).map(|reader| reader.join());
        ended.store(true, Ordering::Relaxed);
        let [one, other] = ends.map(|end| end.expect("no panic"));
        (one.0 + other.0, one.1 + other.1)
    });
    assert!(found > 0, "no reader found an entry");
    assert_eq!(table.free(fixed.0), Ok(fixed.1));
    check_empty(&table);
    reads
}

#[test]
fn any_number_gives_nothing_or_a_stored_entry() {
    let all = any_number_may_be_read::<u64>(Table::new().expect("a table"));
    let few = Table::builder().capacity(50_000).build().expect("a table");
    let few = any_number_may_be_read::<[u64; 2]>(few);
    cases("reads of any number", all + few);
}
