//! Each operation by itself.

use slotarena::Protection;
use slotarena::collected::{
    CollectError, DispatchEntry, DispatchTable, EntryError, ExternalPointerTable, Tag, TagError,
    TagRange,
};

use super::{pointer, table};

/// The bits that an address has beyond those of a pointer in an entry.
const WIDER: u32 = usize::BITS.saturating_sub(48);

struct One;
struct Two;

fn tags() -> (Tag<One>, Tag<Two>) {
    (Tag::new(101).expect("free"), Tag::new(102).expect("free"))
}

#[test]
fn an_entry_is_found_by_its_tag_alone() {
    let (table, space) = table();
    let (one, two) = tags();
    let handle = space.allocate(one, pointer(0x1000)).expect("room");
    assert_eq!(table.get(handle.to_raw(), one), Some(pointer(0x1000)));
    assert_eq!(table.get(handle.to_raw(), two), None);
    let both = one.to(two).expect("ascending");
    assert_eq!(table.get_in(handle.to_raw(), both), Some(pointer(0x1000)));
    assert_eq!(table.get_in(handle.to_raw(), TagRange::new(0, 100).expect("a range")), None);
    assert_eq!(table.get_in(handle.to_raw(), TagRange::ALL), Some(pointer(0x1000)));
}

#[test]
fn any_number_names_an_entry_or_nothing() {
    let (table, space) = table();
    let (one, _) = tags();
    let handle = space.allocate(one, pointer(8)).expect("room");
    let numbers = [0, 2, 8_191, 8_192, 999_999, 1_000_000, 1_000_001, u32::MAX - 1, u32::MAX];
    for raw in numbers {
        assert_ne!(raw, handle.to_raw());
        assert_eq!(table.get_in(raw, TagRange::ALL), None);
        assert!(matches!(table.zap(raw, TagRange::ALL), Err(EntryError::Handle(_))));
        assert!(matches!(table.free(raw, TagRange::ALL), Err(EntryError::Handle(_))));
        assert!(table.exchange(raw, one, pointer(8)).is_err());
    }
}

#[test]
fn exchange_keeps_the_tag_and_set_changes_it() {
    let (table, space) = table();
    let (one, two) = tags();
    let handle = space.allocate(one, pointer(0x10)).expect("room");
    let raw = handle.to_raw();
    assert_eq!(table.exchange(raw, one, pointer(0x20)), Ok(pointer(0x10)));
    let wrong = table.exchange(raw, two, pointer(0x30));
    assert_eq!(wrong, Err(EntryError::Tag { raw, found: 101 }));
    assert_eq!(table.set(raw, one, two, pointer(0x40)), Ok(()));
    assert_eq!((table.get(raw, one), table.get(raw, two)), (None, Some(pointer(0x40))));
}

#[test]
fn an_emptied_entry_is_there_until_it_dies_and_a_freed_one_is_not() {
    let (table, space) = table();
    let (one, _) = tags();
    let [zapped, freed] = [1, 2].map(|i| space.allocate(one, pointer(i)).expect("room").to_raw());
    table.zap(zapped, one).expect("there");
    table.free(freed, one).expect("there");
    assert_eq!((table.get(zapped, one), table.get(freed, one)), (None, None));
    assert!(matches!(table.zap(zapped, one), Err(EntryError::Tag { .. })));
    assert!(matches!(table.free(freed, one), Err(EntryError::Handle(_))));
    assert_eq!(space.stats().live, 1);
    let report = table.begin(&[&space]).unwrap().sweep().unwrap().finish().unwrap();
    assert_eq!((report.freed, space.stats().live), (1, 0));
}

