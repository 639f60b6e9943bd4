//! Slots with one owner each.

use std::collections::HashMap;
use std::sync::mpsc;

use fastrand::Rng;
use quickcheck::quickcheck;
use slotarena::{AllocError, Packed, SetError, Unique, UniqueTable};

use crate::common::{mix, on_threads};

fn table<E: Packed>(capacity: u32) -> UniqueTable<E> {
    UniqueTable::builder().capacity(capacity).stripes(2).build().expect("a table")
}

/// Checks that no slot is in use, and that a sweep releases all memory.
#[track_caller]
fn check_empty<E: Packed>(table: &UniqueTable<E>) {
    let audit = table.audit().expect("a sound table");
    assert_eq!((audit.live, audit.uninitialized), (0, 0), "slots are still in use");
    assert_eq!(table.sweep(0).segments_committed, 0);
    table.audit().expect("a sound table");
}

#[test]
fn an_owner_reads_sets_and_frees_by_any_participant() {
    let table = table::<u64>(1000);
    let (one, other) = (table.mutator(), table.mutator());
    for way in 0..4 {
        for i in 0..500 {
            let owner = if i % 2 == 0 { one.allocate(i) } else { table.allocate(i) };
            let mut owner = owner.expect("a slot");
            let handle = owner.handle();
            assert_eq!((owner.get(), table.get(handle)), (i, Some(i)));
            assert_eq!(owner.set(i + 1), Ok(i));
            assert_eq!((owner.get(), table.get_raw(handle.to_raw())), (i + 1, Some(i + 1)));
            match way {
                0 => assert_eq!(owner.free(), i + 1),
                1 => assert_eq!(one.free(owner), i + 1),
                2 => assert_eq!(other.free(owner), i + 1),
                _ => drop(owner),
            }
            assert_eq!(table.get(handle), None);
        }
    }
    drop((one, other));
    check_empty(&table);
}

#[test]
fn a_slot_returns_to_its_own_table() {
    let (table, foreign) = (table::<u64>(100), table::<u64>(100));
    let owners: Vec<_> = (0..100).map(|i| table.allocate(i).expect("a slot")).collect();
    let mutator = foreign.mutator();
    let kept = mutator.allocate(7).expect("a slot");
    for (i, owner) in (0..).zip(owners) {
        assert_eq!(mutator.free(owner), i);
    }
    check_empty(&table);
    assert_eq!((kept.get(), foreign.stats().live), (7, 1));
    drop((kept, mutator));
    check_empty(&foreign);
}

#[test]
fn a_forgotten_slot_stays_live_and_a_refusal_loses_nothing() {
    let table = table::<u64>(10);
    let forgotten = table.allocate(1).expect("a slot");
    let handle = forgotten.handle();
    std::mem::forget(forgotten);
    let wide = table.allocate(1 << 63).expect_err("bit 63 is reserved");
    assert_eq!(wide, AllocError::ReservedBit { word: 1 << 63 });
    let mut owners: Vec<_> = (0..9).map(|i| table.allocate(i).expect("a slot")).collect();
    let full = table.allocate(9).expect_err("all are in use");
    assert_eq!(full, AllocError::CapacityExhausted { capacity: 10 });
    assert_eq!(owners[4].set(u64::MAX), Err(SetError::ReservedBit { word: u64::MAX.into() }));
    assert_eq!(owners.iter().map(Unique::get).collect::<Vec<_>>(), (0..9).collect::<Vec<_>>());
    owners.clear();
    table.sweep(0);
    assert_eq!((table.get(handle), table.stats().live), (Some(1), 1));
    let mut seen = Vec::new();
    table.for_each_live(|handle, entry| seen.push((handle, entry)));
    assert_eq!(seen, [(handle, 1)]);
}

#[test]
fn entries_of_two_words_have_owners_too() {
    let table = table::<[u64; 2]>(1000);
    let mutator = table.mutator();
    let mut owners: Vec<_> =
        (0..1000).map(|i| mutator.allocate([i, !i]).expect("a slot")).collect();
    for (i, owner) in (0..).zip(&mut owners) {
        assert_eq!((owner.get(), owner.set([i, i])), ([i, !i], Ok([i, !i])));
    }
    for (i, owner) in (0..).zip(owners) {
        assert_eq!(mutator.free(owner), [i, i]);
    }
    drop(mutator);
    check_empty(&table);
}

