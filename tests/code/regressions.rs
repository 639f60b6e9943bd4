//! The known mistakes of other tables of this kind, each by name. `docs/TABLES.md` cites them.

use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use slotarena::code::{CodePointerError, EntryPoint, Signature};
use slotarena::{CodePointerTable, Handle, HandleError};

use crate::common::on_threads;
use crate::{check_empty, entry_point, signature, stored_under, tables};

/// Two segments.
const INDEX_BITS: u32 = 14;

fn fill(table: &CodePointerTable, count: u32, s: Signature) -> Vec<Handle> {
    let scope = table.write_scope();
    (0..count).map(|n| scope.allocate(entry_point(s, n), s).expect("a slot")).collect()
}

fn free(table: &CodePointerTable, handles: Vec<Handle>) {
    let scope = table.write_scope();
    handles.into_iter().for_each(|handle| scope.free(handle).expect("mine"));
}

/// A pop reads a link in a segment that a sweep unmaps at that moment.
#[test]
fn use_after_unmap() {
    for table in tables(INDEX_BITS) {
        on_threads(4, |thread| {
            for cycle in 0..40 {
                let handles = fill(&table, 3000, signature(thread as u32));
                free(&table, handles);
                if cycle % 4 == thread {
                    table.sweep(0);
                }
            }
        });
        check_empty(&table);
    }
}

/// A slot's link or entry is published by a relaxed store, so that a pop misses it.
///
/// The models check that the orderings are enough.
#[test]
fn relaxed_publish() {
    for table in tables(INDEX_BITS) {
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for raw in 1..200 {
                        for s in [signature(0), signature(1)] {
                            if let Some(got) = table.entry_point(raw, s) {
                                assert_eq!(stored_under(got), s.number());
                            }
                        }
                    }
                }
            });
            on_threads(2, |thread| {
                for _ in 0..2000 {
                    free(&table, fill(&table, 100, signature(thread as u32)));
                }
            });
            done.store(true, Ordering::Relaxed);
        });
        check_empty(&table);
    }
}

/// A marker for "a thread is popping" is taken for an empty list, and a needless segment is mapped.
///
/// Here no head has a marker. One case remains: a thread that takes a chain holds all of it for a
/// moment. A thread that finds all stripes empty at that moment commits a segment. The next sweep
/// releases it.
#[test]
fn marker_taken_for_empty() {
    for table in tables(INDEX_BITS + 2) {
        let kept = fill(&table, 1, signature(0));
        on_threads(4, |thread| {
            for _ in 0..500 {
                free(&table, fill(&table, 50, signature(thread as u32)));
            }
        });
        println!("{} segments before the sweep", table.stats().segments_committed);
        table.sweep(0);
        assert_eq!(table.stats().segments_committed, 1);
        free(&table, kept);
        check_empty(&table);
    }
}

/// A sweep hides the free slots while it runs, so that a concurrent allocation maps more memory.
#[test]
fn a_sweep_that_makes_the_table_grow() {
    for table in tables(16) {
        let all = fill(&table, 4 * 8192 - 1, signature(0));
        let (kept, freed): (Vec<_>, Vec<_>) = all.into_iter().partition(|h| h.to_raw() % 2 == 0);
        free(&table, freed);
        assert_eq!(table.stats().segments_committed, 4);
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                // Bounded, since an emulated processor takes long to find the slots again.
                let mut sweeps = 0;
                while sweeps < 1000 && !done.load(Ordering::Relaxed) {
                    table.sweep(0);
                    sweeps += 1;
                }
            });
            for _ in 0..300 {
                free(&table, fill(&table, 1000, signature(1)));
            }
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(table.stats().segments_committed, 4);
        free(&table, kept);
        check_empty(&table);
    }
}

/// Handle -1 reads outside the table, since handles are used as indices without a mask.
#[test]
fn handle_minus_one() {
    for table in tables(INDEX_BITS) {
        let held = fill(&table, 10, signature(0));
        for raw in [u32::MAX, u32::MAX - 1, 1 << 31, 0] {
            assert_eq!(table.entry_point(raw, signature(0)), None);
            assert_eq!(table.get_raw(raw), None);
            assert!(table.entry_layout().offset(raw) + 8 <= table.reserved_bytes());
        }
        let scope = table.write_scope();
        assert!(scope.free(Handle::from_raw(u32::MAX).expect("not null")).is_err());
        drop(scope);
        free(&table, held);
    }
}

/// The sandbox swaps the handles of two functions, and code is called with the wrong number of
/// arguments. Here the signature is a part of the entry.
#[test]
fn signature_swap() {
    for table in tables(INDEX_BITS) {
        let (one, two) = (signature(1), signature(2));
        let (f, g) = (fill(&table, 1, one)[0], fill(&table, 1, two)[0]);
        let mut sandbox = [f.to_raw(), g.to_raw()];
        sandbox.swap(0, 1);
        assert_eq!(table.entry_point(sandbox[0], one), None);
        assert_eq!(table.entry_point(sandbox[1], two), None);
        // Nor can an entry be made to change its signature while call sites know it.
        let scope = table.write_scope();
        let set = scope.set(f, entry_point(two, 1), two);
        let changed = CodePointerError::SignatureChanged { stored: Some(one), given: two };
        assert_eq!(set, Err(changed));
        drop(scope);
        free(&table, vec![f, g]);
    }
}

