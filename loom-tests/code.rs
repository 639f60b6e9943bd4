//! Entries of code pointers: no race of operations tears one.
//!
//! The table is protected as far as a model allows: each access at a write address is checked
//! against the thread's open scopes (Invariant 13).

use slotarena::code::{CodePointerError, EntryPoint, Signature};
use slotarena::{CodePointerTable, Handle, Protection};

use crate::harness::checker::cell::UnsafeCell;
use crate::harness::checker::sync::Arc;
use crate::harness::checker::thread::{JoinHandle, spawn};
use crate::harness::outcome;
use crate::harness::stage::model;

/// Makes a table of three slots in two segments.
fn table() -> Arc<CodePointerTable> {
    let builder = CodePointerTable::builder().index_bits(2).stripes(1).magazine_size(1);
    let builder = builder.segment_shift(1).protection(Protection::DualMapping);
    Arc::new(builder.build().expect("a small table"))
}

fn signature(number: u32) -> Signature {
    Signature::new(number).expect("a small number")
}

/// Makes an entry point whose address encodes its signature and its version.
fn entry_point(number: u32, version: usize) -> EntryPoint {
    let address = (number as usize + 1) << 12 | version << 4;
    EntryPoint::new(core::ptr::without_provenance(address)).expect("not null")
}

/// Allocates a slot for an entry.
fn allocate(table: &CodePointerTable, number: u32, version: usize) -> Handle {
    let scope = table.write_scope();
    scope.allocate(entry_point(number, version), signature(number)).expect("a free slot")
}

/// Reads an entry under a signature, checks that it was stored under it, and returns its version.
fn read(table: &CodePointerTable, handle: Handle, number: u32) -> Option<usize> {
    let found = table.entry_point(handle.to_raw(), signature(number))?.address();
    assert_eq!(found >> 12, number as usize + 1, "Invariant 7: an entry is never torn");
    Some(found >> 4 & 0xff)
}

/// Spawns an actor, which returns the result of its part and the values it saw.
fn act<R: Send + std::fmt::Debug + 'static>(
    table: &Arc<CodePointerTable>,
    part: impl FnOnce(&CodePointerTable) -> R + Send + 'static,
) -> JoinHandle<(R, String)> {
    let table = table.clone();
    spawn(move || {
        let result = part(&table);
        drop(table);
        let seen = format!("{result:?} {}", outcome::history());
        (result, seen)
    })
}

fn join<R>(actor: JoinHandle<(R, String)>) -> R {
    let (result, seen) = actor.join().expect("an actor");
    outcome::note(seen);
    result
}

/// Checks that the table is sound, and counts its live and uninitialized slots.
fn finish(table: Arc<CodePointerTable>, live: u64, uninitialized: u64) {
    let audit = table.audit().expect("Invariants 1, 2, 4 and 5");
    assert_eq!((audit.live, audit.uninitialized), (live, uninitialized), "Invariant 4");
    outcome::note(format_args!("{:?}", table.stats()));
    drop(table);
    outcome::note(outcome::history());
}

/// A cell that is written before an entry is published.
struct Payload(UnsafeCell<u32>);

// SAFETY: the table orders all accesses, which the model checks.
unsafe impl Sync for Payload {}
// SAFETY: the table orders all accesses, which the model checks.
unsafe impl Send for Payload {}

#[test]
fn code_publish_get() {
    let what = "one reserves a slot, writes and publishes; another looks, and reads";
    model("code_publish_get", "7 13", what).long().explore(|| {
        let table = table();
        let payload = Arc::new(Payload(UnsafeCell::new(0)));
        let written = payload.clone();
        let writer = act(&table, move |table| {
            let scope = table.write_scope();
            let handle = scope.allocate_uninitialized().expect("a slot");
            assert_eq!(table.get_raw(handle.to_raw()), None, "no entry yet");
            // SAFETY: no other thread accesses the cell, which loom checks.
            written.0.with_mut(|cell| unsafe { *cell = 1 });
            scope.publish(handle, entry_point(1, 1), signature(1)).expect("it has no entry");
        });
        let reader = act(&table, move |table| {
            let first = Handle::from_raw(1).expect("not null");
            let found = read(table, first, 1);
            if found.is_some() {
                // SAFETY: the writer has ended its write, which loom checks.
                assert_eq!(payload.0.with(|cell| unsafe { *cell }), 1, "Invariant 7");
            }
            found
        });
        join(writer);
        join(reader);
        finish(table, 1, 0);
    });
}

#[test]
fn code_reuse_get() {
    let what = "one frees a slot and uses it again under another signature; another looks twice";
    model("code_reuse_get", "3 7 13", what).bound(3).long().explore(|| {
        let table = table();
        let handle = allocate(&table, 1, 1);
        let writer = act(&table, move |table| {
            table.write_scope().free(handle).expect("live");
            assert_eq!(allocate(table, 2, 2), handle, "its local store has no other slot");
        });
        let reader = act(&table, move |table| {
            let found = (read(table, handle, 2), read(table, handle, 1));
            assert!(found.0.is_none() || found.1.is_none(), "Invariant 7: the new one stays");
            found
        });
        join(writer);
        join(reader);
        assert_eq!((read(&table, handle, 1), read(&table, handle, 2)), (None, Some(2)));
        finish(table, 1, 0);
    });
}

