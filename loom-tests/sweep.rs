//! The sweep, concurrently with all operations.
//!
//! A sweep stops the world to forget all chains, and sweeps the segments after it resumes the
//! world. The two together are too large to explore completely, so each model has three parts.
//! *Stopped*: the whole sweep runs while the world is stopped, which checks the stop. *Rest*: the
//! model begins after the stop, which checks how slots are swept. Both have no bound. *Whole*: the
//! sweep as it is, with a bound.

use crate::harness::stage::{LARGER, Model, SMALL, Shape, Stage, model};

/// The part of a sweep that runs concurrently with the others.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Stopped,
    Rest,
    Whole,
}

impl Part {
    fn model(self, name: &str, invariants: &'static str, what: &str) -> Model {
        let (suffix, sweeps) = match self {
            Part::Stopped => ("sweep_stopped", "sweeps with the world stopped"),
            Part::Rest => ("rest_of_sweep", "does the rest of a sweep"),
            Part::Whole => ("sweep", "sweeps"),
        };
        let (name, what) = (format!("{name}_{suffix}"), format!("{what}, another {sweeps}"));
        let model = model(name.leak(), invariants, what.leak()).long();
        if self == Part::Whole { model.bound(2) } else { model }
    }

    /// Does the part of the sweep before the other threads.
    fn begin(self, stage: &Stage) {
        if self == Part::Rest {
            stage.table().begin_sweep();
        }
    }

    /// Spawns the sweeper. It comes last, so that the others are registered before.
    fn spawn(self, stage: &mut Stage) {
        stage.spawn_bare(vec![], move |a| match self {
            Part::Stopped => {
                a.table().sweep_stopped(0);
            }
            Part::Rest => a.table().finish_sweep(),
            Part::Whole => a.sweep(),
        });
    }
}

macro_rules! in_parts {
    ($($model:ident)*) => {
        $(mod $model {
            use super::{Part, $model};

            #[test]
            fn stopped() {
                $model(Part::Stopped);
            }

            #[test]
            fn rest() {
                $model(Part::Rest);
            }

            #[test]
            fn whole() {
                $model(Part::Whole);
            }
        })*
    };
}

in_parts! {
    allocate free free_own allocate_then_free free_then_allocate set stale_set uninitialized bulk
    audit full get two_stripes register end overflow pages left sweep
}

fn allocate(part: Part) {
    let what = "one allocates from a chain";
    part.model("allocate", "1 2 3 4 5 7 8", what).stage(SMALL, move |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        part.begin(stage);
        stage.spawn(vec![], |a| a.allocate());
        part.spawn(stage);
    });
}

fn overflow(part: Part) {
    let what = "one allocates from its overflow";
    let shape = Shape { overflow: 2, ..LARGER };
    part.model("overflow", "1 2 3 4 5 7 8", what).stage(shape, move |stage| {
        let held = stage.prepare(4);
        let actor = stage.overflowing(held);
        part.begin(stage);
        // A sweep that has begun has emptied the overflow.
        let count = if part == Part::Rest { 1 } else { 3 };
        stage.start(actor, vec![], move |a| (0..count).for_each(|_| a.allocate()));
        part.spawn(stage);
    });
}

fn pages(part: Part) {
    let what = "pages of free slots are released, one allocates";
    let shape = Shape { capacity: 7, segment_shift: 2, pages: true, ..SMALL };
    part.model("pages", "1 2 3 4 5 7 8", what).stage(shape, move |stage| {
        let mut held = stage.prepare(7);
        // Slots 3 and 7 stay in use, each the last of its segment.
        let kept = vec![held.remove(6), held.remove(2)];
        stage.free(held);
        stage.hold(kept);
        part.begin(stage);
        stage.spawn(vec![], |a| a.allocate());
        part.spawn(stage);
    });
}

fn left(part: Part) {
    let what = "segments are left unswept; one allocates";
    let shape = Shape { capacity: 7, segment_shift: 2, ..SMALL };
    part.model("left", "1 2 3 4 5 7 8", what).stage(shape, move |stage| {
        leave(stage);
        part.begin(stage);
        stage.spawn(vec![], |a| a.allocate());
        part.spawn(stage);
    });
}

/// Frees so many of seven slots in two segments that a sweep leaves both segments unswept.
fn leave(stage: &mut Stage) {
    let mut held = stage.prepare(7);
    let kept = vec![held.remove(6), held.remove(2)];
    stage.free(held);
    stage.hold(kept);
}

