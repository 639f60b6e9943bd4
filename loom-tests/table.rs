//! The entries that readers and setters see.

use crate::harness::checker::sync::Arc;
use crate::harness::checker::sync::atomic::{AtomicU32, Ordering};
use crate::harness::checker::thread::spawn;
use slotarena::{Handle, Table};

use crate::harness::outcome;
use crate::harness::stage::{Actor, Model, Payload, SMALL, Stage, model};

#[test]
fn allocate_get() {
    let what = "one writes and allocates, another gets and reads";
    model("allocate_get", "7", what).small().explore(|| {
        let mut stage = Stage::new(SMALL);
        let payload = Payload::new();
        let reader = payload.clone();
        stage.spawn(vec![], move |a| {
            payload.write();
            a.allocate();
        });
        stage.spawn_bare(vec![], move |a| {
            // The first slot of a fresh table.
            if a.saw(a.table().get_raw(1)).is_some() {
                assert_eq!(reader.read(), 1, "Invariant 7");
            }
        });
        stage.finish();
    });
}

/// Explores an owner that writes and then changes its slot, while another thread gets the slot.
///
/// A thread that gets a new entry reads what was written. `stays`: the slot is live throughout.
pub fn change_and_get(model: Model, stays: bool, change: fn(&mut Actor, &Payload)) {
    model.explore(move || {
        let mut stage = Stage::new(SMALL);
        let held = stage.prepare(1);
        let (handle, old) = held[0];
        let payload = Payload::new();
        let reader = payload.clone();
        stage.spawn(held, move |a| change(a, &payload));
        stage.spawn_bare(vec![], move |a| match a.saw(a.table().get(handle)) {
            Some(stamp) if stamp == old => {}
            Some(_) => assert_eq!(reader.read(), 1, "Invariant 7"),
            None => assert!(!stays, "Invariant 3: the slot is live throughout"),
        });
        stage.finish();
    });
}

#[test]
fn set_get() {
    let what = "one writes and sets, another gets and reads";
    change_and_get(model("set_get", "7", what).small(), true, |a, payload| {
        payload.write();
        a.set();
    });
}

#[test]
fn allocate_free_by_another() {
    let what = "one writes and allocates, another frees what it finds and reads";
    model("allocate_free_by_another", "3 7", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let payload = Payload::new();
        let other = payload.clone();
        let found = Arc::new(AtomicU32::new(0));
        let handle = found.clone();
        stage.spawn(vec![], move |a| {
            payload.write();
            a.allocate();
            let (mine, _) = a.held.pop().expect("the slot");
            // Relaxed: the table itself orders the write.
            handle.store(mine.to_raw(), Ordering::Relaxed);
        });
        stage.spawn(vec![], move |a| {
            if let Some(handle) = Handle::from_raw(found.load(Ordering::Relaxed)) {
                // The handle was read without an ordering, so the slot may still look free.
                if a.free_known(handle) {
                    assert_eq!(other.read(), 1, "Invariant 7");
                    other.write();
                }
            }
        });
        stage.join();
        stage.forget_unknown();
        stage.finish();
    });
}

#[test]
fn set_set() {
    let what = "two threads set the entry of one slot and get the old one";
    model("set_set", "7", what).small().explore(|| {
        let mut stage = Stage::new(SMALL);
        let held = stage.prepare(1);
        let (handle, first) = held[0];
        for (mine, other) in [(8, 9), (9, 8)] {
            stage.spawn(vec![], move |a| {
                let old = a.set_known(handle, mine).expect("live");
                assert!(old == Some(first) || old == Some(other), "Invariant 7: {old:?}");
            });
        }
        stage.join();
        let last = stage.table().get(handle).expect("live");
        assert!(last == 8 || last == 9, "Invariant 7: {last}");
        stage.hold(vec![(handle, last)]);
        stage.finish();
    });
}

#[test]
fn set_free() {
    let what = "one sets an entry, another frees the slot";
    model("set_free", "1 3 7", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let (handle, first) = stage.prepare(1)[0];
        stage.spawn(vec![], move |a| {
            let result = a.set_known(handle, 8);
            assert!(result == Ok(Some(first)) || result.is_err(), "Invariant 3: {result:?}");
        });
        stage.spawn(vec![], move |a| assert!(a.free_known(handle), "Invariant 3"));
        stage.finish();
    });
}

#[test]
fn get_free() {
    let what = "one gets twice, another frees";
    model("get_free", "3 7", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let (handle, stamp) = stage.prepare(1)[0];
        stage.spawn_bare(vec![], move |a| {
            let (first, second) = a.saw((a.table().get(handle), a.table().get(handle)));
            assert!(first.is_none_or(|seen| seen == stamp), "Invariant 7: {first:?}");
            assert!(second.is_none_or(|_| first.is_some()), "Invariant 3: no thread allocates it");
        });
        stage.spawn(vec![], move |a| assert!(a.free_known(handle), "Invariant 3"));
        stage.finish();
    });
}

/// Spawns a thread that gets and sets a live slot while others use other slots.
fn get_and_set(stage: &mut Stage, held: (Handle, u64)) {
    stage.spawn(vec![held], |a| {
        let (handle, stamp) = a.held[0];
        assert_eq!(a.table().get(handle), Some(stamp), "Invariant 7");
        a.set();
    });
}

