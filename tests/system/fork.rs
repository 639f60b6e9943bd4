//! Children of `fork`, of a process at rest and of one whose threads are anywhere inside.
//!
//! A child that hangs is ended by `SIGALRM`.

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering};

use slotarena::code::CodePointerError;
use slotarena::collected::{ExternalPointerTable, Space, Tag};
use slotarena::slab::TakeError;
use slotarena::{
    CodePointerTable, CountedPool, CountedSlab, EntryPoint, Handle, Pool, Protection, Signature,
    Slab, Table, UniqueTable,
};

use crate::alone::alone;

/// How a child ends.
#[derive(Clone, Copy)]
enum End {
    /// With the destructors of the thread and of the process.
    Exit,
    Immediately,
}

/// Forks, and runs `work` in the child, which must succeed within 20 seconds.
#[track_caller]
fn in_child(end: End, work: impl FnOnce()) {
    // SAFETY: the child runs what a child of a process with threads may.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: ends a child that hangs.
        unsafe { libc::alarm(20) };
        let failed = i32::from(catch_unwind(AssertUnwindSafe(work)).is_err());
        match end {
            // SAFETY: ends the child.
            End::Exit => unsafe { libc::exit(failed) },
            // SAFETY: ends the child.
            End::Immediately => unsafe { libc::_exit(failed) },
        }
    }
    let mut status = 0;
    // SAFETY: waits for the child, and writes to `status`.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "{:?}", ExitStatus::from_raw(status));
}

/// Runs `fork` while three threads run `work` again and again.
fn beside(work: impl Fn(usize) + Sync, fork: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (done, work) = (&done, &work);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    work(thread);
                }
            });
        }
        let forked = catch_unwind(AssertUnwindSafe(fork));
        done.store(true, Ordering::Relaxed);
        forked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

const FORKS: usize = 8;

fn small_table() -> Table<u64> {
    Table::builder().capacity(30_000).build().expect("a table")
}

/// All that a child may do with a table of its parent's.
fn uses(table: &Table<u64>, live: &[Handle]) {
    assert!(live.iter().zip(0..).all(|(&handle, entry)| table.get(handle) == Some(entry)));
    let fresh: Vec<Handle> = (0..1000).map(|n| table.allocate(n).expect("a slot")).collect();
    assert!(fresh.iter().all(|handle| !live.contains(handle)));
    assert_eq!(table.free_many(&fresh), Ok(()));
    table.sweep(0);
    let stats = table.stats();
    assert!(stats.exact && stats.live >= live.len() as u64, "{stats:?}");
    table.audit().expect("a sound copy");
    // Until it is full: a stop tells.
    while table.allocate(7).is_ok() {}
    for &handle in live.iter().take(1) {
        std::thread::scope(|scope| {
            scope.spawn(|| assert_eq!(table.free(handle), Ok(0)));
        });
        assert_eq!(table.allocate(8).map(|handle| table.free(handle)), Ok(Ok(8)));
    }
    assert_eq!(table.free_many(live.get(1..).unwrap_or_default()), Ok(()));
}

#[test]
fn a_child_has_a_copy_of_a_busy_table() {
    alone("fork::a_child_has_a_copy_of_a_busy_table", || {
        let table = small_table();
        let live: Vec<Handle> = (0..100).map(|n| table.allocate(n).expect("a slot")).collect();
        let work = |thread| {
            let all: Vec<Handle> = (0..300).map_while(|n| table.allocate(n).ok()).collect();
            if thread == 0 {
                table.sweep(0);
                assert!(table.stats().live >= 100);
            }
            assert_eq!(table.free_many(&all), Ok(()));
        };
        beside(work, || {
            for _ in 0..FORKS {
                in_child(End::Exit, || ());
                in_child(End::Exit, || uses(&table, &live));
                in_child(End::Immediately, || {
                    let own = small_table();
                    let handle = own.allocate(1).expect("a slot");
                    uses(&own, &[]);
                    drop((own, handle));
                });
            }
        });
        assert_eq!(table.stats().live, 100, "the parent's table is its own");
        assert_eq!(table.free_many(&live), Ok(()));
        crate::common::check_empty(&table);
    });
}