quickcheck! {
    /// Compares random operations with a map: each owner reads what it stored, no two owners have
    /// one handle, and no slot is lost.
    fn owners_read_what_they_stored(operations: Vec<(u8, u16)>) -> bool {
        let table = table::<u64>(20_000);
        let mut mutators = vec![table.mutator(), table.mutator()];
        let (mut owners, mut entries) = (Vec::<Unique<'_, u64>>::new(), HashMap::new());
        for (step, (what, which)) in (0u64..).zip(operations) {
            let (through, which) = (usize::from(which) % 2, usize::from(which));
            match what % 8 {
                0..=2 => for extra in 0..which as u64 % 200 {
                    let entry = step << 16 | extra;
                    let owner = if what % 8 == 0 {
                        table.allocate(entry)
                    } else {
                        mutators[through].allocate(entry)
                    };
                    let Ok(owner) = owner else { break };
                    assert_eq!(entries.insert(owner.handle(), entry), None, "one owner a slot");
                    owners.push(owner);
                }
                3..=5 => for _ in 0..(which % 150).min(owners.len()) {
                    let owner = owners.swap_remove(which % owners.len());
                    let entry = entries.remove(&owner.handle()).expect("allocated");
                    assert_eq!(owner.get(), entry);
                    match what % 8 {
                        3 => assert_eq!(mutators[through].free(owner), entry),
                        4 => assert_eq!(owner.free(), entry),
                        _ => drop(owner),
                    }
                }
                6 if !owners.is_empty() => {
                    let at = which % owners.len();
                    let old = entries.insert(owners[at].handle(), step);
                    assert_eq!(owners[at].set(step).ok(), old);
                }
                _ => {
                    table.sweep(0);
                    mutators[through] = table.mutator();
                }
            }
        }
        assert_eq!(table.audit().expect("a sound table").live, entries.len() as u64);
        for owner in owners {
            let entry = entries.remove(&owner.handle());
            assert_eq!(Some(owner.free()), entry);
        }
        drop(mutators);
        check_empty(&table);
        true
    }
}

#[test]
fn owners_move_between_threads_during_sweeps() {
    const THREADS: usize = 4;
    let steps = if cfg!(miri) { 100 } else { 20_000 };
    let table = table::<u64>(50_000);
    let (senders, receivers): (Vec<_>, Vec<_>) =
        (0..THREADS).map(|_| mpsc::channel::<(u64, Unique<'_, u64>)>()).unzip();
    let receivers: Vec<_> = receivers.into_iter().map(std::sync::Mutex::new).collect();
    on_threads(THREADS, |number| {
        let (senders, inbox) = (senders.clone(), receivers[number].lock().expect("this thread's"));
        let (mutator, mut random) = (table.mutator(), Rng::with_seed(number as u64));
        let mut own = Vec::new();
        for step in 0..steps {
            let entry = mix((number * steps + step) as u64) >> 1;
            own.push((entry, mutator.allocate(entry).expect("a slot")));
            own.extend(inbox.try_iter());
            let (entry, owner) = own.swap_remove(random.usize(..own.len()));
            assert_eq!((owner.get(), table.get(owner.handle())), (entry, Some(entry)));
            match random.usize(..8) {
                0 => drop(owner),
                1 | 2 => assert_eq!(mutator.free(owner), entry),
                3 => own.push((entry, owner)),
                _ => {
                    let to = &senders[random.usize(..THREADS)];
                    to.send((entry, owner)).expect("the other thread receives");
                }
            }
            if step % 1000 == number {
                table.sweep(0);
            }
        }
    });
    drop(senders);
    for inbox in receivers {
        for (entry, owner) in inbox.into_inner().expect("no panic").into_iter() {
            assert_eq!(owner.free(), entry);
        }
    }
    check_empty(&table);
}
