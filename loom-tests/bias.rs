//! Ranges that are biased toward a participant, which frees by a sequence without a locked
//! instruction, and those that revoke the bias.

use slotarena::{Handle, Slab};

use crate::harness::checker::sync::Arc;
use crate::harness::checker::thread::spawn;
use crate::harness::outcome;
use crate::harness::stage::{Actor, Biased, Model, Payload, SMALL, Shape, Stage, model};

/// The bias of each range is revoked by itself.
const EACH: Biased = Biased { revocations: 9, interruptions: 0 };

/// The first revocation is of all.
const ALL: Biased = Biased { revocations: 0, ..EACH };

/// The first sequences are interrupted, so that the owner gives its bias up.
const INTERRUPTED: Biased = Biased { interruptions: 2, ..EACH };

/// Slots 1, 2, and 3, of which 2 and 3 are one range.
fn three(bias: Biased) -> (Stage, [(Handle, u64); 3]) {
    let mut stage = Stage::new(Shape { bias: Some(bias), ..SMALL });
    let held = stage.prepare(3);
    let mut held: Vec<_> = held.into_iter().collect();
    held.sort_by_key(|&(handle, _)| handle.to_raw());
    let held = <[_; 3]>::try_from(held).expect("three slots");
    (stage, held)
}

/// Several free one slot, of which one succeeds. `first` frees slot 3 before, so that the range is
/// biased toward it; the others come by it in whichever way.
fn race(model: Model, bias: Biased, owned: bool, others: usize) {
    model.explore(move || {
        let (mut stage, [one, slot, other]) = three(bias);
        stage.hold(vec![one]);
        let mut owner = stage.registered();
        if owned {
            owner.held = vec![other];
            owner.free();
            assert!(!owner.free_known(other.0), "Invariant 3: it is free");
        } else {
            stage.hold(vec![other]);
        }
        let freed = Arc::new(Count::new(0));
        for _ in 0..others {
            stage.spawn(vec![], freeing(&freed, slot, |_| ()));
        }
        stage.start(owner, vec![], freeing(&freed, slot, |_| ()));
        one_succeeds(stage, &freed);
    });
}

/// What an actor does that frees a slot, after `before`, and counts it if that succeeds.
fn freeing(
    freed: &Arc<Count>,
    slot: (Handle, u64),
    before: impl FnOnce(&mut Actor) + Send + 'static,
) -> impl FnOnce(&mut Actor) + Send + 'static {
    let freed = freed.clone();
    move |a| {
        before(a);
        if a.free_shared(slot) {
            freed.add();
        }
    }
}

/// Joins the actors, of which one has freed the slot.
fn one_succeeds(mut stage: Stage, freed: &Count) {
    stage.join();
    assert_eq!(freed.get(), 1, "Invariant 3: one of several frees succeeds");
    stage.finish();
}

/// Counts the frees that succeed. A lock would order the actors.
struct Count(std::sync::atomic::AtomicUsize);

impl Count {
    fn new(count: usize) -> Self {
        Self(std::sync::atomic::AtomicUsize::new(count))
    }

