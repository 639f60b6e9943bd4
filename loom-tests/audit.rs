//! Counting and auditing, concurrently with changes to the counts.

use crate::harness::stage::{SMALL, model};

#[test]
fn uninitialized_audit() {
    let what = "one sets a slot's first entry, another audits";
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

#[test]
fn stats_allocate() {
    let what = "one allocates, another counts";
    model("stats_allocate", "4 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| {
            let s = a.saw(a.table().stats());
            let sum = s.live + s.free_in_stripes + s.free_in_local_stores + s.free_unswept;
            assert_eq!(sum, s.slots_committed, "Invariant 4");
            assert!(s.live <= 1, "Invariant 4: {s:?}");
        });
    });
}
