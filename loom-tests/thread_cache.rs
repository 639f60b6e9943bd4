//! Operations on the table itself, by threads that end.

use crate::stage::{SMALL, model};

#[test]
fn cached_allocate_sweep() {
    let what = "a thread allocates and ends, another sweeps";
    model("cached_allocate_sweep", "1 2 3 4 5 8", what).long().stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn_bare(vec![], |a| a.allocate_by_thread());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn cached_allocate_free() {
    let what = "a thread allocates, another frees twice; both end";
    model("cached_allocate_free", "1 2 3 4 8", what).bound(2).long().stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.spawn_bare(held, |a| {
            a.free_by_thread();
            a.free_by_thread();
        });
        stage.spawn_bare(vec![], |a| a.allocate_by_thread());
    });
}
