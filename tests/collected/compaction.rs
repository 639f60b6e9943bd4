//! Entries that move, so that the topmost segments go back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use slotarena::collected::{Relocated, Space, Tag};

use super::{Counted, count, counted, pointer, table};

struct Cell;

fn cell() -> Tag<Cell> {
    Tag::new(120).expect("bound to this type alone")
}

/// Cells with the handles of so many entries.
fn cells(space: &Space, count: usize) -> Vec<AtomicU32> {
    let one = |i| AtomicU32::new(space.allocate(cell(), pointer(8 * (i + 1))).unwrap().to_raw());
    (0..count).map(one).collect()
}

fn load(cell: &AtomicU32) -> u32 {
    cell.load(Ordering::Relaxed)
}

#[test]
fn the_segments_that_are_left_are_those_that_are_needed() {
    let (table, space) = table();
    let all = cells(&space, 500_000);
    let marking = table.begin(&[&space]).expect("idle");
    let kept: Vec<(usize, &AtomicU32)> =
        all.iter().enumerate().filter(|(i, _)| i * 7_919 % 100 == 13).collect();
    kept.iter().for_each(|(_, cell)| assert!(marking.mark(load(cell))));
    marking.sweep().unwrap().finish().unwrap();
    assert_eq!(space.stats().segments_committed, 62);
    let plan = space.compaction_plan().expect("it pays");
    assert_eq!((plan.segments, plan.needed, plan.frontier), (62, 1, 8_192));
    let mut compaction = table.compact(&space).expect("idle").expect("it pays");
    for (_, cell) in &kept {
        let was_above = load(cell) >= 8_192;
        let outcome = compaction.relocate(cell).expect("not inside a call");
        assert_eq!(outcome, if was_above { Relocated::Moved } else { Relocated::Below });
        assert!(load(cell) < 8_192);
    }
    let report = compaction.finish().expect("not inside a call");
    assert_eq!((report.segments_before, report.segments_after, report.stayed), (62, 1, 0));
    for (i, cell_) in &kept {
        assert_eq!(table.get(load(cell_), cell()), Some(pointer(8 * (i + 1))));
    }
    assert_eq!(space.stats().live, 5_000);
    space.audit().expect("idle").expect("no violation");
    // They are white, whatever segment they came from.
    let marking = table.begin(&[&space]).expect("idle");
    kept.iter().for_each(|(_, cell)| assert!(marking.mark(load(cell))));
    assert_eq!(marking.sweep().unwrap().finish().unwrap().live, 5_000);
    assert!(space.compaction_plan().is_none());
    assert!(table.compact(&space).expect("idle").is_none());
}

#[test]
fn each_way_out_leaves_the_table_valid() {
    let (table, space) = table();
    let all = cells(&space, 40_000);
    // One segment's worth and a few live on: 8,191 slots below the frontier are free but for some.
    let marking = table.begin(&[&space]).expect("idle");
    assert!(marking.mark(load(&all[1])));
    let kept: Vec<&AtomicU32> = all[39_000..].iter().collect();
    kept.iter().for_each(|cell| assert!(marking.mark(load(cell))));
    marking.sweep().unwrap().finish().unwrap();
    let mut compaction = table.compact(&space).expect("idle").expect("it pays");
    let (gone, null) = (AtomicU32::new(load(&all[0])), AtomicU32::new(0));
    assert_eq!(compaction.relocate(&gone), Ok(Relocated::Below));
    assert_eq!(compaction.relocate(&null), Ok(Relocated::Below));
    let beyond = AtomicU32::new(u32::MAX);
    assert_eq!(compaction.relocate(&beyond), Ok(Relocated::Gone));
    assert_eq!((load(&null), load(&beyond)), (0, u32::MAX));
    // Freed in the meantime: it is emptied, and moves as what it is.
    table.free(load(kept[0]), cell()).expect("it lives");
    assert_eq!(table.get(load(kept[0]), cell()), None);
    assert_eq!(compaction.relocate(kept[0]), Ok(Relocated::Moved));
    // Two cells that name one entry.
    let twin = AtomicU32::new(load(kept[1]));
    assert_eq!(compaction.relocate(kept[1]), Ok(Relocated::Moved));
    assert_eq!(compaction.relocate(&twin), Ok(Relocated::Moved));
    assert_eq!(load(&twin), load(kept[1]));
    // Allocation meanwhile.
    let late = space.allocate(cell(), pointer(16)).expect("room");
    kept[2..].iter().for_each(|cell| {
        assert_eq!(compaction.relocate(cell), Ok(Relocated::Moved));
    });
    let report = compaction.finish().expect("not inside a call");
    assert_eq!((report.moved, report.stayed), (1_000, 0));
    assert_eq!(table.get(late.to_raw(), cell()), Some(pointer(16)));
    for (i, cell_) in kept.iter().enumerate().skip(1) {
        assert_eq!(table.get(load(cell_), cell()), Some(pointer(8 * (39_001 + i))));
    }
    space.audit().expect("idle").expect("no violation");
}

#[test]
fn an_entry_that_no_cell_names_stays() {
    let (table, space) = table();
    let all = cells(&space, 100_000);
    let marking = table.begin(&[&space]).expect("idle");
    [&all[5], &all[99_990], &all[99_991]].iter().for_each(|cell| assert!(marking.mark(load(cell))));
    marking.sweep().unwrap().finish().unwrap();
    let mut compaction = table.compact(&space).expect("idle").expect("it pays");
    assert_eq!(compaction.relocate(&all[99_990]), Ok(Relocated::Moved));
    drop(compaction);
    assert_eq!(table.get(load(&all[99_990]), cell()), Some(pointer(8 * 99_991)));
    assert_eq!(table.get(load(&all[99_991]), cell()), Some(pointer(8 * 99_992)));
    assert_eq!(space.stats().segments_committed, 2);
}

#[test]
fn a_moved_object_is_dropped_once() {
    let drops = Arc::new(AtomicUsize::new(0));
    let (table, young) = table();
    let old = table.space().expect("a space");
    let one = |number| {
        let object = Box::new(Counted { drops: Arc::clone(&drops), number });
        AtomicU32::new(young.allocate_owned(counted(), object).expect("room").to_raw())
    };
    let all: Vec<AtomicU32> = (0..100_000).map(one).collect();
    let marking = table.begin(&[&young]).expect("idle");
    let kept = || all.iter().enumerate().skip(99).step_by(100);
    kept().for_each(|(_, cell)| assert!(marking.mark(load(cell))));
    // By way of the old space, whose segments are flipped.
    marking.sweep_into(&old).unwrap().finish().unwrap();
    assert_eq!(count(&drops), 99_000);
    let mut compaction = table.compact(&old).expect("idle").expect("it pays");
    kept().for_each(|(_, cell)| assert!(compaction.relocate(cell).is_ok()));
    assert_eq!(compaction.finish().expect("not inside a call").segments_after, 1);
    for (i, cell) in kept() {
        assert_eq!(table.with(load(cell), counted(), |object| object.number), Ok(i as u64));
    }
    assert_eq!(count(&drops), 99_000);
    let report = table.begin(&[&old]).unwrap().sweep().unwrap().finish().unwrap();
    assert_eq!((report.dropped, count(&drops)), (1_000, 100_000));
}
