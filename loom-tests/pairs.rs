//! Every pair of allocate, free, sweep, and register or end of a mutator.

use crate::stage::{Model, SMALL, Shape, Stage};

fn pair(name: &'static str, what: &'static str, play: fn(&mut Stage)) {
    let invariants = "1 2 3 4 5 7 8";
    Model { name, invariants, what, preemptions: None }.explore(move || {
        let mut stage = Stage::new(SMALL);
        play(&mut stage);
        stage.finish();
    });
}

#[test]
fn allocate_allocate_growing() {
    pair("allocate_allocate_growing", "two threads allocate from an empty table", |stage| {
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn allocate_allocate_from_a_chain() {
    pair("allocate_allocate_from_a_chain", "two threads allocate from one chain of 3", |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn allocate_free() {
    pair("allocate_free", "one allocates, the other frees 3 and spills", |stage| {
        let held = stage.prepare(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn(vec![], |a| {
            a.try_allocate();
        });
    });
}

#[test]
fn free_free() {
    let shape = Shape { capacity: 6, ..SMALL };
    let what = "two threads free 3 each and spill to one stripe";
    Model { name: "free_free", invariants: "1 2 3 4 5 8", what, preemptions: None }.explore(
        move || {
            let mut stage = Stage::new(shape);
            let mut held = stage.prepare(6);
            let other = held.split_off(3);
            stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
            stage.spawn(other, |a| (0..3).for_each(|_| a.free()));
            stage.finish();
        },
    );
}

#[test]
fn allocate_sweep() {
    pair("allocate_sweep", "one allocates from a chain, the other sweeps", |stage| {
        let held = stage.prepare(3);
        stage.free(held);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn free_sweep() {
    pair("free_sweep", "one frees 3 and spills, the other sweeps", |stage| {
        let held = stage.prepare(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn allocate_then_free_sweep() {
    pair("allocate_then_free_sweep", "one allocates and frees, the other sweeps", |stage| {
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
    pair("sweep_sweep", "two sweeps", |stage| {
        let mut held = stage.prepare(3);
        let kept = held.split_off(2);
        stage.free(held);
        stage.keep(kept);
        stage.spawn_bare(vec![], |a| a.sweep());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn register_allocate() {
    pair("register_allocate", "one registers and ends, the other allocates", |stage| {
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
fn end_with_slots_allocate() {
    pair("end_with_slots_allocate", "one ends with a full store, the other allocates", |stage| {
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
fn end_with_slots_free() {
    pair("end_with_slots_free", "one ends with a full store, the other frees", |stage| {
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
fn register_sweep() {
    pair("register_sweep", "one registers, allocates and ends, the other sweeps", |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.allocate();
            a.unregister();
        });
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn register_register() {
    pair("register_register", "two register, and end", |stage| {
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.unregister();
        });
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.unregister();
        });
    });
}

#[test]
fn thread_cached_allocate_sweep() {
    pair("thread_cached_allocate_sweep", "a thread allocates and ends, another sweeps", |stage| {
        let held = stage.prepare(2);
        stage.free(held);
        stage.spawn_bare(vec![], |a| a.allocate_by_thread());
        stage.spawn_bare(vec![], |a| a.sweep());
    });
}

#[test]
fn thread_cached_allocate_free() {
    let what = "a thread allocates, another frees and spills; both end";
    let invariants = "1 2 3 4 5 7 8";
    let name = "thread_cached_allocate_free";
    Model { name, invariants, what, preemptions: Some(3) }.explore(|| {
        let mut stage = Stage::new(SMALL);
        let held = stage.prepare(2);
        stage.spawn_bare(held, |a| {
            a.free_by_thread();
            a.free_by_thread();
        });
        stage.spawn_bare(vec![], |a| a.allocate_by_thread());
        stage.finish();
    });
}