#[test]
fn a_child_drops_its_copies() {
    alone("fork::a_child_drops_its_copies", || {
        let mut table = Some(small_table());
        let mut slab = Some(Slab::<String>::builder().capacity(1000).build().expect("a slab"));
        let entry = table.as_ref().map(|table| table.allocate(1).expect("a slot"));
        let key = slab.as_ref().map(|slab| slab.insert("one".to_owned()).expect("room"));
        in_child(End::Exit, || drop((table.take(), slab.take())));
        in_child(End::Exit, || {
            assert!(table.take().is_some_and(|table| table.close().is_err()));
        });
        let (table, slab) = (table.expect("the parent's"), slab.expect("the parent's"));
        assert_eq!(table.get(entry.expect("a handle")), Some(1));
        assert_eq!(slab.take(key.expect("a key")).as_deref(), Ok("one"));
    });
}

#[test]
fn a_child_has_a_copy_of_a_busy_unique_table() {
    alone("fork::a_child_has_a_copy_of_a_busy_unique_table", || {
        let table = UniqueTable::<u64>::builder().capacity(30_000).build().expect("a table");
        let kept = table.allocate(5).expect("a slot");
        let work = |_| {
            let all: Vec<_> = (0..300).map_while(|n| table.allocate(n).ok()).collect();
            drop(all);
        };
        beside(work, || {
            for _ in 0..FORKS {
                in_child(End::Exit, || {
                    assert_eq!(kept.get(), 5);
                    drop(table.allocate(6).expect("a slot"));
                    table.sweep(0);
                    table.audit().expect("a sound copy");
                });
            }
        });
        assert_eq!(kept.free(), 5);
    });
}

#[test]
fn a_child_has_a_copy_of_a_busy_slab_and_pool() {
    alone("fork::a_child_has_a_copy_of_a_busy_slab_and_pool", || {
        let slab = Slab::<String>::builder().capacity(30_000).build().expect("a slab");
        let pool = Pool::<String>::builder().capacity(1000).build().expect("a pool");
        let key = slab.insert("kept".to_owned()).expect("room");
        let work = |thread: usize| {
            let all: Vec<_> = (0..200).map_while(|n| slab.insert(format!("{n}")).ok()).collect();
            let guard = slab.pin();
            assert!(all.iter().all(|&key| guard.get(key).is_some()));
            drop(guard);
            assert!(all.into_iter().all(|key| slab.remove(key)));
            if thread == 0 {
                slab.sweep(0);
            }
        };
        beside(work, || {
            for _ in 0..FORKS {
                in_child(End::Exit, || ());
                in_child(End::Exit, || {
                    assert_eq!(slab.get(key).as_deref().map(String::as_str), Some("kept"));
                    let fresh = slab.insert("fresh".to_owned()).expect("room");
                    assert!(slab.remove(fresh));
                    slab.sweep(0);
                    slab.audit().expect("a sound copy");
                    let own = pool.create_with(|text| text.push('x')).expect("room");
                    assert!(pool.get(own).is_some());
                });
            }
        });
        assert_eq!(slab.take(key).as_deref(), Ok("kept"));
    });
}

