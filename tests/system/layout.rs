//! Sizes, marker traits, and constants that users and generated code rely on. The compiler checks
//! nearly all of them.
#![cfg(not(all(loom, feature = "loom")))]

use std::error::Error;
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::Arc;

use slotarena::code::{CodePointer, CodePointerError, EntryLayout, ReadOnlyScope, WriteScope};
use slotarena::slab::{
    Drain, Guard, InsertError, Iter, Owned, PoolRef, Ref, TakeError, VacantEntry,
};
use slotarena::{
    AllocError, Audit, AuditError, BuildError, Builder, CodePointerTable, EntryPoint,
    FreeManyError, Handle, HandleError, Key, KeyError, LeakError, Mutator, OperationError, Pointer,
    Pool, Protection, SEGMENT_BYTES, SegmentAudit, SetError, Signature, Slab, Stats, SweepReport,
    Table, Unique, UniqueTable, slab, unique,
};
use static_assertions::{assert_eq_size, assert_impl_all, assert_not_impl_any, const_assert_eq};

// A handle is a number, and `Option` adds no size.
assert_eq_size!(Handle, Option<Handle>, u32);
assert_impl_all!(Handle: Copy, Ord, Hash, Send, Sync, Unpin, TryFrom<u32>, Into<u32>);

// The constants of generated code.
const_assert_eq!(SEGMENT_BYTES, 1 << 16);
const_assert_eq!(Table::<u64>::ENTRY_SIZE, 8);
const_assert_eq!(Table::<u64>::ENTRY_SHIFT, 3);
const_assert_eq!(Table::<()>::ENTRY_SIZE, 8);
const_assert_eq!(Table::<[u64; 2]>::ENTRY_SIZE, 16);
const_assert_eq!(Table::<[u64; 2]>::ENTRY_SHIFT, 4);
const_assert_eq!(Table::<u64>::LIVE_BIT, 1 << 63);

