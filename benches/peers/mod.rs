//! The peers: this crate's tables and slabs, other slabs, a queue of indices, and mimalloc.
//!
//! | file | content |
//! |---|---|
//! | `mod.rs` | the peers of most contests |
//! | `least.rs` | lower bounds |
//! | `blocking.rs` | peers whose threads wait for one another |
//! | `readers.rs` | reads by key, and their contests |
//! | `unique.rs` | slots that only their owners free |
//! | `unbiased.rs` | this crate without a bias |
//! | `values.rs` | slabs of values, and their contests |
//! | `counted.rs` | counted references, and their contests |
//! | `large.rs` | growth, sweeps, and pauses, and their contests |
//! | `collected.rs` | collected tables, and their contests |

#![allow(dead_code, reason = "each benchmark is a program of its own and uses a part of this")]

pub mod least;
pub mod blocking;
pub mod readers;
pub mod unique;
pub mod unbiased;
pub mod values;
pub mod counted;
pub mod large;
pub mod collected;

use std::cell::{RefCell, RefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use slotarena::{Handle, Mutator, Packed, Table};

use crate::harness::{Access, Peer};

/// An entry of one word or of two.
pub trait Value: Packed {
    /// The names in tables: by a mutator, and by the table's own operations.
    const MUTATOR: &'static str;
    const TABLE: &'static str;
    /// Makes an entry from a number.
    fn of(number: u64) -> Self;
}

impl Value for u64 {
    const MUTATOR: &'static str = "slotarena, mutator";
    const TABLE: &'static str = "slotarena, table";

    #[inline(always)]
    fn of(number: u64) -> Self {
        number
    }
}

impl Value for [u64; 2] {
    const MUTATOR: &'static str = "slotarena, mutator, two-word entries";
    const TABLE: &'static str = "slotarena, table, two-word entries";

    #[inline(always)]
    fn of(number: u64) -> Self {
        [number, number]
    }
}

fn table<E: Packed>() -> Table<E> {
    // Far more than needed, as in a program: addresses cost nothing.
    Table::builder().capacity_at_most(1 << 28).build().expect("addresses for a table")
}

/// A table, by a mutator of each thread.
pub struct Explicit<E: Value = u64>(Table<E>);

impl<E: Value> Peer for Explicit<E> {
    const NAME: &'static str = E::MUTATOR;
    type Key = Handle;
    type Access<'p> = Mutator<'p, E>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn access(&self) -> Mutator<'_, E> {
        self.0.mutator()
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

impl<E: Value> Access<Handle> for Mutator<'_, E> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Handle {
        self.allocate(E::of(value)).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Handle) {
        self.free(key).expect("a live entry");
    }
}

/// A table with exactly as many slots as there are values at most.
pub struct Exact(Table<u64>);

impl Peer for Exact {
    const NAME: &'static str = u64::MUTATOR;
    type Key = Handle;
    type Access<'p> = Mutator<'p, u64>;

    fn new(most: usize) -> Self {
        Self(Table::builder().capacity(most as u32).build().expect("addresses for a table"))
    }
    fn access(&self) -> Mutator<'_, u64> {
        self.0.mutator()
    }
}

/// A table whose caller guarantees that handles are live: the free is unchecked.
pub struct Vouched(Table<u64>);

/// The access of [`Vouched`].
pub struct VouchedAccess<'p>(Mutator<'p, u64>);

impl Peer for Vouched {
    const NAME: &'static str = "slotarena, mutator, free_unchecked";
    type Key = Handle;
    type Access<'p> = VouchedAccess<'p>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn access(&self) -> VouchedAccess<'_> {
        VouchedAccess(self.0.mutator())
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

impl Access<Handle> for VouchedAccess<'_> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Handle {
        self.0.allocate(value).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Handle) {
        // SAFETY: every loop frees only what it has allocated, and frees it once.
        unsafe { self.0.free_unchecked(key) };
    }
}

/// A table, by its own operations, which look up the thread's record.
pub struct Implicit<E: Value = u64>(Table<E>);

