//! Operations on the table itself, by threads that end.

use slotarena::Table;

use crate::harness::checker::sync::Arc;
use crate::harness::checker::thread::spawn;
use crate::harness::outcome;
use crate::harness::stage::{SMALL, model};

#[test]
fn cached_allocate_sweep() {
    let what = "a thread allocates and ends, another sweeps";
    model("cached_allocate_sweep", "1 2 3 4 5 8", what).bound(2).long().stage(SMALL, |stage| {
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

#[test]
fn cached_free_sweep() {
    let what = "a thread frees 2 and ends, another sweeps";
    model("cached_free_sweep", "1 2 3 4 5 8", what).bound(2).long().stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.spawn_bare(held, |a| {
            a.free_by_thread();
            a.free_by_thread();
        });
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn tear_down() {
    let what = "a thread uses a table and ends; the last owner drops the table";
    model("tear_down", "3 4 5", what).long().explore(|| {
        let table = Table::<u64>::builder().capacity(1).stripes(1).magazine_size(1);
        let table = Arc::new(table.segment_shift(1).build().expect("a small table"));
        let user = {
            let table = table.clone();
            spawn(move || {
                table.allocate(7).expect("a slot");
                outcome::history()
            })
        };
        drop(table);
        outcome::note(user.join().expect("the thread"));
        outcome::note(outcome::history());
    });
}

#[test]
fn ending_sweep() {
    let what = "a participant with a free slot ends, another sweeps: all goes back";
    model("ending_sweep", "4 5 8", what).long().explore(|| {
        let table = Table::<u64>::builder().capacity(1).stripes(1).magazine_size(1);
        let table = Box::new(table.segment_shift(1).build().expect("a small table"));
        // SAFETY: the thread is joined, and the mutator dropped, before the table is dropped.
        let shared: &'static Table<u64> = unsafe { &*std::ptr::from_ref(&*table) };
        let mutator = shared.mutator();
        let handle = mutator.allocate(7).expect("a slot");
        assert_eq!(mutator.free(handle), Ok(7));
        let ending = spawn(move || {
            drop(mutator);
            outcome::history()
        });
        let report = table.sweep(0);
        assert!(report.swept && report.segments_committed == 0, "Invariant 5: {report:?}");
        outcome::note(ending.join().expect("the thread"));
        outcome::note(outcome::history());
    });
}
