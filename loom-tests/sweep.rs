//! The sweep, with everything.

use crate::stage::{LARGER, SMALL, Shape, model};

#[test]
fn allocate_sweep() {
    let what = "one allocates from a chain, another sweeps";
    model("allocate_sweep", "1 2 3 4 5 7 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn free_sweep() {
    let what = "one frees 3 and spills, another sweeps";
    model("free_sweep", "1 2 3 4 5 7 8", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn allocate_then_free_sweep() {
    let what = "one allocates and frees, another sweeps";
    model("allocate_then_free_sweep", "1 2 3 4 5 7 8", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        stage.spawn(vec![], |a| {
            a.allocate();
            a.free();
        });
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn sweep_sweep() {
    let what = "two sweeps";
    model("sweep_sweep", "1 2 3 4 5 8", what).stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.keep(kept);
        stage.spawn_bare(vec![], |a| a.sweep());
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
fn set_sweep() {
    let what = "one puts another entry in, another sweeps";
    model("set_sweep", "1 4 5 7", what).stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.spawn(kept, |a| a.set());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn stale_set_sweep() {
    let what = "one sets through a stale handle, another sweeps its segment away";
    model("stale_set_sweep", "1 4 5", what).stage(SMALL, |stage| {
        let held = stage.prepare(3);
        let stale = held[2].0;
        stage.free(held);
        stage.spawn(vec![], move |a| {
            assert!(a.set_known(stale, 9).is_err(), "Invariant 5: the slot is free");
        });
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn uninitialized_sweep() {
    let what = "one hands out a slot and puts an entry in later, another sweeps";
    model("uninitialized_sweep", "1 3 4 5 7", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate_then_set());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn stats_allocate() {
    let what = "one allocates, another counts";
    model("stats_allocate", "4 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| {
            let s = a.table().stats();
            let sum = s.live + s.free_in_stripes + s.free_in_magazines;
            assert_eq!(sum, s.slots_committed, "Invariant 4");
            assert!(s.live <= 1, "Invariant 4: {s:?}");
        });
    });
}

#[test]
fn allocate_sweep_twice() {
    let what = "one allocates, another sweeps twice";
    model("allocate_sweep_twice", "1 2 3 4 5 8", what).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.keep(kept);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| {
            a.sweep();
            a.sweep();
        });
    });
}

#[test]
fn free_then_allocate_sweep() {
    let what = "one frees a slot into its store and allocates it again, another sweeps";
    model("free_then_allocate_sweep", "1 2 3 4 5 7 8", what).long().stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let other = held.split_off(2);
        stage.free(held);
        stage.spawn(other, |a| {
            a.free();
            a.allocate();
        });
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn bulk_sweep() {
    let what = "one frees 2 at once and allocates 2 at once, another sweeps";
    model("bulk_sweep", "1 2 3 4 5 7 8", what).bound(3).long().stage(LARGER, |stage| {
        let held = stage.prepare(2);
        stage.spawn(held, |a| {
            a.free_many();
            a.allocate_many(2);
        });
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn two_stripes_sweep() {
    let what = "stripes: 2; one allocates, another sweeps and shares the slots out";
    let shape = Shape { stripes: 2, ..SMALL };
    model("two_stripes_sweep", "1 2 3 4 5 8", what).long().stage(shape, |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.keep(kept);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn allocate_free_sweep_to_the_end() {
    let what = "one allocates, another frees, a third sweeps; a slot each";
    let shape = Shape { capacity: 2, ..SMALL };
    model("allocate_free_sweep_to_the_end", "1 2 3 4 5 7 8", what).long().stage(shape, |stage| {
        let mut held = stage.prepare(2);
        let other = held.split_off(1);
        stage.free(held);
        stage.spawn(other, |a| a.free());
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn uninitialized_audit() {
    let what = "one puts the first entry into a slot, another audits";
    model("uninitialized_audit", "1 2 4 8", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate_then_set());
        stage.spawn_bare(vec![], |a| {
            a.table().audit().expect("Invariants 1, 2, 4 and 5");
        });
    });
}

#[test]
fn free_audit() {
    let what = "one frees 3 and spills, another audits";
    model("free_audit", "1 2 4 8", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn_bare(vec![], |a| {
            a.table().audit().expect("Invariants 1, 2, 4 and 5");
        });
    });
}