impl<E: Value> Peer for Implicit<E> {
    const NAME: &'static str = E::TABLE;
    type Key = Handle;
    type Access<'p> = &'p Table<E>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn access(&self) -> &Table<E> {
        &self.0
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

impl<E: Value> Access<Handle> for &Table<E> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Handle {
        self.allocate(E::of(value)).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Handle) {
        self.free(key).expect("a live entry");
    }
}

/// Heap blocks of 8 bytes from mimalloc, by `GlobalAlloc` as in Rust programs. The key is the
/// address.
#[cfg(all(unix, target_pointer_width = "64"))]
pub struct Mimalloc;

#[cfg(all(unix, target_pointer_width = "64"))]
impl Peer for Mimalloc {
    const NAME: &'static str = "mimalloc";
    type Key = usize;
    type Access<'p> = Mimalloc;

    fn new(_most: usize) -> Self {
        Mimalloc
    }
    fn access(&self) -> Mimalloc {
        Mimalloc
    }
}

#[cfg(all(unix, target_pointer_width = "64"))]
impl Access<usize> for Mimalloc {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> usize {
        use std::alloc::{GlobalAlloc, Layout};
        // SAFETY: the layout is not of size zero.
        let block = unsafe { mimalloc::MiMalloc.alloc(Layout::new::<u64>()) }.cast::<u64>();
        assert!(!block.is_null(), "no memory");
        // SAFETY: a block of that layout, which no other thread has.
        unsafe { block.write(value) };
        block.expose_provenance()
    }
    #[inline(always)]
    fn remove(&mut self, key: usize) {
        use std::alloc::{GlobalAlloc, Layout};
        let block = std::ptr::with_exposed_provenance_mut(key);
        // SAFETY: allocated by `insert` with this layout, and freed once.
        unsafe { mimalloc::MiMalloc.dealloc(block, Layout::new::<u64>()) }
    }
}

/// The crate sharded-slab.
pub struct Sharded(sharded_slab::Slab<u64>);

impl Peer for Sharded {
    const NAME: &'static str = "sharded-slab";
    type Key = usize;
    type Access<'p> = &'p sharded_slab::Slab<u64>;

    fn new(_most: usize) -> Self {
        Self(sharded_slab::Slab::new())
    }
    fn access(&self) -> &sharded_slab::Slab<u64> {
        &self.0
    }
}

impl Access<usize> for &sharded_slab::Slab<u64> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> usize {
        sharded_slab::Slab::insert(self, value).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: usize) {
        self.take(key).expect("a live entry");
    }
}

/// The crate slab, for a single thread: no concurrent slab can take much less.
pub struct Single(RefCell<slab::Slab<u64>>);

impl Peer for Single {
    const NAME: &'static str = "slab";
    type Key = usize;
    type Access<'p> = RefMut<'p, slab::Slab<u64>>;

    fn new(_most: usize) -> Self {
        Self(RefCell::new(slab::Slab::new()))
    }
    fn access(&self) -> RefMut<'_, slab::Slab<u64>> {
        self.0.borrow_mut()
    }
}

impl Access<usize> for RefMut<'_, slab::Slab<u64>> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> usize {
        slab::Slab::insert(self, value)
    }
    #[inline(always)]
    fn remove(&mut self, key: usize) {
        slab::Slab::remove(self, key);
    }
}

/// An array of values, and a bounded queue of its free indices. The queue is first in, first out:
/// all of the array is used in turn.
pub struct Queue {
    free: ArrayQueue<u32>,
    values: Box<[AtomicU64]>,
}

impl Peer for Queue {
    const NAME: &'static str = "ArrayQueue of indices";
    type Key = u32;
    type Access<'p> = &'p Queue;

    fn new(most: usize) -> Self {
        let free = ArrayQueue::new(most);
        (0..most as u32).for_each(|index| free.push(index).expect("room for all"));
        Self { free, values: (0..most).map(|_| AtomicU64::new(0)).collect() }
    }
    fn access(&self) -> &Queue {
        self
    }
}

impl Access<u32> for &Queue {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> u32 {
        let index = self.free.pop().expect("a free index");
        // Relaxed: the value leads to no other memory.
        self.values[index as usize].store(value, Ordering::Relaxed);
        index
    }
    #[inline(always)]
    fn remove(&mut self, key: u32) {
        self.free.push(key).expect("room for all");
    }
}
