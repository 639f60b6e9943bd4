//! Participants that register and end, concurrently with all operations.

use slotarena::{AllocError, OperationError};

use crate::harness::stage::{Payload, SMALL, model};

#[test]
fn register_register() {
    let what = "two register, and end";
    model("register_register", "8", what).small().stage(SMALL, |stage| {
        for _ in 0..2 {
            stage.spawn_bare(vec![], |a| {
                a.register();
                a.unregister();
            });
        }
    });
}

#[test]
fn register_allocate() {
    let what = "one registers and ends, another allocates";
    model("register_allocate", "1 2 3 4 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.unregister();
        });
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn end_allocate() {
    let what = "one ends with a full store, another allocates";
    model("end_allocate", "1 2 3 4 8", what).stage(SMALL, |stage| {
        let held = stage.prepare(2);
        stage.spawn(held, |a| {
            a.free();
            a.free();
            a.unregister();
        });
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn end_free() {
    let what = "one ends with a full store, another frees";
    model("end_free", "1 2 3 4 8", what).stage(SMALL, |stage| {
        let mut held = stage.prepare(3);
        let other = held.split_off(2);
        stage.spawn(held, |a| {
            a.free();
            a.free();
            a.unregister();
        });
        stage.spawn(other, |a| a.free());
    });
}

#[test]
fn register_free() {
    let what = "one registers, allocates and ends, another frees 3 and spills";
    model("register_free", "1 2 3 4 8", what).bound(3).long().stage(SMALL, |stage| {
        let held = stage.prepare(3);
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.try_allocate();
            a.unregister();
        });
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
    });
}

#[test]
fn end_end() {
    let what = "two end with a slot each in their stores, and two register";
    model("end_end", "1 2 3 4 8", what).stage(SMALL, |stage| {
        let mut held = stage.prepare(2);
        let other = held.split_off(1);
        for held in [held, other] {
            stage.spawn(held, |a| {
                a.free();
                a.unregister();
                a.register();
            });
        }
    });
}

#[test]
fn interrupted_operation() {
    let what = "a handler's calls inside an operation are refused, while another stops the world";
    model("interrupted_operation", "1 8 9", what).stage(SMALL, |stage| {
        let held = stage.prepare(1);
        let (handle, _) = held[0];
        stage.hold(held);
        let seen = Payload::new();
        let during = seen.clone();
        stage.spawn(vec![], move |a| {
            let mutator = a.mutator();
            mutator.interrupted(|| {
                let refused = OperationError::Reentered;
                assert_eq!(mutator.allocate(7), Err(AllocError::Operation(refused)));
                let freed = mutator.free(handle).map_err(|error| error.operation());
                assert_eq!(freed, Err(Some(refused)));
                // The world is not stopped as long as the operation is under way.
                during.read();
            });
        });
        stage.spawn_bare(vec![], move |a| a.table().for_each_live(|_, _| seen.write()));
    });
}
