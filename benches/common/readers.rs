//! What is read from.

use std::hint::black_box;

use slotarena::{Handle, Table};

use super::Random;

/// Something that holds values, filled before anybody reads.
pub trait Reader: Sync {
    /// What it is called in tables.
    const NAME: &'static str;
    /// What names a value.
    type Key: Copy + Send + Sync + 'static;
    /// One that holds the numbers below `count`, and their keys.
    fn filled(count: u64) -> (Self, Vec<Self::Key>)
    where
        Self: Sized;
    /// The value that a key names.
    fn get(&self, key: Self::Key) -> u64;
}

impl Reader for Table<u64> {
    const NAME: &'static str = "slotarena";
    type Key = Handle;

    fn filled(count: u64) -> (Self, Vec<Handle>) {
        let table = Table::builder().capacity_at_most(1 << 28).build().expect("addresses");
        let keys = (0..count).map(|value| table.allocate(value).expect("a free slot")).collect();
        (table, keys)
    }
    #[inline(always)]
    fn get(&self, key: Handle) -> u64 {
        Table::get(self, key).expect("a live entry")
    }
}

/// A table read by somebody who vouches for the handles.
pub struct Vouched(Table<u64>);

impl Reader for Vouched {
    const NAME: &'static str = "slotarena, get_unchecked";
    type Key = Handle;

    fn filled(count: u64) -> (Self, Vec<Handle>) {
        let (table, keys) = Table::filled(count);
        (Self(table), keys)
    }
    #[inline(always)]
    fn get(&self, key: Handle) -> u64 {
        // SAFETY: keys are only made by `filled`, and nothing is freed.
        unsafe { self.0.get_unchecked(key) }
    }
}

impl Reader for Table<[u64; 2]> {
    const NAME: &'static str = "slotarena, two-word entries";
    type Key = Handle;

    fn filled(count: u64) -> (Self, Vec<Handle>) {
        let table = Table::builder().capacity_at_most(1 << 28).build().expect("addresses");
        let entries = (0..count).map(|value| [value, value]);
        let keys = entries.map(|entry| table.allocate(entry).expect("a free slot")).collect();
        (table, keys)
    }
    #[inline(always)]
    fn get(&self, key: Handle) -> u64 {
        Table::get(self, key).expect("a live entry")[0]
    }
}

/// A vector, indexed without a check: an address computation and a load, and nothing else.
pub struct Unchecked(Vec<u64>);

impl Reader for Unchecked {
    const NAME: &'static str = "Vec, unchecked";
    type Key = u32;

    fn filled(count: u64) -> (Self, Vec<u32>) {
        (Self((0..count).collect()), (0..count as u32).collect())
    }
    #[inline(always)]
    fn get(&self, key: u32) -> u64 {
        // SAFETY: keys are only made by `filled`, below the length.
        unsafe { *self.0.get_unchecked(key as usize) }
    }
}

impl Reader for sharded_slab::Slab<u64> {
    const NAME: &'static str = "sharded-slab";
    type Key = usize;

    fn filled(count: u64) -> (Self, Vec<usize>) {
        let slab = sharded_slab::Slab::new();
        let keys = (0..count).map(|value| slab.insert(value).expect("a free slot")).collect();
        (slab, keys)
    }
    #[inline(always)]
    fn get(&self, key: usize) -> u64 {
        *sharded_slab::Slab::get(self, key).expect("a live entry")
    }
}

impl Reader for slab::Slab<u64> {
    const NAME: &'static str = "slab";
    type Key = usize;

    fn filled(count: u64) -> (Self, Vec<usize>) {
        let mut slab = slab::Slab::new();
        let keys = (0..count).map(|value| slab.insert(value)).collect();
        (slab, keys)
    }
    #[inline(always)]
    fn get(&self, key: usize) -> u64 {
        *slab::Slab::get(self, key).expect("a live entry")
    }
}

/// Values each of which is the key of another one, so that a read has to wait for the one before.
pub struct Trail<R> {
    /// Where the values are.
    reader: R,
    /// Where to start.
    first: u32,
}

/// The places `0..count` in a random order.
fn random_order(count: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count as usize).collect();
    Random(2).shuffle(&mut order);
    order
}

impl Trail<Table<u64>> {
    /// A trail through a table of so many entries.
    pub fn new(count: u64) -> Self {
        let (reader, handles) = Table::<u64>::filled(count);
        let order = random_order(count);
        for (at, &from) in order.iter().enumerate() {
            let to = handles[order[(at + 1) % order.len()]];
            reader.set(handles[from], u64::from(to.to_raw())).expect("a live entry");
        }
        Self { reader, first: handles[0].to_raw() }
    }

    /// Follows the trail for `count` steps.
    #[inline(never)]
    pub fn follow(&self, count: usize) {
        let step = |raw, _| self.reader.get_raw(raw).expect("a live entry") as u32;
        black_box((0..count).fold(self.first, step));
    }
}

impl Trail<Unchecked> {
    /// A trail through a vector of so many values.
    pub fn new(count: u64) -> Self {
        let (mut reader, _) = Unchecked::filled(count);
        let order = random_order(count);
        for (at, &from) in order.iter().enumerate() {
            reader.0[from] = order[(at + 1) % order.len()] as u64;
        }
        Self { reader, first: 0 }
    }

    /// Follows the trail for `count` steps.
    #[inline(never)]
    pub fn follow(&self, count: usize) {
        black_box((0..count).fold(self.first, |index, _| self.reader.get(index) as u32));
    }
}