#[test]
fn a_child_has_a_copy_of_busy_counted_values() {
    alone("fork::a_child_has_a_copy_of_busy_counted_values", || {
        let slab = CountedSlab::<String>::builder().capacity(30_000).build().expect("a slab");
        let pool = CountedPool::<String>::builder().capacity(1000).build().expect("a pool");
        let key = slab.insert("kept".to_owned()).expect("room");
        let owned = slab.get_owned(key).expect("live");
        // Threads of the parent have references to it, which are never dropped in a child.
        let shared = slab.insert("shared".to_owned()).expect("room");
        let work = |thread: usize| {
            let all: Vec<_> = (0..200).map_while(|n| slab.insert(format!("{n}")).ok()).collect();
            let entry = slab.get(shared).expect("live");
            assert!(all.iter().all(|&key| slab.get_owned(key).is_some()));
            assert!(all.into_iter().all(|key| slab.remove(key)));
            drop(entry);
            if thread == 0 {
                slab.sweep(0);
                let own = pool.create_with(|text| text.push('x')).expect("room");
                assert!(pool.clear(own));
            }
        };
        beside(work, || {
            for _ in 0..FORKS {
                in_child(End::Exit, || ());
                in_child(End::Exit, || {
                    assert_eq!(*owned, "kept");
                    let entry = slab.get(key).expect("live");
                    assert!(slab.remove(key) && slab.get(key).is_none());
                    assert_eq!((&**entry, &**entry.clone()), ("kept", "kept"));
                    let again = slab.insert("fresh".to_owned()).expect("room");
                    assert_eq!(slab.take(again).as_deref(), Ok("fresh"));
                    assert!(slab.remove(shared), "references of others keep it");
                    assert!(slab.get(shared).is_none());
                    slab.sweep(0);
                    slab.audit().expect("a sound copy");
                    let own = pool.create_with(|text| text.push('x')).expect("room");
                    assert_eq!(pool.get(own).as_deref().map(String::as_str), Some("x"));
                    assert!(pool.clear(own));
                    pool.shrink_to_fit();
                });
            }
        });
        assert_eq!(slab.take(key), Err(TakeError::Guarded), "`owned` keeps it");
        assert_eq!(*owned, "kept");
        assert_eq!(slab.take(shared).as_deref(), Ok("shared"));
        drop(slab);
        assert_eq!(*owned, "kept");
    });
}

#[test]
fn a_child_drops_its_copies_of_counted_values() {
    alone("fork::a_child_drops_its_copies_of_counted_values", || {
        let slab = CountedSlab::<String>::builder().capacity(1000).build().expect("a slab");
        let key = slab.insert("one".to_owned()).expect("room");
        let mut owned = slab.get_owned(key);
        let mut slab = Some(slab);
        in_child(End::Exit, || drop((slab.take(), owned.take())));
        in_child(End::Exit, || drop((owned.take(), slab.take())));
        let slab = slab.expect("the parent's");
        assert_eq!(owned.as_deref().map(String::as_str), Some("one"));
        drop(owned);
        assert_eq!(slab.take(key).as_deref(), Ok("one"));
    });
}

#[test]
fn a_child_reads_a_plain_code_pointer_table_and_writes_nothing() {
    alone("fork::a_child_reads_a_plain_code_pointer_table_and_writes_nothing", || {
        let builder = CodePointerTable::builder().protection(Protection::None);
        let table = builder.index_bits(16).build().expect("a table");
        let signature = Signature::new(1).expect("a small number");
        let entry = EntryPoint::new(std::ptr::without_provenance(0x1000)).expect("not null");
        let handle = table.write_scope().allocate(entry, signature).expect("a slot");
        let work = |_| {
            let scope = table.write_scope();
            let handle = scope.allocate(entry, signature).expect("a slot");
            scope.free(handle).expect("live");
            drop(scope);
            table.sweep(0);
        };
        beside(work, || {
            for _ in 0..FORKS {
                in_child(End::Exit, || {
                    assert_eq!(table.entry_point(handle.to_raw(), signature), Some(entry));
                    let scope = table.write_scope();
                    assert_eq!(scope.allocate(entry, signature), Err(CodePointerError::Forked));
                    assert_eq!(scope.free(handle), Err(CodePointerError::Forked));
                    assert_eq!(table.handle_for_native(entry), Err(CodePointerError::Forked));
                    drop(scope);
                    assert!(!table.sweep(0).swept && !table.stats().exact);
                    let wide = CodePointerTable::process_wide().expect("a table of the child's");
                    let handle = wide.write_scope().allocate(entry, signature).expect("a slot");
                    assert_eq!(wide.entry_point(handle.to_raw(), signature), Some(entry));
                });
            }
        });
        assert_eq!(table.entry_point(handle.to_raw(), signature), Some(entry));
    });
}