// All threads share a table. A mutator may move between threads, but one thread at a time uses it.
assert_impl_all!(Table<u64>: Send, Sync);
assert_impl_all!(Table<[u64; 2]>: Send, Sync);
assert_impl_all!(Mutator<'static, u64>: Send);
assert_not_impl_any!(Table<u64>: Clone, Copy);
assert_not_impl_any!(Mutator<'static, u64>: Clone, Copy, Sync);
assert_impl_all!(Builder<Table<u64>>: Copy, Send, Sync);

// A wrapped pointer may move to any thread, whatever its target.
assert_impl_all!(Pointer<*mut u8>: Copy, Eq, Send, Sync);
assert_eq_size!(Pointer<u8>, *mut u8);

// Errors are plain values that can be boxed, sent, and kept.
assert_impl_all!(AllocError: Error, Copy, Eq, Send, Sync);
assert_impl_all!(BuildError: Error, Copy, Eq, Send, Sync);
assert_impl_all!(FreeManyError: Error, Copy, Eq, Send, Sync);
assert_impl_all!(HandleError: Error, Copy, Eq, Send, Sync);
assert_impl_all!(LeakError: Error, Copy, Eq, Send, Sync);
assert_impl_all!(SetError: Error, Copy, Eq, Send, Sync, From<HandleError>);
assert_impl_all!(AuditError: Error, Copy, Eq, Send, Sync);

// Reports are plain values too.
assert_impl_all!(Audit: Clone, Eq, Send, Sync);
assert_impl_all!(SegmentAudit: Copy, Eq, Send, Sync);
assert_impl_all!(Stats: Copy, Eq, Send, Sync);
assert_impl_all!(SweepReport: Copy, Eq, Send, Sync);

// A key is a number, and `Option` adds no size.
assert_eq_size!(Key, Option<Key>, u64);
assert_impl_all!(Key<*mut u8>: Copy, Ord, Hash, Send, Sync, Unpin, TryFrom<u64>, Into<u64>);

// All threads share a slab. A guard and its references stay on their thread.
assert_impl_all!(Slab<String>: Send, Sync);
assert_impl_all!(Pool<String>: Send, Sync);
assert_impl_all!(Slab<u8, *mut u8>: Send, Sync);
assert_impl_all!(slab::Mutator<'static, String>: Send);
assert_not_impl_any!(slab::Mutator<'static, String>: Sync, Clone);
assert_not_impl_any!(Guard<'static, String>: Send, Sync, Clone);
assert_not_impl_any!(Ref<'static, String>: Send, Sync, Clone);
assert_impl_all!(VacantEntry<'static, String>: Send, Sync);
assert_impl_all!(InsertError<String>: Error, Send, Sync);
assert_impl_all!(TakeError: Error, Copy, Eq, Send, Sync);
assert_impl_all!(Builder<Slab<String>>: Copy, Send, Sync);
assert_impl_all!(slab::Stats: Copy, Eq, Send, Sync);

/// What threads share, each at any time, and what is whole after a panic.
macro_rules! assert_shared {
    ($($type:ty),* $(,)?) => {
        $(assert_impl_all!($type: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);)*
    };
}

assert_shared!(Table<u64>, UniqueTable<u64>, Slab<String>, Pool<String>, CodePointerTable);
assert_shared!(Unique<'static, u64>, VacantEntry<'static, String>);
assert_shared!(Owned<String, &'static Slab<String>>, Owned<String, Arc<Slab<String>>>);
assert_shared!(Handle, Key, Key<Rc<u8>>, Pointer<*mut u8>, Signature, EntryPoint, CodePointer);
assert_shared!(EntryLayout, Protection, Audit, SegmentAudit, Stats, slab::Stats, SweepReport);
assert_shared!(AllocError, BuildError, FreeManyError, HandleError, KeyError, LeakError, SetError);
assert_shared!(AuditError, OperationError, CodePointerError, TakeError, InsertError<String>);
assert_shared!(Builder<Table<u64>>, Builder<Slab<String>>, Builder<CodePointerTable>);

// One thread at a time uses a mutator; a guard and a scope stay on their thread.
assert_impl_all!(Mutator<'static, u64>: Send, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(unique::Mutator<'static, u64>: Send, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(slab::Mutator<'static, String>: Send, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Guard<'static, String>: Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Ref<'static, String>: Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(PoolRef<'static, String>: Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(WriteScope<'static>: Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(ReadOnlyScope<'static>: Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(Drain<'static, String>: Send, Sync, Unpin);
assert_not_impl_any!(unique::Mutator<'static, u64>: Sync);
assert_not_impl_any!(Iter<'static, 'static, String>: Send, Sync);
assert_not_impl_any!(PoolRef<'static, String>: Send, Sync);
assert_not_impl_any!(WriteScope<'static>: Send, Sync);
assert_not_impl_any!(ReadOnlyScope<'static>: Send, Sync);

// A drain empties the slab through an exclusive borrow. Values that a panic may leave half changed
// stay so in a slab.
assert_not_impl_any!(Drain<'static, String>: UnwindSafe);
assert_not_impl_any!(Slab<Box<dyn Fn() + Send + Sync>>: UnwindSafe, RefUnwindSafe);
assert_impl_all!(Slab<Box<dyn Fn() + Send + Sync>>: Send, Sync, Unpin);

/// Every option can be set in a constant.
const BUILDER: Builder<Table<u32>> = Table::builder().capacity(77).stripes(2).magazine_size(3);

/// `capacity_at_most` can be called in a constant too.
const AT_MOST: Builder<Table<[u64; 2]>> = Table::builder().capacity_at_most(500);

#[test]
fn a_builder_in_a_constant_sets_its_options() {
    let stats = BUILDER.build().expect("a table").stats();
    assert_eq!((stats.capacity, stats.stripes, stats.magazine_size), (77, 2, 3));
    assert_eq!(AT_MOST.build().expect("a table").capacity(), 500);
}
