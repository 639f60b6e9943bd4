//! Models as a user writes them: tables made by `new`, and threads that become participants inside
//! the model, by their first call. Each pair of calls runs concurrently.

use slotarena::code::{CodePointerTable, EntryPoint, Signature};
use slotarena::slab::TakeError;
use slotarena::{Handle, Key, Pool, Slab, Table, UniqueTable};

use crate::harness::checker::sync::Arc;
use crate::harness::checker::thread::spawn;
use crate::harness::stage::model;

/// Makes a model of each pair: two threads, of which each makes one call after another.
macro_rules! pairs {
    ($make:path, $check:path, $invariants:literal, $bound:literal:
        $($name:ident: $one:ident, $other:ident;)*) => {$(
        #[test]
        fn $name() {
            let what = concat!("newcomers: ", stringify!($one), " beside ", stringify!($other));
            model(stringify!($name), $invariants, what).bound($bound).long().explore(|| {
                let shared = Arc::new($make());
                let (one, other) = (shared.clone(), shared.clone());
                let threads = [spawn(move || $one(&one)), spawn(move || $other(&other))];
                for thread in threads {
                    thread.join().expect("a thread");
                }
                $check(&shared);
            });
        }
    )*};
}

fn table() -> Table<u64> {
    Table::new().expect("a table")
}

fn allocate_free(table: &Table<u64>) {
    let handle = table.allocate(1).expect("a slot");
    assert_eq!(table.get(handle), Some(1));
    assert_eq!(table.free(handle), Ok(1));
}

fn allocate_set(table: &Table<u64>) {
    let handle = table.allocate(2).expect("a slot");
    assert_eq!(table.set(handle, 3), Ok(Some(2)));
    assert_eq!(table.free(handle), Ok(3));
}

fn get(table: &Table<u64>) {
    let first = Handle::from_raw(1).expect("the first slot");
    let seen = table.get(first);
    assert!(seen.is_none_or(|entry| (1..=3).contains(&entry)), "{seen:?}");
}

fn each(table: &Table<u64>) {
    table.for_each_live(|_, entry| assert!((1..=3).contains(&entry), "{entry}"));
}

fn sweep(table: &Table<u64>) {
    table.sweep(0);
}

fn check_table(table: &Table<u64>) {
    table.audit().expect("Invariants 1, 2, 4 and 5");
    assert_eq!(table.stats().live, 0);
}

pairs! { table, check_table, "1 2 3 4 5 7 8", 2:
    new_table_allocate_allocate: allocate_free, allocate_free;
    new_table_allocate_set: allocate_free, allocate_set;
    new_table_allocate_get: allocate_free, get;
    new_table_set_get: allocate_set, get;
    new_table_allocate_sweep: allocate_free, sweep;
    new_table_set_sweep: allocate_set, sweep;
    new_table_get_sweep: get, sweep;
    new_table_sweep_sweep: sweep, sweep;
    new_table_allocate_each: allocate_free, each;
}

fn unique() -> UniqueTable<u64> {
    UniqueTable::new().expect("a table")
}

fn own(table: &UniqueTable<u64>) {
    let slot = table.allocate(1).expect("a slot");
    assert_eq!(slot.free(), 1);
}

fn sweep_unique(table: &UniqueTable<u64>) {
    table.sweep(0);
}

fn check_unique(table: &UniqueTable<u64>) {
    table.audit().expect("Invariants 1, 2, 4 and 5");
}

pairs! { unique, check_unique, "1 2 3 4 5 8", 2:
    new_unique_own_own: own, own;
    new_unique_own_sweep: own, sweep_unique;
}

fn slab() -> Slab<Box<u64>> {
    Slab::new().expect("a slab")
}

fn first() -> Key {
    Key::from_raw(1).expect("the first slot's first")
}

fn insert_remove(slab: &Slab<Box<u64>>) {
    let key = slab.insert(Box::new(1)).expect("a slot");
    assert!(slab.contains(key));
    assert!(slab.remove(key));
}