#[test]
fn a_child_of_a_thread_inside_a_stop_goes_on_with_it() {
    alone("fork::a_child_of_a_thread_inside_a_stop_goes_on_with_it", || {
        let table = small_table();
        table.allocate(5).expect("a slot");
        table.for_each_live(|handle, _| {
            in_child(End::Exit, || assert_eq!(table.get(handle), Some(5)));
        });
        in_child(End::Exit, || assert_eq!(table.stats().live, 1));
    });
}

#[test]
fn a_table_that_cannot_be_stopped_is_refused_to_the_child() {
    alone("fork::a_table_that_cannot_be_stopped_is_refused_to_the_child", || {
        let table = small_table();
        let handle = table.allocate(5).expect("a slot");
        let (stopped, done) = (AtomicBool::new(false), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                table.for_each_live(|_, _| {
                    stopped.store(true, Ordering::Relaxed);
                    while !done.load(Ordering::Relaxed) {
                        std::thread::yield_now();
                    }
                });
            });
            while !stopped.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            in_child(End::Exit, || {
                use slotarena::{AllocError, OperationError::Forked};
                assert_eq!(table.get(handle), Some(5), "reading works");
                assert_eq!(table.allocate(6), Err(AllocError::Operation(Forked)));
                assert_eq!(
                    table.free(handle).map_err(|error| error.operation()),
                    Err(Some(Forked))
                );
                assert!(!table.sweep(0).swept && !table.stats().exact && table.audit().is_err());
                let other = std::thread::spawn(|| small_table().allocate(1).is_ok());
                assert!(other.join().expect("no panic"), "other tables work");
            });
            done.store(true, Ordering::Relaxed);
        });
        assert_eq!(table.free(handle), Ok(5));
    });
}

/// Uses a collected table. A collection may be under way, for good.
fn uses_collected(table: &ExternalPointerTable, space: &Space, live: &[u32]) {
    let tag = Tag::<u64>::owned(50).expect("bound to this type alone");
    for (number, &raw) in (0..).zip(live) {
        assert_eq!(table.with(raw, tag, |value| *value), Ok(number));
    }
    if let Ok(handle) = space.allocate_owned(tag, Box::new(7)) {
        assert_eq!(table.take(handle.to_raw(), tag), Ok(7));
    }
    if let Ok(marking) = table.begin(&[space]) {
        assert_eq!(marking.mark_all(live), live.len());
        assert!(marking.sweep().and_then(|s| s.finish()).is_ok());
    }
}

#[test]
fn a_child_has_a_copy_of_a_busy_collected_table() {
    alone("fork::a_child_has_a_copy_of_a_busy_collected_table", || {
        let table = ExternalPointerTable::builder().capacity(100_000).build().expect("a table");
        let space = table.space().expect("a space");
        let tag = Tag::<u64>::owned(50).expect("bound to this type alone");
        let one = |n| space.allocate_owned(tag, Box::new(n)).expect("room").to_raw();
        let live: Vec<u32> = (0..100).map(one).collect();
        let work = |thread| {
            if thread == 0 {
                let marking = table.begin(&[&space]).expect("one collector");
                marking.mark_all(&live);
                assert!(marking.sweep().and_then(|s| s.finish()).is_ok());
            } else {
                for n in 0..300 {
                    let raw = one(n);
                    // A collection may have been quicker.
                    let _ = table.take(raw, tag);
                }
            }
        };
        beside(work, || {
            for _ in 0..FORKS {
                in_child(End::Exit, || ());
                in_child(End::Exit, || {
                    if table.get(live[0], tag).is_some() && space.allocate_unpublished().is_ok() {
                        uses_collected(&table, &space, &live);
                    }
                });
                in_child(End::Immediately, || drop((space.clone(), table.clone())));
            }
        });
        for (number, &raw) in (0..).zip(&live) {
            assert_eq!(table.take(raw, tag), Ok(number), "the parent's table is its own");
        }
    });
}
