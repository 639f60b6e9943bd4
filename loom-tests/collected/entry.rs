//! Entries outside of a collection: published late, read-only, or owners of their objects.

use std::ptr::NonNull;

use slotarena::collected::{EntryError, ExternalPointerTable, Tag};

use super::{Object, Scene, collected, object, owned, plain};
use crate::harness::outcome;
use crate::harness::stage::Payload;

#[test]
fn collected_publish_get() {
    let what = "collected: one writes and publishes, another looks and reads";
    collected("collected_publish_get", what).explore(|| {
        let scene = Scene::new();
        let handle = scene.space().allocate_unpublished().expect("room");
        let payload = Payload::new();
        outcome::name((&raw const *payload).addr());
        let tag = Tag::<Payload>::new(2).expect("a tag");
        let of_reader = payload.clone();
        let read = move |scene: &Scene| {
            if let Some(found) = scene.table.get(handle.to_raw(), tag) {
                assert!(std::ptr::eq(found.as_ptr(), &raw const *of_reader), "Invariant 7");
                assert_eq!(of_reader.read(), 1, "Invariant 7: it is whole");
            }
        };
        let write = |scene: &Scene| {
            payload.write();
            let object = NonNull::from(&*payload);
            scene.table.publish(handle, tag, object).expect("unpublished");
            let again = scene.table.publish(handle, tag, object);
            assert!(matches!(again, Err(EntryError::AlreadyPublished { .. })));
        };
        let (scene, (), ()) = scene.play(read, write);
        assert!(scene.table.get(handle.to_raw(), tag).is_some(), "Invariant 7");
        scene.end(&[handle.to_raw()], 0);
    });
}

#[test]
fn collected_unpublish_get() {
    let what = "collected: one withdraws an entry and publishes another pointer, another looks";
    collected("collected_unpublish_get", what).explore(|| {
        let scene = Scene::new();
        let handle = scene.space().allocate_unpublished().expect("room");
        scene.table.publish(handle, plain(), object(1)).expect("unpublished");
        let look = move |scene: &Scene| [(); 2].map(|()| scene.get(handle.to_raw()));
        let change = |scene: &Scene| {
            scene.table.unpublish(handle, plain()).expect("published");
            assert_eq!(scene.get(handle.to_raw()), None, "Invariant 7");
            scene.table.publish(handle, plain(), object(2)).expect("unpublished");
        };
        let (scene, found, ()) = scene.play(look, change);
        let order = |found| [Some(1), None, Some(2)].iter().position(|&state| state == found);
        let [first, second] = found.map(|found| order(found).expect("one of its states"));
        assert!(first <= second, "Invariant 7: in this order");
        assert_eq!(scene.get(handle.to_raw()), Some(2), "Invariant 7");
        scene.end(&[handle.to_raw()], 0);
    });
}

#[test]
fn collected_read_only_collect() {
    let what = "collected: one collects beside read-only entries, another tries to change them";
    collected("collected_read_only_collect", what).bound(2).explore(|| {
        let table = ExternalPointerTable::builder().capacity(6).stripes(1).magazine_size(1);
        let table = table.segment_shift(1).read_only_segments(2).build().expect("a small table");
        let last = {
            let mut scope = table.unseal().expect("no other scope");
            [0, 1, 2].map(|o| scope.allocate(plain(), object(o)).expect("room"))[2].to_raw()
        };
        assert_eq!(last, 3, "the last slot of two segments");
        let scene = Scene::over(table, 1);
        let raw = scene.plain();
        let marking = scene.begin();
        assert!(!marking.mark(last) && marking.mark(raw), "Invariant 16");
        let sweep = move |_: &Scene| marking.sweep().expect("idle").finish().expect("idle");
        let change = |scene: &Scene| {
            let refused = Err(EntryError::ReadOnly { raw: last });
            assert_eq!(scene.free(last), refused, "read-only entries stay");
            assert_eq!(scene.zap(last), refused, "read-only entries stay");
            assert_eq!(scene.get(last), Some(2), "read-only entries stay");
            assert_eq!(scene.exchange(raw, 2), Ok(1), "the first that is not read-only");
        };
        let (scene, report, ()) = scene.play(sweep, change);
        assert_eq!((report.live, report.freed), (1, 0), "Invariant 16");
        assert_eq!(scene.get(last), Some(2), "read-only entries stay");
        scene.end(&[raw], 0);
    });
}

#[test]
fn collected_look_zap() {
    let what = "collected: one looks at an owned object, another empties its entry";
    collected("collected_look_zap", what).bound(3).explore(|| {
        let scene = Scene::new();
        let raw = scene.owned();
        let look = move |scene: &Scene| scene.look(raw);
        let (scene, _, zapped) = scene.play(look, |scene| scene.zap(raw));
        zapped.expect("live");
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        scene.end(&[], 1);
    });
}

#[test]
fn collected_look_take() {
    let what = "collected: one looks at an owned object, another takes it and writes to it";
    collected("collected_look_take", what).bound(3).explore(|| {
        let scene = Scene::new();
        let raw = scene.owned();
        let look = move |scene: &Scene| scene.look(raw);
        let take = |scene: &Scene| drop(scene.table.take(raw, owned()).expect("live"));
        let (scene, _, ()) = scene.play(look, take);
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        scene.end(&[], 0);
    });
}

#[test]
fn collected_free_zap() {
    let what = "collected: one frees an entry that owns its object, another empties it";
    collected("collected_free_zap", what).bound(3).explore(|| {
        let scene = Scene::new();
        let raw = scene.owned();
        let free = move |scene: &Scene| scene.table.free(raw, owned()).is_ok();
        let zap = |scene: &Scene| scene.table.zap(raw, owned()).is_ok();
        let (scene, freed, zapped) = scene.play(free, zap);
        assert!(freed != zapped, "Invariant 16: one of them has the object");
        assert_eq!(scene.drops(), 1, "Invariant 16: dropped once");
        assert!(scene.table.with(raw, owned(), Object::read).is_err(), "Invariant 16");
        scene.end(&[], u64::from(zapped));
    });
}
