//! What is compared: this crate's table in two ways, other slabs, a queue of indices, and an
//! allocator of heap blocks.

use std::cell::{RefCell, RefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use slotarena::{Entry, Handle, Mutator, Table};

/// Something that keeps values under keys which it hands out itself.
pub trait Peer {
    /// What it is called in tables.
    const NAME: &'static str;
    /// What names a value.
    type Key: Copy + Send + 'static;
    /// What a thread works with.
    type Hand<'p>: Hand<Self::Key>
    where
        Self: 'p;
    /// An empty one that will have to hold `most` values at once.
    fn new(most: usize) -> Self;
    /// A hand for the calling thread.
    fn hand(&self) -> Self::Hand<'_>;
    /// Gives memory back that is not needed, where that is something one asks for.
    fn sweep(&self) {}
}

/// A thread's means to put values in and to take them out again. The functions are inlined
/// without fail, so that it is the peer's own that the compiler decides about.
pub trait Hand<K> {
    /// Puts a value in.
    fn insert(&mut self, value: u64) -> K;
    /// Takes out what [`insert`](Self::insert) has put in.
    fn remove(&mut self, key: K);
}

/// An entry for a table, of one word or of two.
pub trait Value: Entry {
    /// An entry made from a number.
    fn of(number: u64) -> Self;
}

impl Value for u64 {
    #[inline(always)]
    fn of(number: u64) -> Self {
        number
    }
}

impl Value for [u64; 2] {
    #[inline(always)]
    fn of(number: u64) -> Self {
        [number, number]
    }
}

fn table<E: Entry>() -> Table<E> {
    // Far more than is needed, as one would make it: addresses cost nothing.
    Table::builder().capacity_at_most(1 << 28).build().expect("addresses for a table")
}

/// A table, used through a mutator of the thread's own.
pub struct Explicit<E: Value = u64>(Table<E>);

impl<E: Value> Peer for Explicit<E> {
    const NAME: &'static str = "slotarena, mutator";
    type Key = Handle;
    type Hand<'p> = Mutator<'p, E>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn hand(&self) -> Mutator<'_, E> {
        self.0.mutator()
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

impl<E: Value> Hand<Handle> for Mutator<'_, E> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Handle {
        self.allocate(E::of(value)).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Handle) {
        self.free(key).expect("a live entry");
    }
}

/// A table of exactly as many slots as there can be values at once.
pub struct Exact(Table<u64>);

impl Peer for Exact {
    const NAME: &'static str = "slotarena, mutator";
    type Key = Handle;
    type Hand<'p> = Mutator<'p, u64>;

    fn new(most: usize) -> Self {
        Self(Table::builder().capacity(most as u32).build().expect("addresses for a table"))
    }
    fn hand(&self) -> Mutator<'_, u64> {
        self.0.mutator()
    }
}

/// The same, by somebody who vouches for the handles: freeing is unchecked.
pub struct Vouched(Table<u64>);

/// The hand of [`Vouched`].
pub struct VouchedHand<'p>(Mutator<'p, u64>);

impl Peer for Vouched {
    const NAME: &'static str = "slotarena, mutator, free_unchecked";
    type Key = Handle;
    type Hand<'p> = VouchedHand<'p>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn hand(&self) -> VouchedHand<'_> {
        VouchedHand(self.0.mutator())
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

impl Hand<Handle> for VouchedHand<'_> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Handle {
        self.0.allocate(value).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Handle) {
        // SAFETY: every loop here frees what it has allocated, and once.
        unsafe { self.0.free_unchecked(key) };
    }
}

/// A table, used through its own operations, which look the thread's record up.
pub struct Implicit<E: Value = u64>(Table<E>);

impl<E: Value> Peer for Implicit<E> {
    const NAME: &'static str = "slotarena, table";
    type Key = Handle;
    type Hand<'p> = &'p Table<E>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn hand(&self) -> &Table<E> {
        &self.0
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

impl<E: Value> Hand<Handle> for &Table<E> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Handle {
        self.allocate(E::of(value)).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Handle) {
        self.free(key).expect("a live entry");
    }
}

/// Heap blocks of 8 bytes from mimalloc, called as Rust programs call it. The key is the address.
#[cfg(all(unix, target_pointer_width = "64"))]
pub struct Mimalloc;

#[cfg(all(unix, target_pointer_width = "64"))]
impl Peer for Mimalloc {
    const NAME: &'static str = "mimalloc";
    type Key = usize;
    type Hand<'p> = Mimalloc;

    fn new(_most: usize) -> Self {
        Mimalloc
    }
    fn hand(&self) -> Mimalloc {
        Mimalloc
    }
}

#[cfg(all(unix, target_pointer_width = "64"))]
impl Hand<usize> for Mimalloc {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> usize {
        use std::alloc::{GlobalAlloc, Layout};
        // SAFETY: the layout is not of size zero.
        let block = unsafe { mimalloc::MiMalloc.alloc(Layout::new::<u64>()) }.cast::<u64>();
        assert!(!block.is_null(), "no memory");
        // SAFETY: a block of that layout, which nobody else knows of.
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
    type Hand<'p> = &'p sharded_slab::Slab<u64>;

    fn new(_most: usize) -> Self {
        Self(sharded_slab::Slab::new())
    }
    fn hand(&self) -> &sharded_slab::Slab<u64> {
        &self.0
    }
}

impl Hand<usize> for &sharded_slab::Slab<u64> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> usize {
        sharded_slab::Slab::insert(self, value).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: usize) {
        self.take(key).expect("a live entry");
    }
}

/// The crate slab, which one thread has to itself: what no concurrent one can beat by much.
pub struct Single(RefCell<slab::Slab<u64>>);

impl Peer for Single {
    const NAME: &'static str = "slab";
    type Key = usize;
    type Hand<'p> = RefMut<'p, slab::Slab<u64>>;

    fn new(_most: usize) -> Self {
        Self(RefCell::new(slab::Slab::new()))
    }
    fn hand(&self) -> RefMut<'_, slab::Slab<u64>> {
        self.0.borrow_mut()
    }
}

impl Hand<usize> for RefMut<'_, slab::Slab<u64>> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> usize {
        slab::Slab::insert(self, value)
    }
    #[inline(always)]
    fn remove(&mut self, key: usize) {
        slab::Slab::remove(self, key);
    }
}

/// The free indices of an array of values, in a bounded queue. First in, first out: it walks
/// through all of the array.
pub struct Queue {
    free: ArrayQueue<u32>,
    values: Box<[AtomicU64]>,
}

impl Peer for Queue {
    const NAME: &'static str = "ArrayQueue of indices";
    type Key = u32;
    type Hand<'p> = &'p Queue;

    fn new(most: usize) -> Self {
        let free = ArrayQueue::new(most);
        (0..most as u32).for_each(|index| free.push(index).expect("room for all"));
        Self { free, values: (0..most).map(|_| AtomicU64::new(0)).collect() }
    }
    fn hand(&self) -> &Queue {
        self
    }
}

impl Hand<u32> for &Queue {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> u32 {
        let index = self.free.pop().expect("a free index");
        // Relaxed: nothing is reached through it.
        self.values[index as usize].store(value, Ordering::Relaxed);
        index
    }
    #[inline(always)]
    fn remove(&mut self, key: u32) {
        self.free.push(key).expect("room for all");
    }
}