#[test]
fn a_duplicate_is_an_entry_of_its_own() {
    let (table, space) = table();
    let (one, two) = tags();
    let other = table.space().expect("a space");
    let raw = space.allocate(one, pointer(0x50)).expect("room").to_raw();
    let copy = table.duplicate(raw, one, &other).expect("room").to_raw();
    assert_ne!(raw, copy);
    assert!(table.duplicate(raw, two, &other).is_err());
    table.free(raw, one).expect("there");
    assert_eq!(table.get(copy, one), Some(pointer(0x50)));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_pointer_has_48_bits() {
    let (_, space) = table();
    let (one, _) = tags();
    let most = pointer((1 << 48) - 1);
    assert!(space.allocate(one, most).is_ok());
    let wide = space.allocate(one, pointer(1 << 48));
    assert_eq!(wide, Err(EntryError::Pointer { address: 1 << 48 }));
}

#[test]
fn a_tag_is_bound_to_one_type() {
    assert!(Tag::<One>::new(103).is_ok());
    assert!(Tag::<One>::new(103).is_ok());
    let two = Tag::<Two>::new(103);
    assert!(matches!(two, Err(TagError::Bound { number: 103, name }) if name.ends_with("One")));
    assert_eq!(Tag::<One>::new(8192), Err(TagError::Number { number: 8192, first: 0, last: 8191 }));
    assert!(Tag::<One>::owned(8175).is_ok());
    assert!(matches!(Tag::<One>::owned(8176), Err(TagError::Number { number: 16368, .. })));
    assert!(Tag::<One>::owned(u16::MAX).is_err());
    assert_eq!(TagRange::new(5, 4), None);
    assert_eq!(TagRange::new(0, 16_368), None);
}

#[test]
fn unpublished_entries_are_found_by_no_read_and_are_published_once() {
    let (table, space) = table();
    let (one, two) = tags();
    let handle = space.allocate_unpublished().expect("room");
    let raw = handle.to_raw();
    assert_eq!(table.get_in(raw, TagRange::ALL), None);
    table.publish(handle, one, pointer(0x60)).expect("not yet");
    assert_eq!(table.get(raw, one), Some(pointer(0x60)));
    let again = table.publish(handle, one, pointer(0x70));
    assert_eq!(again, Err(EntryError::AlreadyPublished { raw }));
    assert!(table.unpublish(handle, two).is_err());
    table.unpublish(handle, one).expect("published");
    assert_eq!(table.get(raw, one), None);
    table.publish(handle, two, pointer(0x80)).expect("withdrawn");
    assert_eq!(table.get(raw, two), Some(pointer(0x80)));
}

#[test]
fn a_failed_group_withdraws_all_of_its_own_and_nothing_else() {
    let (table, space) = table();
    let (one, _) = tags();
    let handles = [0; 3].map(|_| space.allocate_unpublished().expect("room"));
    table.publish(handles[0], one, pointer(8)).expect("not yet");
    let mut scope = table.publish_scope();
    scope.publish(handles[1], one, pointer(8)).expect("not yet");
    scope.publish(handles[2], one, pointer(8)).expect("not yet");
    assert!(scope.publish(handles[0], one, pointer(8)).is_err());
    drop(scope);
    let found = handles.map(|handle| table.get(handle.to_raw(), one).is_some());
    assert_eq!(found, [true, false, false]);
    let mut scope = table.publish_scope();
    scope.publish(handles[1], one, pointer(8)).expect("withdrawn");
    scope.keep();
    assert!(table.get(handles[1].to_raw(), one).is_some());
}

#[test]
fn a_dispatch_entry_changes_as_one_and_keeps_its_count_of_parameters() {
    let table = DispatchTable::builder().capacity(1_000).build().expect("a table");
    let space = table.space().expect("a space");
    let entry = DispatchEntry { code: usize::MAX, object: usize::MAX >> WIDER, parameters: 16_367 };
    let raw = space.allocate(entry).expect("room").to_raw();
    assert_eq!(table.get(raw), Some(entry));
    let next = DispatchEntry { code: 1, object: 2, ..entry };
    assert_eq!(table.set(raw, next), Ok(entry));
    let fewer = DispatchEntry { parameters: 1, ..entry };
    assert_eq!(table.set(raw, fewer), Err(EntryError::Tag { raw, found: 16_367 }));
    assert_eq!(table.get(raw), Some(next));
    let many = DispatchEntry { parameters: 16_368, ..entry };
    assert_eq!(space.allocate(many), Err(EntryError::Parameters { count: 16_368 }));
    table.free(raw).expect("there");
    assert_eq!(table.get(raw), None);
    assert_eq!(table.get(u32::MAX), None);
}

#[test]
fn read_only_entries_have_the_lowest_handles_and_no_call_changes_them() {
    let builder = ExternalPointerTable::builder().capacity(100_000).read_only_segments(1);
    let table = builder.build().expect("a table");
    let space = table.space().expect("a space");
    let (one, _) = tags();
    let mut scope = table.unseal().expect("none is open");
    let handles = [0x10, 0x20].map(|at| scope.allocate(one, pointer(at)).expect("room").to_raw());
    assert!(table.unseal().is_err());
    drop(scope);
    assert_eq!(handles, [1, 2]);
    let first = space.allocate(one, pointer(0x30)).expect("room").to_raw();
    assert_eq!(first, 8_192, "the end of the read-only part is exclusive");
    let raw = handles[0];
    assert_eq!(table.get(raw, one), Some(pointer(0x10)));
    assert_eq!(table.exchange(raw, one, pointer(8)), Err(EntryError::ReadOnly { raw }));
    assert_eq!(table.zap(raw, one), Err(EntryError::ReadOnly { raw }));
    assert_eq!(table.free(8_191, one), Err(EntryError::ReadOnly { raw: 8_191 }));
    assert!(matches!(table.free(8_193, one), Err(EntryError::Handle(_))));
    let marking = table.begin(&[&space]).expect("idle");
    assert!(!marking.mark(raw) && !marking.mark(8_191) && marking.mark(first));
    assert_eq!(marking.sweep().unwrap().finish().unwrap().live, 1);
    let mut scope = table.unseal().expect("closed");
    for raw in 3..=8_191 {
        assert_eq!(scope.allocate(one, pointer(8)).expect("room").to_raw(), raw);
    }
    assert!(scope.allocate(one, pointer(8)).is_err());
}

#[test]
fn a_protected_table_works_like_any_other() {
    for protection in Protection::ALL {
        let builder = ExternalPointerTable::builder().capacity(100_000).protection(protection);
        let Ok(table) = builder.build() else { continue };
        assert_eq!(table.protection(), protection);
        let space = table.space().expect("a space");
        let (one, _) = tags();
        let raw = space.allocate(one, pointer(0x90)).expect("room").to_raw();
        let lost = space.allocate(one, pointer(0xa0)).expect("room").to_raw();
        table.exchange(raw, one, pointer(0xb0)).expect("there");
        let marking = table.begin(&[&space]).expect("idle");
        assert!(marking.mark(raw));
        assert_eq!(marking.sweep().unwrap().finish().unwrap().freed, 1);
        assert_eq!((table.get(raw, one), table.get(lost, one)), (Some(pointer(0xb0)), None));
    }
}

#[test]
fn spaces_have_a_limit_and_their_numbers_come_back() {
    let table = ExternalPointerTable::builder().capacity(10_000).build().expect("a table");
    let mut spaces = Vec::new();
    for _ in 0..255 {
        spaces.push(table.space().expect("up to 255"));
    }
    assert!(matches!(table.space(), Err(CollectError::Spaces { limit: 255 })));
    spaces.pop();
    spaces.push(table.space().expect("one was closed"));
}