/// A handle is read from the sandbox twice, and differs the second time. Here one read returns the
/// entry point and checks its signature, whatever the handle.
#[test]
fn double_fetch() {
    for table in tables(INDEX_BITS) {
        let held: Vec<Handle> = (0..50).flat_map(|n| fill(&table, 1, signature(n % 2))).collect();
        let sandbox = std::sync::atomic::AtomicU32::new(0);
        let done = AtomicBool::new(false);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut random = Rng::with_seed(1);
                while !done.load(Ordering::Relaxed) {
                    sandbox.store(random.usize(..60) as u32, Ordering::Relaxed);
                }
            });
            for _ in 0..200_000 {
                // The call site's own signature, and one load of the handle.
                if let Some(got) = table.entry_point(sandbox.load(Ordering::Relaxed), signature(1))
                {
                    assert_eq!(stored_under(got), 1);
                }
            }
            done.store(true, Ordering::Relaxed);
        });
        free(&table, held);
    }
}

/// A link is read from an overwritten entry. Here an entry in use is never in a chain, a second
/// free is refused, and a slot's word encodes its state.
#[test]
fn stale_link() {
    for table in tables(INDEX_BITS) {
        let handle = fill(&table, 1, signature(0))[0];
        free(&table, vec![handle]);
        let scope = table.write_scope();
        let refused = CodePointerError::InvalidHandle(HandleError::new(handle.to_raw()));
        assert_eq!(scope.free(handle), Err(refused));
        assert_eq!(scope.set(handle, entry_point(signature(0), 1), signature(0)), Err(refused));
        drop(scope);
        let winners: usize = (0..200)
            .map(|_| {
                let handle = fill(&table, 1, signature(0))[0];
                let freed = on_threads(3, |_| table.write_scope().free(handle).is_ok());
                freed.into_iter().filter(|&won| won).count()
            })
            .sum();
        assert_eq!(winners, 200, "each is freed once");
        check_empty(&table);
    }
}

/// A thread older than the table has no access through the key and faults at its first access.
///
/// `rights.rs` has the other cases.
#[test]
fn late_thread_without_key_rights() {
    let (send, receive) = std::sync::mpsc::channel::<std::sync::Arc<CodePointerTable>>();
    let late = std::thread::spawn(move || {
        for table in receive {
            let handle = fill(&table, 1, signature(4))[0];
            assert!(table.entry_point(handle.to_raw(), signature(4)).is_some());
            free(&table, vec![handle]);
            table.handle_for_native(entry_point(signature(1), 1)).expect("a slot");
        }
    });
    for table in tables(INDEX_BITS) {
        let table = std::sync::Arc::new(table);
        send.send(table.clone()).expect("the thread waits");
    }
    drop(send);
    late.join().expect("no fault");
}

/// Addresses are scarce, and making a table ends the process. Here the table is smaller, or the
/// call returns an error.
#[test]
#[cfg(all(target_os = "linux", not(any(miri, slotarena_heap))))]
fn address_space_limits() {
    use slotarena::Protection;

    crate::alone::alone("regressions::address_space_limits", || {
        // Asked before the limit is set.
        let _ = Protection::strongest();
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: writes to `limit`.
        assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) }, 0);
        limit.rlim_cur = 1 << 30;
        // SAFETY: reads `limit`.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
            let builder = CodePointerTable::builder().protection(protection);
            let exact = builder.index_bits(32).build().expect_err("more than 1 GiB");
            assert!(exact.to_string().contains(&(8u64 << 32).to_string()), "{exact}");
            let table = builder.index_bits_at_most(32).build().expect("a smaller one");
            assert!(
                table.entry_layout().mask < u32::MAX && (table.capacity() + 1).is_power_of_two()
            );
            let handles = fill(&table, 20_000, signature(3));
            for raw in handles.iter().map(|handle| handle.to_raw()) {
                assert!(table.entry_point(raw, signature(3)).is_some());
            }
            free(&table, handles);
            check_empty(&table);
        }
    });
}

/// Hashes of signatures may be equal. Numbers that the engine assigns are not. Each entry answers
/// to its own signature alone.
#[test]
fn signature_collision() {
    for table in tables(INDEX_BITS) {
        let scope = table.write_scope();
        let numbers = (0..Signature::LIMIT).step_by(997);
        let entries: Vec<(u32, Handle)> = numbers
            .map(|n| {
                (n, scope.allocate(entry_point(signature(n), 1), signature(n)).expect("a slot"))
            })
            .collect();
        for &(own, handle) in &entries {
            let answers = entries.iter().filter(|&&(other, _)| {
                table.entry_point(handle.to_raw(), signature(other)).is_some()
            });
            assert!(answers.map(|&(other, _)| other).eq([own]));
        }
    }
}

/// The address of a native function exceeds the range of an entry.
#[test]
fn an_address_that_does_not_fit() {
    for table in tables(INDEX_BITS) {
        let far = EntryPoint::new(std::ptr::without_provenance(usize::MAX)).expect("not null");
        assert!(table.handle_for_native(far).is_err());
        check_empty(&table);
    }
}
