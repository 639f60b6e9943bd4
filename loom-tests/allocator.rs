//! Allocate and free, concurrently, up to the last slot.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::harness::stage::{LARGER, SMALL, Shape, Stage, model};

#[test]
fn allocate_allocate_growing() {
    let what = "two threads allocate from an empty table";
    model("allocate_allocate_growing", "1 2 3 4 5 7 8", what).stage(SMALL, |stage| {
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn allocate_allocate_from_a_chain() {
    let what = "two threads allocate from one chain of 3";
    model("allocate_allocate_from_a_chain", "1 2 3 4 5 7 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn allocate_free() {
    let what = "one allocates, another frees 3 and spills";
    model("allocate_free", "1 2 3 4 5 7 8", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn(vec![], |a| {
            a.try_allocate();
        });
    });
}

#[test]
fn free_free() {
    let what = "two threads free 3 each and spill to one stripe";
    model("free_free", "1 2 3 4 5 8", what).stage(LARGER, |stage| {
        let mut held = stage.prepare(6);
        let other = held.split_off(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn(other, |a| (0..3).for_each(|_| a.free()));
    });
}

#[test]
fn double_free() {
    let what = "two threads free one handle";
    model("double_free", "1 2 3 4", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let held = stage.prepare(1)[0];
        // Not modeled: counts the results of the threads, and is read after they are joined.
        let wins = std::sync::Arc::new(AtomicUsize::new(0));
        for _ in 0..2 {
            let wins = wins.clone();
            stage.spawn(vec![], move |a| {
                wins.fetch_add(usize::from(a.free_shared(held)), Ordering::Relaxed);
            });
        }
        stage.join();
        assert_eq!(wins.load(Ordering::Relaxed), 1, "Invariant 3: one of them frees it");
        stage.finish();
    });
}

#[test]
fn last_slot() {
    let what = "two threads want the last slot of a full table";
    model("last_slot", "1 2 3 4 9", what).stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.hold(held);
        stage.spawn(vec![], |a| {
            a.try_allocate();
        });
        stage.spawn(vec![], |a| {
            a.try_allocate();
        });
        stage.join();
        assert_eq!(stage.held(), 3, "one of them has the last slot");
    });
}

/// One frees a slot of a full table into its store, another allocates.
fn free_and_allocate_when_full(stage: &mut Stage) {
    let mut held = stage.prepare(3);
    let kept = held.split_off(1);
    stage.hold(kept);
    stage.spawn(held, |a| a.free());
    stage.spawn(vec![], |a| {
        a.try_allocate();
    });
}

#[test]
fn full_table() {
    let what = "one frees a slot of a full table into its store, another allocates";
    model("full_table", "1 2 3 4 8", what).long().stage(SMALL, free_and_allocate_when_full);
}

#[test]
fn full_for_two() {
    let what = "one frees a slot of a full table into its store, one allocates, then a third does";
    model("full_for_two", "1 2 3 4 8 9", what).long().stage(SMALL, |stage| {
        free_and_allocate_when_full(stage);
        stage.join();
        if stage.held() < 3 {
            // The search of the second may have found none. The slot is free now.
            let last = stage.prepare(1);
            stage.hold(last);
        }
    });
}

#[test]
fn bulk() {
    let what = "one allocates 2 in one call, another frees 2 in one call";
    model("bulk", "1 2 3 4 7", what).long().stage(LARGER, |stage| {
        let held = stage.prepare(2);
        stage.spawn(held, |a| a.free_many());
        stage.spawn(vec![], |a| a.allocate_many(2));
    });
}

#[test]
fn allocate_free_allocate_free() {
    let what = "two threads allocate and free";
    model("allocate_free_allocate_free", "1 2 3 4 5 7 8", what).stage(LARGER, |stage| {
        for _ in 0..2 {
            stage.spawn(vec![], |a| {
                a.allocate();
                a.free();
            });
        }
    });
}

#[test]
fn refused_segment() {
    let what = "two allocate from an empty table, and one of the segments is refused";
    model("refused_segment", "1 2 3 4 5", what).bound(2).long().stage(SMALL, |stage| {
        stage.table().refuse_segments(1);
        for _ in 0..2 {
            stage.spawn(vec![], |a| {
                a.try_allocate();
            });
        }
    });
}

/// Six slots, and an overflow of two.
const OVERFLOWING: Shape = Shape { overflow: 2, ..LARGER };

#[test]
fn overflow_last_slots() {
    let what = "two allocate all free slots, some of which are in one's overflow";
    model("overflow_last_slots", "1 2 3 4 9", what).stage(OVERFLOWING, |stage| {
        let mut held = stage.prepare(5);
        let other = held.split_off(2);
        stage.hold(held);
        let actor = stage.overflowing(other);
        stage.start(actor, vec![], |a| a.allocate());
        stage.spawn(vec![], |a| (0..3).for_each(|_| a.allocate()));
    });
}

#[test]
fn overflow_end() {
    let what = "one ends with slots in its overflow, another allocates";
    model("overflow_end", "1 2 3 4 8", what).stage(OVERFLOWING, |stage| {
        let held = stage.prepare(4);
        let actor = stage.overflowing(held);
        stage.start(actor, vec![], |a| a.unregister());
        stage.spawn(vec![], |a| {
            a.try_allocate();
            a.try_allocate();
        });
    });
}