#[test]
fn code_set_reuse() {
    let what = "one sets under a signature; another frees and uses again under a second one";
    model("code_set_reuse", "3 7 13", what).bound(3).long().explore(|| {
        let table = table();
        let handle = allocate(&table, 1, 1);
        let setter = act(&table, move |table| {
            table.write_scope().set(handle, entry_point(1, 2), signature(1))
        });
        let user = act(&table, move |table| {
            table.write_scope().free(handle).expect("live");
            assert_eq!(allocate(table, 2, 3), handle, "its local store has no other slot");
        });
        let set = join(setter);
        join(user);
        let changed =
            CodePointerError::SignatureChanged { stored: Some(signature(2)), given: signature(1) };
        let gone = |error| {
            matches!(error, CodePointerError::InvalidHandle(it) if it.raw() == handle.to_raw())
        };
        assert!(
            set == Ok(entry_point(1, 1)) || set == Err(changed) || set.is_err_and(gone),
            "{set:?}"
        );
        assert_eq!((read(&table, handle, 1), read(&table, handle, 2)), (None, Some(3)));
        finish(table, 1, 0);
    });
}

#[test]
fn code_set_set_get() {
    let what = "two set the same entry, a third looks twice";
    model("code_set_set_get", "7 13", what).bound(2).long().explore(|| {
        let table = table();
        let handle = allocate(&table, 1, 1);
        let setter = |version| {
            act(&table, move |table| {
                let old = table.write_scope().set(handle, entry_point(1, version), signature(1));
                old.expect("live, and of this signature").address() >> 4 & 0xff
            })
        };
        let setters = [setter(2), setter(3)];
        let reader = act(&table, move |table| [read(table, handle, 1), read(table, handle, 1)]);
        let found = join(reader);
        assert!(found.iter().all(Option::is_some), "the slot is always live");
        let mut old = setters.map(join);
        let last = read(&table, handle, 1).expect("live");
        assert_eq!(
            old.iter().sum::<usize>() + last,
            1 + 2 + 3,
            "each saw the other's entry, or the first"
        );
        old.sort_unstable();
        assert_eq!(old[0], 1);
        finish(table, 1, 0);
    });
}

#[test]
fn code_publish_publish() {
    let what = "two publish in one reserved slot";
    model("code_publish_publish", "3 7 13", what).bound(3).long().explore(|| {
        let table = table();
        let handle = table.write_scope().allocate_uninitialized().expect("a slot");
        let publisher = |number| {
            act(&table, move |table| {
                let scope = table.write_scope();
                scope.publish(handle, entry_point(number, 1), signature(number)).is_ok()
            })
        };
        let won = [publisher(1), publisher(2)].map(join);
        assert_ne!(won[0], won[1], "exactly one of them");
        assert_eq!(read(&table, handle, 1).is_some(), won[0]);
        assert_eq!(read(&table, handle, 2).is_some(), won[1]);
        finish(table, 1, 0);
    });
}

#[test]
fn code_unpublish_free() {
    let what = "one unpublishes, another frees the same";
    model("code_unpublish_free", "3 4 13", what).bound(3).long().explore(|| {
        let table = table();
        let handle = allocate(&table, 1, 1);
        let one = act(&table, move |table| table.write_scope().unpublish(handle).is_ok());
        let other = act(&table, move |table| table.write_scope().free(handle));
        join(one);
        assert_eq!(join(other), Ok(()), "live or unpublished, it is freed");
        finish(table, 0, 0);
    });
}

#[test]
fn code_native_native() {
    let what = "two ask for the handle of one native function";
    model("code_native_native", "3 4 13", what).bound(3).long().explore(|| {
        let table = table();
        let asker = || {
            act(&table, move |table| {
                let handle = table.handle_for_native(entry_point(0, 1)).expect("a slot");
                assert_eq!(table.native_entry_point(handle.to_raw()), Some(entry_point(0, 1)));
                handle
            })
        };
        let handles = [asker(), asker()].map(join);
        assert_eq!(handles[0], handles[1], "one handle for one function");
        finish(table, 1, 0);
    });
}

#[test]
fn code_reuse_get_sweep() {
    let what = "one frees and uses again under another signature, another sweeps, a third looks";
    model("code_reuse_get_sweep", "1 2 3 4 5 7 8 13", what).bound(2).long().explore(|| {
        let table = table();
        let kept = allocate(&table, 1, 1);
        let handle = allocate(&table, 1, 2);
        let user = act(&table, move |table| {
            table.write_scope().free(handle).expect("live");
            allocate(table, 2, 3)
        });
        let sweeper = act(&table, move |table| table.sweep(0).segments_released);
        let reader = act(&table, move |table| (read(table, handle, 1), read(table, handle, 2)));
        let again = join(user);
        join(sweeper);
        join(reader);
        assert_eq!(read(&table, again, 2), Some(3));
        assert_eq!(read(&table, kept, 1), Some(1));
        finish(table, 2, 0);
    });
}

#[test]
fn code_set_native_sweep() {
    let what = "one sets, another asks for a native function's handle, a third sweeps";
    model("code_set_native_sweep", "1 2 4 5 7 8 13", what).bound(2).long().explore(|| {
        let table = table();
        let handle = allocate(&table, 1, 1);
        let setter = act(&table, move |table| {
            table.write_scope().set(handle, entry_point(1, 2), signature(1)).is_ok()
        });
        let asker =
            act(&table, |table| table.handle_for_native(entry_point(0, 1)).expect("a slot"));
        let sweeper = act(&table, |table| table.sweep(0).segments_released);
        assert!(join(setter));
        let native = join(asker);
        join(sweeper);
        assert_eq!(read(&table, handle, 1), Some(2));
        assert_eq!(table.native_entry_point(native.to_raw()), Some(entry_point(0, 1)));
        finish(table, 2, 0);
    });
}
