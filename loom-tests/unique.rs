//! Slots that their owners free by a plain store, concurrently with other operations.

use crate::harness::checker::sync::Arc;
use crate::harness::checker::sync::atomic::{AtomicU32, Ordering};
use slotarena::Handle;

use crate::harness::stage::{LARGER, Payload, SMALL, Stage, model};
use crate::table::change_and_get;

#[test]
fn free_get() {
    let what = "an owner frees, writes and allocates the slot again; another gets and reads";
    change_and_get(model("unique_get", "3 7", what), false, |a, payload| {
        a.free_own();
        payload.write();
        a.allocate();
    });
}

#[test]
fn free_allocate() {
    let what = "an owner frees 2 and spills, another allocates 2";
    model("unique_allocate", "1 2 3 4", what).bound(3).stage(LARGER, |stage| {
        let held = stage.prepare(6);
        let mut held = held.into_iter();
        let own = held.by_ref().take(2).collect();
        stage.hold(held.collect());
        stage.spawn(own, |a| (0..2).for_each(|_| a.free_own()));
        stage.spawn(vec![], |a| {
            a.try_allocate();
            a.try_allocate();
        });
    });
}

#[test]
fn pass_on() {
    let what =
        "one writes, allocates and passes it on; its new owner reads, frees, allocates again";
    model("unique_pass_on", "1 2 3 7", what).explore(|| {
        let mut stage = Stage::new(SMALL);
        let payload = Payload::new();
        let reader = payload.clone();
        let passed = Arc::new(AtomicU32::new(0));
        let found = passed.clone();
        stage.spawn(vec![], move |a| {
            payload.write();
            let handle = a.allocate_known(7);
            // Relaxed: the table itself orders the write.
            passed.store(handle.to_raw(), Ordering::Relaxed);
        });
        stage.spawn(vec![], move |a| {
            if let Some(handle) = Handle::from_raw(found.load(Ordering::Relaxed)) {
                // The handle was read without an ordering, so the slot may still look free.
                if a.saw(a.table().get(handle)).is_some() {
                    assert_eq!(reader.read(), 1, "Invariant 7");
                    reader.write();
                    a.held.push((handle, 7));
                    a.free_own();
                    a.allocate();
                }
            }
        });
        stage.join();
        stage.forget_unknown();
        stage.finish();
    });
}
