//! What a program of WebAssembly asks of the crate: each exported `case_…` is a test, and traps
//! where it fails. `cases.mjs` runs them, each in a fresh instance, which has one thread and no
//! clock.

use slotarena::code::{CodePointerTable, EntryPoint, Signature};
use slotarena::slab::TakeError;
use slotarena::{AllocError, Handle, Pool, Slab, Table, UniqueTable};

#[cfg(target_family = "wasm")]
#[link(wasm_import_module = "cases")]
unsafe extern "C" {
    /// Shows a text to the program that has called.
    safe fn say(text: *const u8, bytes: usize);
}

#[cfg(not(target_family = "wasm"))]
fn say(_: *const u8, _: usize) {}

/// Has panics say what they are about before they trap.
#[unsafe(no_mangle)]
extern "C" fn start() {
    std::panic::set_hook(Box::new(|panic| {
        let text = panic.to_string();
        say(text.as_ptr(), text.len());
    }));
}

/// No case: shows that a failure is noticed.
#[unsafe(no_mangle)]
extern "C" fn fail() {
    assert_eq!(Handle::from_raw(0), Handle::from_raw(1), "on purpose");
}

fn table(capacity: u32) -> Table<u64> {
    Table::builder().capacity(capacity).build().expect("memory")
}

/// Allocates until the table is full.
fn fill(table: &Table<u64>) -> Vec<Handle> {
    let capacity = table.capacity();
    let handles: Vec<Handle> = (0..capacity).map_while(|n| table.allocate(n.into()).ok()).collect();
    assert_eq!(handles.len(), capacity as usize);
    assert_eq!(table.allocate(7), Err(AllocError::CapacityExhausted { capacity }));
    handles
}

#[unsafe(no_mangle)]
extern "C" fn case_a_table_of_no_given_size_is_made() {
    let table = Table::<u64>::new().expect("memory");
    let handle = table.allocate(7).expect("a slot");
    assert_eq!((table.get(handle), table.free(handle)), (Some(7), Ok(7)));
    assert_eq!(table.close(), Ok(()));
}

#[unsafe(no_mangle)]
extern "C" fn case_a_table_is_filled_and_emptied() {
    for capacity in [1, 2, 1000, 8193, 20_000] {
        let table = table(capacity);
        for _ in 0..2 {
            let handles = fill(&table);
            assert!(handles.iter().zip(0..).all(|(handle, n)| table.get(*handle) == Some(n)));
            assert_eq!(table.free_many(&handles), Ok(()));
            assert!(handles.iter().all(|handle| table.free(*handle).is_err()));
        }
        assert_eq!(table.close(), Ok(()));
    }
}

#[unsafe(no_mangle)]
extern "C" fn case_entries_of_two_words_are_whole() {
    let table = Table::<[u64; 2]>::builder().capacity(100).build().expect("memory");
    let handle = table.allocate([1, 2]).expect("a slot");
    assert_eq!(table.set(handle, [3, 4]), Ok(Some([1, 2])));
    assert_eq!((table.get(handle), table.free(handle)), (Some([3, 4]), Ok([3, 4])));
}

#[unsafe(no_mangle)]
extern "C" fn case_a_sweep_clears_whole_segments() {
    let table = table(5 * 8192 - 1);
    let handles = fill(&table);
    assert_eq!(table.stats().segments_committed, 5);
    assert_eq!(table.free_many(&handles[1..]), Ok(()));
    let report = table.sweep(0);
    assert_eq!((report.segments_committed, report.live), (1, 1));
    assert!(report.segments_released > 0 && report.pause.is_zero());
    assert_eq!(table.get(handles[0]), Some(0));
    assert!(handles[1..].iter().all(|handle| table.get(*handle).is_none()));
    assert_eq!(table.free(handles[0]), Ok(0));
    assert_eq!(fill(&table).len(), handles.len());
}