fn insert_take(slab: &Slab<Box<u64>>) {
    let key = slab.insert(Box::new(1)).expect("a slot");
    match slab.take(key) {
        Ok(value) => assert_eq!(*value, 1),
        Err(error) => assert_eq!(error, TakeError::Guarded),
    }
    assert!(!slab.contains(key));
}

fn look(slab: &Slab<Box<u64>>) {
    let guard = slab.pin();
    let one = guard.get(first());
    assert!(guard.iter().all(|(_, value)| **value == 1));
    assert!(one.is_none_or(|value| **value == 1));
}

fn flush(slab: &Slab<Box<u64>>) {
    slab.flush();
}

fn sweep_slab(slab: &Slab<Box<u64>>) {
    slab.sweep(0);
}

fn check_slab(slab: &Slab<Box<u64>>) {
    assert_eq!((slab.flush(), slab.len()), (0, 0));
    slab.audit().expect("Invariants 1, 2, 4 and 5");
}

pairs! { slab, check_slab, "3 8 10 11 12", 2:
    new_slab_remove_remove: insert_remove, insert_remove;
    new_slab_remove_look: insert_remove, look;
    new_slab_take_look: insert_take, look;
    new_slab_remove_take: insert_remove, insert_take;
    new_slab_remove_flush: insert_remove, flush;
    new_slab_look_flush: look, flush;
    new_slab_look_look: look, look;
    new_slab_look_sweep: look, sweep_slab;
}

pairs! { slab, check_slab, "3 8 10 11 12", 1:
    new_slab_remove_sweep: insert_remove, sweep_slab;
}

fn pool() -> Pool<Vec<u64>> {
    Pool::new().expect("a pool")
}

fn create_clear(pool: &Pool<Vec<u64>>) {
    let fill = |value: &mut Vec<u64>| {
        assert!(value.is_empty(), "cleared");
        value.push(1);
    };
    let key = pool.create_with(fill).expect("a slot");
    assert!(pool.clear(key));
}

fn look_in_pool(pool: &Pool<Vec<u64>>) {
    let seen = pool.get(first());
    assert!(seen.is_none_or(|value| *value == [1]));
}

fn sweep_pool(pool: &Pool<Vec<u64>>) {
    pool.sweep(0);
}

fn check_pool(pool: &Pool<Vec<u64>>) {
    assert!(pool.is_empty());
}

pairs! { pool, check_pool, "3 8 10 11 12", 2:
    new_pool_create_create: create_clear, create_clear;
    new_pool_create_look: create_clear, look_in_pool;
}

pairs! { pool, check_pool, "3 8 10 11 12", 1:
    new_pool_create_sweep: create_clear, sweep_pool;
}

fn code() -> CodePointerTable {
    CodePointerTable::new().expect("a table")
}

fn signature() -> Signature {
    Signature::new(1).expect("a small number")
}

fn entry_point() -> EntryPoint {
    EntryPoint::new(std::ptr::without_provenance(0x1000)).expect("not null")
}

fn publish_free(table: &CodePointerTable) {
    let scope = table.write_scope();
    let handle = scope.allocate(entry_point(), signature()).expect("a slot");
    assert_eq!(table.entry_point(handle.to_raw(), signature()), Some(entry_point()));
    scope.free(handle).expect("live");
}

fn call(table: &CodePointerTable) {
    let seen = table.entry_point(1, signature());
    assert!(seen.is_none_or(|seen| seen == entry_point()));
}

fn native(table: &CodePointerTable) {
    let handle = table.handle_for_native(entry_point()).expect("a slot");
    assert_eq!(table.native_entry_point(handle.to_raw()), Some(entry_point()));
}

fn sweep_code(table: &CodePointerTable) {
    table.sweep(0);
}

fn check_code(table: &CodePointerTable) {
    table.audit().expect("Invariants 1, 2, 4 and 5");
}

pairs! { code, check_code, "3 4 5 7 8 13", 2:
    new_code_publish_publish: publish_free, publish_free;
    new_code_publish_call: publish_free, call;
    new_code_publish_native: publish_free, native;
    new_code_native_native: native, native;
    new_code_native_call: native, call;
    new_code_publish_sweep: publish_free, sweep_code;
    new_code_native_sweep: native, sweep_code;
}