#[test]
fn get_and_set_allocate() {
    let what = "one gets and sets, another allocates 2 and grows";
    model("get_and_set_allocate", "1 3 4 7", what).stage(SMALL, |stage| {
        let held = stage.prepare(1);
        get_and_set(stage, held[0]);
        stage.spawn(vec![], |a| (0..2).for_each(|_| a.allocate()));
    });
}

#[test]
fn get_and_set_full() {
    let what = "one gets and sets, another finds the table full";
    model("get_and_set_full", "1 3 4 7 8", what).stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(1);
        stage.hold(kept);
        get_and_set(stage, held[0]);
        stage.spawn(vec![], |a| assert!(!a.try_allocate(), "all slots are in use"));
    });
}

#[test]
fn get_and_set_bulk() {
    let what = "one gets and sets, another frees 2 in one call and allocates 2 in one call";
    model("get_and_set_bulk", "1 3 4 7", what).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let other = held.split_off(1);
        get_and_set(stage, held[0]);
        stage.spawn(other, |a| {
            a.free_many();
            a.allocate_many(2);
        });
    });
}

#[test]
fn get_and_set_register() {
    let what = "one gets and sets, another registers and ends";
    model("get_and_set_register", "3 7 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(1);
        get_and_set(stage, held[0]);
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.unregister();
        });
    });
}

#[test]
fn bulk_set() {
    let what = "one frees 2 in one call, another sets one of them";
    model("bulk_set", "1 3 4 7", what).stage(SMALL, |stage| {
        let held = stage.prepare(2);
        let (handle, stamp) = held[1];
        stage.spawn(vec![], move |a| {
            let result = a.set_known(handle, 8);
            assert!(result == Ok(Some(stamp)) || result.is_err(), "Invariant 3: {result:?}");
        });
        stage.spawn(held, |a| a.free_many());
    });
}

#[test]
fn set_what_was_there_before() {
    let what = "one sets, writes, and sets what was there before; another sets and reads";
    model("set_what_was_there_before", "7", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let (handle, first) = stage.prepare(1)[0];
        let (payload, done) = (Payload::new(), Arc::new(AtomicU32::new(0)));
        let (reader, is_done) = (payload.clone(), done.clone());
        stage.spawn(vec![], move |a| {
            a.set_known(handle, 8).expect("live");
            payload.write();
            a.set_known(handle, first).expect("live");
            // Relaxed: the table itself orders the write.
            done.store(1, Ordering::Relaxed);
        });
        stage.spawn(vec![], move |a| {
            if is_done.load(Ordering::Relaxed) == 1 {
                assert_eq!(a.set_known(handle, 9), Ok(Some(first)), "Invariant 7");
                assert_eq!(reader.read(), 1, "Invariant 7");
            }
        });
        stage.join();
        stage.forget_unknown();
        stage.finish();
    });
}

#[test]
fn free_what_was_there_before() {
    let what = "one frees and allocates the same again, another frees it";
    model("free_what_was_there_before", "1 3 7", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let (handle, first) = stage.prepare(1)[0];
        let done = Arc::new(AtomicU32::new(0));
        let is_done = done.clone();
        stage.spawn(vec![], move |a| {
            assert!(a.free_known(handle), "Invariant 3");
            assert_eq!(a.allocate_known(first), handle, "the slot freed last");
            // Relaxed: the table itself orders the owners.
            done.store(1, Ordering::Relaxed);
        });
        stage.spawn(vec![], move |a| {
            if is_done.load(Ordering::Relaxed) == 1 {
                // The slot may still look free, since the load above is relaxed.
                a.free_known(handle);
            }
        });
        stage.join();
        stage.forget_unknown();
        stage.finish();
    });
}

/// Makes a small table of two-word entries.
fn wide() -> Arc<Table<[u64; 2]>> {
    let builder = Table::builder().capacity(3).stripes(1).magazine_size(1).segment_shift(1);
    Arc::new(builder.build().expect("a small table"))
}

#[test]
fn get_while_growing() {
    let what = "two-word entries: one allocates, another gets";
    model("get_while_growing", "5 6 7", what).explore(|| {
        let table = wide();
        let reader = table.clone();
        let writer = spawn(move || {
            table.mutator().allocate([7, 8]).expect("a slot");
        });
        let reader = spawn(move || {
            let seen = reader.get_raw(1);
            assert!(seen.is_none() || seen == Some([7, 8]), "Invariant 7: {seen:?}");
            outcome::note(format_args!("{seen:?}"));
        });
        writer.join().expect("the writer");
        reader.join().expect("the reader");
    });
}

#[test]
fn two_words_growing() {
    let what = "two-word entries: two allocate from an empty table";
    model("two_words_growing", "3 5 7", what).bound(2).long().explore(|| {
        let table = wide();
        let threads: Vec<_> = (1..3u64)
            .map(|stamp| {
                let table = table.clone();
                spawn(move || {
                    let handle = table.mutator().allocate([stamp, stamp]).expect("a slot");
                    let seen = table.get(handle);
                    assert_eq!(seen, Some([stamp, stamp]), "Invariants 3 and 7");
                    handle.to_raw()
                })
            })
            .collect();
        let handles: Vec<u32> = threads.into_iter().map(|t| t.join().expect("a thread")).collect();
        assert_ne!(handles[0], handles[1], "Invariant 3: one owner for a slot");
        outcome::note(format_args!("{handles:?}"));
    });
}
