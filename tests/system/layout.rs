//! Sizes, marker traits, and constants that users and generated code rely on. The compiler checks
//! nearly all of them.
#![cfg(not(all(loom, feature = "loom")))]

use std::error::Error;
use std::hash::Hash;

use slotarena::slab::{Guard, InsertError, Ref, TakeError, VacantEntry};
use slotarena::{
    AllocError, Audit, AuditError, BuildError, Builder, FreeManyError, Handle, HandleError, Key,
    LeakError, Mutator, Pointer, Pool, SEGMENT_BYTES, SegmentAudit, SetError, Slab, Stats,
    SweepReport, Table, slab,
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
