//! Memory for the crate's own notes is refused, at each allocation in turn.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use slotarena::code::{CodePointerError, CodePointerTable, EntryPoint};
use slotarena::{AllocError, BuildError, OperationError, Slab, Table, UniqueTable};

use crate::common::{cases, check_empty};

/// An allocator that refuses one allocation of its thread.
struct Refusing;

std::thread_local! {
    /// The allocations until the refusal, or a number below 0 for none.
    static LEFT: Cell<i64> = const { Cell::new(-1) };
}

fn is_refused() -> bool {
    LEFT.with(|left| {
        let now = left.get();
        left.set(now - 1);
        now == 0
    })
}

// SAFETY: the system's allocator, or null.
unsafe impl GlobalAlloc for Refusing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the contract of this function.
        if is_refused() { std::ptr::null_mut() } else { unsafe { System.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the contract of this function.
        if is_refused() { std::ptr::null_mut() } else { unsafe { System.alloc_zeroed(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: by the contract of this function.
        unsafe { System.dealloc(block, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// Runs `work` with each of its allocations refused in turn, until all of them are granted.
/// `refused` gets what `work` returned after a refusal.
fn refuse_each<R>(work: impl Fn() -> R, refused: impl Fn(R), name: &str) {
    for n in 0.. {
        LEFT.set(n);
        let result = work();
        let was_refused = LEFT.replace(-1) < 0;
        if !was_refused {
            cases(name, n as u64);
            assert!(n > 0, "{name} allocates nothing");
            return;
        }
        // A refusal may also be made good.
        refused(result);
    }
}

#[test]
fn building_without_memory_is_an_error() {
    let check = |error: Option<BuildError>| {
        assert!(error.is_none_or(|e| e == BuildError::OutOfMemory), "{error:?}");
    };
    refuse_each(|| Table::<u64>::builder().capacity(1000).build().err(), check, "table");
    refuse_each(|| UniqueTable::<u64>::builder().capacity(1000).build().err(), check, "unique");
    refuse_each(|| Slab::<String>::builder().capacity(1000).build().err(), check, "slab");
    refuse_each(
        || CodePointerTable::builder().index_bits_at_most(16).build().err(),
        check,
        "code table",
    );
}

#[test]
fn a_threads_first_operation_without_memory_is_an_error() {
    let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
    // No thread has a record yet, and none is left over.
    let mutators: Vec<_> = (0..40).map(|_| table.mutator()).collect();
    let first = || {
        let left = LEFT.replace(-1);
        // On a thread of its own, since a record is kept.
        let one = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                LEFT.set(left);
                let first = table.allocate(1);
                (first, LEFT.replace(-1))
            });
            thread.join().expect("no panic")
        });
        LEFT.set(one.1);
        one.0
    };
    let check = |first: Result<_, AllocError>| match first {
        Ok(handle) => assert_eq!(table.free(handle), Ok(1)),
        Err(error) => assert_eq!(error, AllocError::Operation(OperationError::OutOfMemory)),
    };
    refuse_each(first, check, "first operation");
    drop(mutators);
}

#[test]
fn a_mutator_without_memory_answers_with_errors() {
    let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
    let handle = table.allocate(5).expect("a slot");
    let kept: Vec<_> = (0..40).map(|_| table.mutator()).collect();
    LEFT.set(0);
    let mutator = table.mutator();
    LEFT.set(-1);
    let refused = OperationError::OutOfMemory;
    assert_eq!(mutator.allocate(1), Err(AllocError::Operation(refused)));
    assert_eq!(mutator.free(handle).map_err(|error| error.operation()), Err(Some(refused)));
    assert_eq!(mutator.get(handle), Some(5));
    drop((mutator, kept));
    assert_eq!(table.free(handle), Ok(5));
    check_empty(&table);
}

#[test]
fn a_first_insertion_without_memory_gives_the_value_back() {
    let slab = Slab::<String>::builder().capacity(1000).build().expect("a slab");
    LEFT.set(0);
    let mutator = slab.mutator();
    LEFT.set(-1);
    let refused = mutator.insert("one".to_owned()).expect_err("no memory");
    assert_eq!(refused.error(), AllocError::Operation(OperationError::OutOfMemory));
    assert_eq!(refused.into_value(), "one");
    drop(mutator);
    assert!(slab.insert("two".to_owned()).is_ok(), "there is memory now");
}

#[test]
fn a_native_function_without_memory_is_an_error() {
    let table = CodePointerTable::builder().index_bits_at_most(16).build().expect("a table");
    let address = Cell::new(0);
    let native = || {
        // A new one each time, and often the first of its shard.
        address.set(address.get() + 16);
        let address = std::ptr::without_provenance(address.get());
        table.handle_for_native(EntryPoint::new(address).expect("not null"))
    };
    let check = |made: Result<_, CodePointerError>| {
        let refused = CodePointerError::Operation(OperationError::OutOfMemory);
        assert!(made.is_ok() || made == Err(refused), "{made:?}");
    };
    refuse_each(native, check, "native function");
    assert!(native().is_ok(), "there is memory now");
    table.close().expect("only native functions");
}
