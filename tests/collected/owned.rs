//! Objects that entries own: each is dropped once, and none while it is looked at.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::scope;

use slotarena::ExternalPointerTable;
use slotarena::collected::{EntryError, Space, Tag};

use super::{Counted, count, counted, table};

fn fill(space: &Space, drops: &Arc<AtomicUsize>, count: u64) -> Vec<u32> {
    let one = |number| {
        let object = Box::new(Counted { drops: Arc::clone(drops), number });
        space.allocate_owned(counted(), object).expect("room").to_raw()
    };
    (0..count).map(one).collect()
}

#[test]
fn each_object_is_dropped_once_whatever_its_entry_does() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, space) = table();
    let handles = fill(&space, &drops, 1_000);
    for (i, &raw) in handles.iter().enumerate() {
        match i % 5 {
            0 => table.zap(raw, counted()).expect("there"),
            1 => table.free(raw, counted()).expect("there"),
            2 => assert_eq!(table.take(raw, counted()).expect("there").number, i as u64),
            _ => continue,
        }
        assert!(table.zap(raw, counted()).is_err());
        assert!(table.take(raw, counted()).is_err());
        assert!(table.with(raw, counted(), |_| ()).is_err());
    }
    assert_eq!(count(&drops), 600);
    let marking = table.begin(&[&space]).expect("idle");
    handles.iter().skip(3).step_by(5).for_each(|&raw| assert!(marking.mark(raw)));
    let report = marking.sweep().unwrap().finish().unwrap();
    assert_eq!((report.dropped, report.live, count(&drops)), (200, 200, 800));
    for (i, &raw) in handles.iter().enumerate().skip(3).step_by(5) {
        assert_eq!(table.with(raw, counted(), |object| object.number), Ok(i as u64));
    }
    let report = space.close().expect("one name");
    assert_eq!((report.live, report.dropped, count(&drops)), (200, 200, 1_000));
}

#[test]
fn what_died_is_dropped_although_the_closure_that_sees_it_panics() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, space) = table();
    fill(&space, &drops, 100);
    let mut sweeping = table.begin(&[&space]).expect("idle").sweep().expect("idle");
    let mut seen = 0;
    let see = |_| {
        seen += 1;
        assert!(seen < 10, "enough");
    };
    let step = catch_unwind(AssertUnwindSafe(|| sweeping.step_with(usize::MAX, false, see)));
    assert!(step.is_err());
    assert_eq!((seen, count(&drops)), (10, 100));
    let report = sweeping.finish().expect("idle");
    assert_eq!((report.freed, report.dropped), (100, 100));
}

/// Counts its drops, and some of them panic.
struct Touchy(Arc<AtomicUsize>, bool);

impl Drop for Touchy {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "touchy");
    }
}

#[test]
fn what_died_is_dropped_although_another_drop_panics() {
    let drops = Arc::new(AtomicUsize::new(0));
    let table = ExternalPointerTable::builder().capacity(1 << 16).build().expect("a table");
    let space = table.space().expect("a space");
    let tag = Tag::<Touchy>::owned(7).expect("a tag");
    for number in 0..100 {
        let object = Box::new(Touchy(Arc::clone(&drops), number == 50));
        space.allocate_owned(tag, object).expect("room");
    }
    let mut sweeping = table.begin(&[&space]).expect("idle").sweep().expect("idle");
    assert!(catch_unwind(AssertUnwindSafe(|| sweeping.step(usize::MAX))).is_err());
    assert_eq!(count(&drops), 100);
    assert_eq!(sweeping.finish().expect("idle").dropped, 100);
}

#[test]
fn a_table_that_goes_drops_what_is_left() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, space) = table();
    fill(&space, &drops, 20_000);
    drop(table);
    assert_eq!(count(&drops), 0, "a space keeps its table");
    drop(space);
    assert_eq!(count(&drops), 20_000);
}

#[test]
fn an_object_moves_with_its_entry_to_the_old_space() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, young) = table();
    let old = table.space().expect("a space");
    let handles = fill(&young, &drops, 10_000);
    let marking = table.begin(&[&young]).expect("idle");
    handles.iter().step_by(10).for_each(|&raw| assert!(marking.mark(raw)));
    let report = marking.sweep_into(&old).unwrap().finish().unwrap();
    assert_eq!((report.dropped, count(&drops)), (9_000, 9_000));
    drop(young);
    assert_eq!(count(&drops), 9_000);
    assert_eq!(table.with(handles[10], counted(), |object| object.number), Ok(10));
    drop(old);
    assert_eq!(count(&drops), 10_000);
}

