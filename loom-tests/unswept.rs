//! Unswept slots: swept for several threads concurrently, or in later cycles.

use crate::harness::stage::{LARGER, SMALL, model};

#[test]
fn get_while_the_slot_is_swept_and_used_again() {
    let what = "one sweeps and allocates, another gets";
    model("get_sweep_allocate", "5 6 7", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        let (handle, old) = held[2];
        stage.free(held);
        stage.spawn(vec![], |a| {
            a.sweep();
            a.allocate();
        });
        stage.spawn_bare(vec![], move |a| {
            let seen = a.saw(a.table().get(handle));
            assert!(seen.is_none_or(|stamp| stamp != old), "Invariant 7: freed before");
        });
    });
}

#[test]
fn allocate_sweep_twice() {
    let what = "one allocates, another sweeps twice with the world stopped";
    model("allocate_sweep_twice", "1 2 3 4 5 8", what).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.hold(kept);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| {
            a.table().sweep_stopped(0);
            a.table().sweep_stopped(0);
        });
    });
}

#[test]
fn cycles_begin_again() {
    let what = "after the last cycle one allocates, another sweeps";
    model("cycles_begin_again", "1 2 3 4 5 8", what).bound(2).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        let later = held.split_off(1);
        stage.free(held);
        stage.hold(kept);
        // In models the last cycle is 2. One slot is freed in cycle 1, whose number is reused.
        stage.table().sweep(0);
        stage.free(later);
        stage.table().sweep(0);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn allocate_free_sweep() {
    let what = "one allocates, another frees, a third sweeps";
    model("allocate_free_sweep", "1 2 3 4 5 7 8", what).bound(2).long().stage(LARGER, |stage| {
        let mut held = stage.prepare(4);
        let other = held.split_off(2);
        stage.free(held);
        stage.spawn(other, |a| (0..2).for_each(|_| a.free()));
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn allocate_free_rest_of_sweep() {
    let what = "one allocates, another frees, a third does the rest of a sweep";
    model("allocate_free_rest_of_sweep", "1 2 3 4 5 7 8", what).bound(3).long().stage(
        SMALL,
        |stage| {
            let mut held = stage.prepare(2);
            let other = held.split_off(1);
            stage.free(held);
            stage.table().begin_sweep();
            stage.spawn(other, |a| a.free());
            stage.spawn(vec![], |a| a.allocate());
            stage.spawn_bare(vec![], |a| a.table().finish_sweep());
        },
    );
}

#[test]
fn last_slot_sweep() {
    let what = "the last free slot is in an idle thread's store: one allocates, another sweeps";
    model("last_slot_sweep", "1 2 3 4 8", what).bound(3).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(1);
        stage.hold(kept);
        stage.spawn(held, |a| a.free());
        // The mutator of the ended actor stays registered.
        stage.join();
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn helpers() {
    let what = "two allocate what one sweeps";
    model("helpers", "1 2 3 4 5 8", what).bound(2).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.hold(kept);
        stage.table().begin_sweep();
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.table().finish_sweep());
    });
}