    fn add(&self) {
        // Relaxed: a count, read after all have been joined.
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn get(&self) -> usize {
        // Relaxed: likewise.
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn bias_free_undecided() {
    let what = "two free one slot, in a range that is undecided";
    let model = model("bias_free_undecided", "3 4 14", what).bound(3);
    race(model, EACH, false, 1);
}

#[test]
fn bias_free_owned() {
    let what = "two free one slot, in a range that is biased toward one of them";
    race(model("bias_free_owned", "3 4 14", what), EACH, true, 1);
}

#[test]
fn bias_free_owned_all() {
    let what = "two free one slot, the second revokes the bias of all ranges";
    race(model("bias_free_owned_all", "3 4 14", what).bound(3), ALL, true, 1);
}

#[test]
fn bias_free_three() {
    let what = "three free one slot, in a range that is biased toward one of them";
    race(model("bias_free_three", "3 4 14", what).bound(2).long(), EACH, true, 2);
}

#[test]
fn bias_free_three_all() {
    let what = "three free one slot, two of them revoke the bias of all ranges";
    race(model("bias_free_three_all", "3 4 14", what).bound(1).long(), ALL, true, 2);
}

#[test]
fn bias_free_three_both() {
    let what = "three free one slot, one revokes the bias of the range, another that of all";
    let model = model("bias_free_three_both", "3 4 14", what).bound(2).long();
    race(model, Biased { revocations: 1, ..EACH }, true, 2);
}

#[test]
fn bias_free_interrupted() {
    let what = "two free one slot, and the sequences of one are interrupted again and again";
    race(model("bias_free_interrupted", "3 4 14", what).bound(3), INTERRUPTED, false, 1);
}

/// One frees a slot that another sets: set first, or refused.
fn free_and_set(name: &'static str, what: &'static str, owner_sets: bool) {
    model(name, "3 4 7 14", what).explore(move || {
        let (mut stage, [one, slot, other]) = three(EACH);
        stage.hold(vec![one]);
        let owner = stage.freed(vec![other]);
        let (handle, old) = slot;
        let set = move |a: &mut Actor| {
            let result = a.set_known(handle, 7);
            assert!(result.is_err() || result == Ok(Some(old)), "{result:?}");
        };
        let free = move |a: &mut Actor| {
            let result = a.mutator().free(handle);
            let entry = a.saw(result).expect("live until this frees it");
            assert!(entry == old || entry == 7, "{entry}");
        };
        if owner_sets {
            stage.start(owner, vec![], set);
            stage.spawn(vec![], free);
        } else {
            stage.start(owner, vec![], free);
            stage.spawn(vec![], set);
        }
        stage.finish();
    });
}

#[test]
fn bias_free_set() {
    let what = "the one with the bias frees a slot that another sets";
    free_and_set("bias_free_set", what, false);
}

#[test]
fn bias_set_free() {
    let what = "the one with the bias sets a slot that another frees";
    free_and_set("bias_set_free", what, true);
}

#[test]
fn bias_set_get() {
    let what = "the one with the bias writes and sets, another gets and reads";
    model("bias_set_get", "7 14", what).explore(|| {
        let (mut stage, [one, (handle, old), other]) = three(EACH);
        stage.hold(vec![one]);
        let owner = stage.freed(vec![other]);
        let payload = Payload::new();
        let reader = payload.clone();
        stage.start(owner, vec![(handle, old)], move |a| {
            payload.write();
            a.set();
        });
        stage.spawn_bare(vec![], move |a| {
            let entry = a.table().get(handle);
            if a.saw(entry) != Some(old) {
                assert_eq!(reader.read(), 1, "Invariant 7");
            }
        });
        stage.finish();
    });
}

#[test]
fn bias_free_sweep() {
    let what = "one frees in a shared range, another sweeps and frees the same slot";
    model("bias_free_sweep", "3 4 8 14", what).bound(3).long().explore(|| {
        let (mut stage, [one, slot, other]) = three(EACH);
        let owner = stage.freed(vec![one, other]);
        let mut second = stage.registered();
        // The second range is shared from here on.
        second.set_known(slot.0, slot.1).expect("live");
        let freed = Arc::new(Count::new(0));
        stage.start(second, vec![], freeing(&freed, slot, |_| ()));
        stage.start(owner, vec![], freeing(&freed, slot, Actor::sweep));
        one_succeeds(stage, &freed);
    });
}

#[test]
fn bias_free_successor() {
    let what = "a participant ends whose place another takes, and both others free one slot";
    model("bias_free_successor", "3 4 14", what).bound(4).long().explore(|| {
        let (mut stage, [one, slot, other]) = three(EACH);
        stage.hold(vec![one]);
        let owner = stage.freed(vec![other]);
        let freed = Arc::new(Count::new(0));
        let again = |a: &mut Actor| {
            a.unregister();
            a.register();
        };
        stage.start(owner, vec![], freeing(&freed, slot, again));
        stage.spawn_bare(vec![], freeing(&freed, slot, Actor::register));
        one_succeeds(stage, &freed);
    });
}

#[test]
fn bias_inherit_allocate() {
    let what = "a participant with a free slot ends, another begins, allocates, and frees";
    model("bias_inherit_allocate", "2 3 4 14", what).explore(|| {
        let (mut stage, [one, slot, other]) = three(EACH);
        stage.hold(vec![one, slot]);
        let owner = stage.freed(vec![other]);
        stage.start(owner, vec![], Actor::unregister);
        stage.spawn_bare(vec![], |a| {
            a.register();
            a.allocate();
            a.free();
        });
        stage.finish();
    });
}

#[test]
fn bias_inherit_sweep() {
    let what = "a participant with a free slot ends, another sweeps, begins, and allocates twice";
    model("bias_inherit_sweep", "2 3 4 8 14", what).explore(|| {
        let (mut stage, [one, slot, other]) = three(EACH);
        stage.hold(vec![slot]);
        let owner = stage.freed(vec![one, other]);
        stage.start(owner, vec![], Actor::unregister);
        stage.spawn_bare(vec![], |a| {
            a.sweep();
            a.register();
            a.allocate();
            a.allocate();
        });
        stage.finish();
    });
}

#[test]
fn bias_inherit_many() {
    let what = "more participants with a free slot each end than are kept";
    model("bias_inherit_many", "4 14", what).explore(|| {
        let (mut stage, slots) = three(EACH);
        let owners = slots.map(|slot| stage.freed(vec![slot]));
        for owner in owners {
            stage.start(owner, vec![], Actor::unregister);
        }
        stage.finish();
    });
}

#[test]
fn bias_slab_remove() {
    let what = "two remove one value of a slab whose ranges are biased";
    model("bias_slab_remove", "3 4 11 14", what).bound(2).explore(|| {
        let slab = Slab::<Box<u32>>::builder().capacity(3).stripes(1).magazine_size(1);
        let slab = slab.segment_shift(1).biased(EACH.revocations, 0);
        let slab = Arc::new(slab.build().expect("a small slab"));
        let key = slab.insert(Box::new(1)).expect("a slot");
        let other = slab.clone();
        let thread = spawn(move || (other.take(key).is_ok(), outcome::history()));
        let removed = slab.remove(key);
        let (taken, seen) = thread.join().expect("a thread");
        outcome::note(format_args!("{removed} {taken} {seen}"));
        assert!(removed != taken, "Invariant 11: one of the two has it");
        assert_eq!(slab.len(), 0);
        slab.audit().expect("a whole slab");
    });
}

#[test]
fn bias_slab_plain_remove() {
    let what = "two remove one plain value of a slab whose ranges are biased";
    model("bias_slab_plain_remove", "3 4 11 14", what).bound(2).explore(|| {
        let slab = Slab::<u32>::builder().capacity(3).stripes(1).magazine_size(1);
        let slab = slab.segment_shift(1).biased(EACH.revocations, 0);
        let slab = Arc::new(slab.build().expect("a small slab"));
        let key = slab.insert(1).expect("a slot");
        let other = slab.clone();
        let thread = spawn(move || (other.remove(key), outcome::history()));
        let removed = slab.remove(key);
        let (also, seen) = thread.join().expect("a thread");
        outcome::note(format_args!("{removed} {also} {seen}"));
        assert!(removed != also, "Invariant 11: one of the two has it");
        assert_eq!(slab.len(), 0);
        slab.audit().expect("a whole slab");
    });
}