#[test]
fn an_object_stays_while_it_is_looked_at() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, space) = table();
    let raw = fill(&space, &drops, 1)[0];
    let (inside, freed) = (Barrier::new(2), AtomicUsize::new(0));
    scope(|scope| {
        scope.spawn(|| {
            table.with(raw, counted(), |object| {
                inside.wait();
                // The other thread takes the entry away, and waits for this closure.
                while table.get(raw, counted()).is_some() {
                    std::thread::yield_now();
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
                assert_eq!((count(&object.drops), count(&freed)), (0, 0));
            })
        });
        inside.wait();
        table.zap(raw, counted()).expect("there");
        freed.store(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(count(&drops), 1);
    });
}

#[test]
fn inside_an_object_changes_of_its_space_are_refused() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, space) = table();
    let handles = fill(&space, &drops, 2);
    table
        .with(handles[0], counted(), |_| {
            assert!(matches!(table.zap(handles[1], counted()), Err(EntryError::Handle(_))));
            assert!(matches!(table.take(handles[0], counted()), Err(EntryError::Handle(_))));
            assert!(table.begin(&[&space]).is_err());
            assert!(table.get(handles[1], counted()).is_some(), "reads work");
        })
        .expect("there");
    assert_eq!(count(&drops), 0);
    assert!(table.begin(&[&space]).is_ok(), "no collection is left under way");
}

#[test]
fn objects_of_any_size_and_alignment() {
    #[repr(align(256))]
    struct Wide([u8; 700]);
    let (table, space) = table();
    let (wide, none) = (Tag::<Wide>::owned(20).unwrap(), Tag::<()>::owned(21).unwrap());
    let one = space.allocate_owned(wide, Box::new(Wide([7; 700]))).expect("room").to_raw();
    let two = space.allocate_owned(none, Box::new(())).expect("room").to_raw();
    let seen = table.with(one, wide, |wide| (wide.0, (&raw const *wide).addr() % 256));
    assert_eq!(seen, Ok(([7; 700], 0)));
    assert_eq!(table.with(two, none, |()| 5), Ok(5));
    assert_eq!(table.take(one, wide).map(|wide| wide.0), Ok([7; 700]));
    assert_eq!(table.take(two, none), Ok(()));
}

#[test]
fn an_object_that_got_no_entry_comes_back() {
    let table = slotarena::ExternalPointerTable::builder().capacity(1).build().expect("a table");
    let space = table.space().expect("a space");
    let drops = Arc::new(AtomicUsize::new(0));
    fill(&space, &drops, 1);
    let object = Box::new(Counted { drops: Arc::clone(&drops), number: 9 });
    let rejected = space.allocate_owned(counted(), object).expect_err("it is full");
    assert!(matches!(rejected.error, EntryError::Alloc(_)));
    assert_eq!((rejected.object.number, count(&drops)), (9, 0));
}

#[test]
fn a_drop_may_use_the_table() {
    struct Chained(Option<(slotarena::ExternalPointerTable, u32)>);
    fn chained() -> Tag<Chained> {
        Tag::owned(22).expect("bound to this type alone")
    }
    impl Drop for Chained {
        fn drop(&mut self) {
            if let Some((table, raw)) = self.0.take() {
                table.zap(raw, chained()).expect("the next one lives");
            }
        }
    }
    let (table, space) = table();
    let mut next = None;
    let mut handles = Vec::new();
    for _ in 0..100 {
        let object = Box::new(Chained(next.take().map(|raw| (table.clone(), raw))));
        let raw = space.allocate_owned(chained(), object).expect("room").to_raw();
        (next, _) = (Some(raw), handles.push(raw));
    }
    // All are marked but the last, whose drop empties the one before, and so on.
    let marking = table.begin(&[&space]).expect("idle");
    handles[..99].iter().for_each(|&raw| assert!(marking.mark(raw)));
    let report = marking.sweep().unwrap().finish().unwrap();
    assert_eq!((report.dropped, report.live), (1, 99));
    assert!(handles.iter().all(|&raw| table.get(raw, chained()).is_none()));
}