#[unsafe(no_mangle)]
extern "C" fn case_statistics_and_the_audit_agree() {
    let table = table(10_000);
    let handles: Vec<_> = (0..5000).map(|n| table.allocate(n).expect("a slot")).collect();
    assert_eq!(table.free_many(&handles[2000..]), Ok(()));
    let (stats, audit) = (table.stats(), table.audit().expect("no violation"));
    assert!(stats.exact && !stats.asymmetric_fence);
    assert_eq!((stats.live, audit.live), (2000, 2000));
    assert_eq!(stats.live + stats.free, stats.slots_committed);
}

#[unsafe(no_mangle)]
extern "C" fn case_a_leak_is_told() {
    let table = table(10);
    table.allocate(7).expect("a slot");
    assert!(table.close().is_err());
}

#[unsafe(no_mangle)]
extern "C" fn case_owners_of_slots_free_them() {
    let table = UniqueTable::<u64>::builder().capacity(10).build().expect("memory");
    let mutator = table.mutator();
    let owners: Vec<_> = (0..10).map(|n| mutator.allocate(n).expect("a slot")).collect();
    assert!(mutator.allocate(7).is_err());
    let handle = owners[3].handle();
    assert_eq!(table.get(handle), Some(3));
    drop(owners);
    assert_eq!(table.get(handle), None);
    let owner = mutator.allocate(8).expect("a slot");
    assert_eq!(mutator.free(owner), 8);
}

#[unsafe(no_mangle)]
extern "C" fn case_stale_keys_name_nothing() {
    let slab = Slab::<String>::builder().capacity(3).build().expect("memory");
    let mut stale = Vec::new();
    for round in 0..1000 {
        let keys = [0, 1, 2].map(|n| slab.insert(format!("{round} {n}")).expect("room"));
        assert!(slab.insert(String::new()).is_err());
        assert_eq!(slab.get(keys[1]).as_deref(), Some(&format!("{round} 1")));
        assert_eq!(slab.take(keys[0]), Ok(format!("{round} 0")));
        assert_eq!(slab.take(keys[0]), Err(TakeError::Absent));
        assert!(slab.remove(keys[1]) && slab.remove(keys[2]));
        stale.extend(keys);
        if round % 100 == 0 {
            slab.sweep(0);
        }
    }
    assert!(stale.iter().all(|key| !slab.contains(*key) && slab.get(*key).is_none()));
    assert!(slab.is_empty() && slab.audit().is_ok());
    assert_eq!(slab.stats().live, 0);
}

#[unsafe(no_mangle)]
extern "C" fn case_a_guard_keeps_its_value() {
    let slab = Slab::<String>::new().expect("memory");
    let key = slab.insert("kept".to_owned()).expect("room");
    let guard = slab.pin();
    let value = guard.get(key).expect("live");
    assert!(slab.remove(key) && !slab.contains(key));
    assert_eq!(value, "kept");
    drop(guard);
    slab.sweep(0);
    assert!(slab.is_empty());
}

#[unsafe(no_mangle)]
extern "C" fn case_a_pool_keeps_storage() {
    let pool = Pool::<Vec<u8>>::new().expect("memory");
    let key = pool.create_with(|bytes| bytes.resize(1000, 7)).expect("room");
    assert!(pool.clear(key) && pool.get(key).is_none());
    assert_eq!(pool.spare(), 1);
    let key = pool.create_with(|bytes| assert!(bytes.capacity() >= 1000)).expect("room");
    assert!(pool.get(key).expect("live").is_empty());
    pool.sweep(0);
}

#[unsafe(no_mangle)]
extern "C" fn case_a_code_pointer_is_found_by_its_signature() {
    let table = CodePointerTable::builder().index_bits(10).build().expect("memory");
    let (a, b) = (Signature::new(1).expect("small"), Signature::new(2).expect("small"));
    let entry = EntryPoint::new(core::ptr::without_provenance(0x1_0000)).expect("not null");
    let scope = table.write_scope();
    let handle = scope.allocate(entry, a).expect("a slot");
    assert_eq!(table.entry_point(handle.to_raw(), a), Some(entry));
    assert_eq!(table.entry_point(handle.to_raw(), b), None);
    assert_eq!(scope.free(handle), Ok(()));
    assert_eq!(table.entry_point(handle.to_raw(), a), None);
    drop(scope);
    assert_eq!((table.stats().live, table.close()), (0, Ok(())));
}