#[test]
fn what_is_left_is_swept_again() {
    let what = "segments were left by a sweep: one allocates, another sweeps";
    let shape = Shape { capacity: 7, segment_shift: 2, ..SMALL };
    model("sweep_what_is_left", "1 2 3 4 5 7 8", what).bound(2).long().stage(shape, |stage| {
        leave(stage);
        stage.table().sweep(0);
        assert_eq!(stage.table().stats().free_unswept, 5, "Invariant 4: the sweep leaves them");
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

fn free(part: Part) {
    let what = "one frees 3 and spills";
    part.model("free", "1 2 3 4 5 7 8", what).stage(LARGER, move |stage| {
        let mut held = stage.prepare(4);
        let other = held.split_off(1);
        stage.free(held);
        part.begin(stage);
        stage.spawn(other, |a| (0..3).for_each(|_| a.free()));
        part.spawn(stage);
    });
}

fn free_own(part: Part) {
    let what = "an owner frees 2 and spills";
    part.model("free_own", "1 2 3 4 5 7 8", what).stage(LARGER, move |stage| {
        let mut held = stage.prepare(4);
        let mut other = held.split_off(1);
        stage.free(held);
        stage.hold(vec![other.remove(0)]);
        part.begin(stage);
        stage.spawn(other, |a| (0..2).for_each(|_| a.free_own()));
        part.spawn(stage);
    });
}

fn allocate_then_free(part: Part) {
    let what = "one allocates and frees";
    part.model("allocate_then_free", "1 2 3 4 5 7 8", what).stage(SMALL, move |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        part.begin(stage);
        stage.spawn(vec![], |a| {
            a.allocate();
            a.free();
        });
        part.spawn(stage);
    });
}

fn free_then_allocate(part: Part) {
    let what = "one frees a slot into its store and allocates it again";
    part.model("free_then_allocate", "1 2 3 4 5 7 8", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let other = held.split_off(2);
        stage.free(held);
        part.begin(stage);
        stage.spawn(other, |a| {
            a.free();
            a.allocate();
        });
        part.spawn(stage);
    });
}

fn set(part: Part) {
    let what = "one sets another entry";
    part.model("set", "1 4 5 7", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        part.begin(stage);
        stage.spawn(kept, |a| a.set());
        part.spawn(stage);
    });
}

fn stale_set(part: Part) {
    let what = "one sets through a stale handle";
    part.model("stale_set", "1 4 5", what).stage(SMALL, move |stage| {
        let held = stage.prepare(3);
        let stale = held[2].0;
        stage.free(held);
        part.begin(stage);
        stage.spawn(vec![], move |a| {
            assert!(a.set_known(stale, 9).is_err(), "Invariant 5: the slot is free");
        });
        part.spawn(stage);
    });
}

fn uninitialized(part: Part) {
    let what = "one allocates a slot and sets its entry later";
    part.model("uninitialized", "1 3 4 5 7", what).stage(SMALL, move |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        part.begin(stage);
        stage.spawn(vec![], |a| a.allocate_then_set());
        part.spawn(stage);
    });
}

fn bulk(part: Part) {
    let what = "one frees 2 in one call and allocates 2 in one call";
    part.model("bulk", "1 2 3 4 5 7 8", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(1);
        stage.free(held);
        part.begin(stage);
        stage.spawn(kept, |a| {
            a.free_many();
            a.allocate_many(2);
        });
        part.spawn(stage);
    });
}

fn audit(part: Part) {
    let what = "one audits";
    part.model("audit", "1 2 4 5 8", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.hold(kept);
        part.begin(stage);
        stage.spawn_bare(vec![], |a| {
            a.table().audit().expect("Invariants 1, 2, 4 and 5");
        });
        part.spawn(stage);
    });
}

fn full(part: Part) {
    let what = "one allocates all free slots and one more";
    // Without a sweep, exhaustion is explored without a bound (`full_table`).
    part.model("full", "1 2 3 4 8", what).bound(2).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(1);
        stage.free(held);
        stage.hold(kept);
        part.begin(stage);
        stage.spawn(vec![], |a| {
            a.allocate();
            assert!(!a.try_allocate(), "Invariant 4: all are in use");
        });
        part.spawn(stage);
    });
}

fn get(part: Part) {
    let what = "one gets through a handle of a live slot and through a stale one";
    part.model("get", "5 6 7", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        let ((live, stamp), (stale, _)) = (kept[0], held[0]);
        stage.free(held);
        stage.hold(kept);
        part.begin(stage);
        stage.spawn_bare(vec![], move |a| {
            assert_eq!(a.table().get(live), Some(stamp), "Invariant 7");
            assert_eq!(a.table().get(stale), None, "Invariant 5: the slot is free");
        });
        part.spawn(stage);
    });
}

fn two_stripes(part: Part) {
    let what = "stripes: 2; one allocates";
    let shape = Shape { stripes: 2, ..SMALL };
    part.model("two_stripes", "1 2 3 4 5 8", what).stage(shape, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.hold(kept);
        part.begin(stage);
        stage.spawn(vec![], |a| a.allocate());
        part.spawn(stage);
    });
}

fn register(part: Part) {
    let what = "one registers, allocates and ends";
    part.model("register", "1 2 3 4 5 8", what).stage(SMALL, move |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        part.begin(stage);
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.allocate();
            a.unregister();
        });
        part.spawn(stage);
    });
}

fn end(part: Part) {
    let what = "one ends with a slot in its store";
    part.model("end", "1 2 3 4 5 8", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let other = held.split_off(2);
        stage.free(held);
        part.begin(stage);
        stage.spawn(other, |a| {
            a.free();
            a.unregister();
        });
        part.spawn(stage);
    });
}

fn sweep(part: Part) {
    let what = "one sweeps";
    part.model("sweep", "1 2 3 4 5 8", what).stage(SMALL, move |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.hold(kept);
        part.begin(stage);
        stage.spawn_bare(vec![], |a| {
            a.table().sweep_stopped(0);
        });
        part.spawn(stage);
    });
}
