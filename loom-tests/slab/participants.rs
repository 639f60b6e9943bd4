//! Participants of a slab that join and leave, concurrently with others.

use slotarena::Key;

use crate::harness::checker::thread::spawn;
use crate::harness::outcome;
use crate::harness::stage::model;
use crate::slab::{Mutator, SEEN, Scene};

/// Removes a value under a guard that sees it. It waits in the limbo.
fn remove_under_guard(by: &Mutator, key: Key) {
    let guard = by.pin();
    let value = guard.get(key).expect("live");
    assert!(by.remove(key));
    value.read();
}

#[test]
fn slab_leave() {
    let what = "slab: one removes a value under its own guard and goes, another flushes";
    model("slab_leave", "8 10 11", what).bound(3).long().explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&one);
        scene.spawn(two, move |m| m.flush().to_string());
        scene.spawn_leaving(Some(one), move |m| {
            remove_under_guard(m, key);
            String::new()
        });
        scene.finish(0);
    });
}

#[test]
fn slab_join() {
    let what = "slab: one becomes a participant, another flushes";
    model("slab_join", "8 10 11", what).explore(|| {
        let mut scene = Scene::new();
        let one = scene.mutator(false);
        scene.spawn(one, |m| m.flush().to_string());
        scene.spawn_leaving(None, |_| String::new());
        scene.finish(0);
    });
}

#[test]
fn slab_hand_over() {
    let what = "slab: two become participants, each inserts, looks at and removes a value, and \
                goes: one may take over what the other leaves";
    model("slab_hand_over", "3 8 10 11 12", what).bound(2).long().explore(|| {
        let mut scene = Scene::new();
        for value in [scene.value(), scene.value()] {
            scene.spawn_leaving(None, move |m| {
                let stamp = value.stamp;
                let key = m.insert(value).expect("room");
                let guard = m.pin();
                let seen = guard.get(key).expect("no other thread has the key");
                assert!(m.remove(key));
                assert_eq!(seen.read(), stamp, "Invariant 11: the value stays");
                format!("{key:?}")
            });
        }
        scene.finish(0);
    });
}

#[test]
fn slab_give_back() {
    let what = "slab: a participant with more slots than are left to the next one has gone; two \
                become participants, and each inserts and removes a value";
    model("slab_give_back", "3 8 11", what).bound(2).explore(|| {
        let mut scene = Scene::new();
        let one = scene.mutator(false);
        let keys = [scene.insert(&one), scene.insert(&one)];
        assert!(keys.into_iter().all(|key| one.remove(key)));
        drop(one);
        for value in [scene.value(), scene.value()] {
            scene.spawn_leaving(None, move |m| {
                let key = m.insert(value).expect("room");
                m.remove(key).to_string()
            });
        }
        scene.finish(0);
    });
}

#[test]
fn slab_trim_walk() {
    let what = "slab: one goes and frees a participant that has gone, another flushes";
    model("slab_trim_walk", "8 11", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two, spare) = (scene.mutator(false), scene.mutator(false), scene.mutator(false));
        drop(spare);
        scene.trim_always();
        scene.spawn(one, |m| m.flush().to_string());
        scene.spawn_leaving(Some(two), |_| String::new());
        scene.finish(0);
    });
}

#[test]
fn slab_trim_join() {
    let what = "slab: one goes and frees a participant that has gone, another becomes one";
    model("slab_trim_join", "3 8 11", what).explore(|| {
        let mut scene = Scene::new();
        let (one, spare) = (scene.mutator(false), scene.mutator(false));
        drop(spare);
        scene.trim_always();
        let value = scene.value();
        scene.spawn_leaving(Some(one), |_| String::new());
        scene.spawn_leaving(None, move |m| {
            let key = m.insert(value).expect("room");
            // So that the value waits in its limbo.
            let _guard = m.pin();
            m.remove(key).to_string()
        });
        scene.finish(0);
    });
}

#[test]
fn slab_trim_values() {
    let what = "slab: one removes a value under its own guard and goes, another goes and frees \
                what has gone: not the value";
    model("slab_trim_values", "8 10 11", what).explore(|| {
        let mut scene = Scene::new();
        let (one, two) = (scene.mutator(true), scene.mutator(false));
        let key = scene.insert(&one);
        scene.trim_always();
        scene.spawn_leaving(Some(one), move |m| {
            remove_under_guard(m, key);
            String::new()
        });
        scene.spawn_leaving(Some(two), |_| String::new());
        scene.finish(0);
    });
}

#[test]
fn slab_trim_fresh() {
    let what = "slab: one goes and looks for participants that have gone, another becomes one";
    model("slab_trim_fresh", "8 11", what).explore(|| {
        let mut scene = Scene::new();
        let one = scene.mutator(false);
        scene.trim_always();
        scene.spawn_leaving(Some(one), |_| String::new());
        scene.spawn_leaving(None, |_| String::new());
        scene.finish(0);
    });
}

#[test]
fn slab_trim_sweep() {
    let what = "slab: one sweeps and frees a participant that has gone, another flushes";
    model("slab_trim_sweep", "4 8 11", what).bound(2).long().explore(|| {
        let mut scene = Scene::new();
        let (one, spare) = (scene.mutator(false), scene.mutator(false));
        drop(spare);
        scene.trim_always();
        scene.spawn(one, |m| m.flush().to_string());
        let slab = scene.slab();
        scene.actors.push(spawn(move || {
            let report = slab.sweep(0);
            SEEN.with(|all| all.borrow_mut().push(report.swept.to_string() + &outcome::history()));
            None
        }));
        scene.finish(0);
    });
}
