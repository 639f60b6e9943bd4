//! Push and take of a chain, concurrently on one stripe.

use crate::harness::stage::{LARGER, SMALL, Shape, model};

#[test]
fn put_back_meets_newcomers() {
    let what = "one takes a chain of 3 and puts 2 back, another pushes and takes";
    model("put_back_meets_newcomers", "1 2 3 4 8", what).long().stage(LARGER, |stage| {
        let mut held = stage.prepare(6);
        let other = held.split_off(3);
        stage.free(held);
        stage.spawn(other, |a| {
            (0..3).for_each(|_| a.free());
            (0..4).for_each(|_| {
                a.try_allocate();
            });
        });
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn two_put_back() {
    let what = "two take and put back, a third pushes";
    model("two_put_back", "1 2 3 4 8", what).bound(2).long().stage(LARGER, |stage| {
        let mut held = stage.prepare(6);
        let other = held.split_off(3);
        stage.free(held);
        stage.spawn(other, |a| (0..3).for_each(|_| a.free()));
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn two_stripes() {
    let what = "stripes: 2; one allocates from the other's stripe, which pushes";
    let shape = Shape { stripes: 2, ..SMALL };
    model("two_stripes", "1 2 3 4 8", what).long().stage(shape, |stage| {
        let held = stage.prepare(3);
        stage.spawn(held, |a| (0..3).for_each(|_| a.free()));
        stage.spawn(vec![], |a| {
            a.try_allocate();
        });
    });
}

#[test]
fn magazines_of_two() {
    let what = "magazines of 2: one allocates from a chain of 3, another frees 5";
    let shape = Shape { capacity: 8, magazine_size: 2, ..SMALL };
    model("magazines_of_two", "1 2 3 4 8", what).long().stage(shape, |stage| {
        let mut held = stage.prepare(8);
        let other = held.split_off(3);
        stage.free(held);
        stage.spawn(other, |a| (0..5).for_each(|_| a.free()));
        stage.spawn(vec![], |a| a.allocate());
    });
}

#[test]
fn a_slot_comes_back() {
    let what = "one allocates; another takes the same chain and pushes its first slot again";
    model("a_slot_comes_back", "1 2 3 4 8", what).bound(2).stage(LARGER, |stage| {
        let mut chain = stage.prepare(6);
        let held = chain.split_off(3);
        stage.free(chain);
        stage.spawn(vec![], |a| a.allocate());
        stage.spawn(held, |a| {
            a.allocate();
            a.allocate();
            // The first of these two is pushed second, onto a slot held before. So the chain has
            // its old length and its old first slot again.
            a.held.swap(2, 3);
            (0..4).for_each(|_| a.free());
        });
    });
}
