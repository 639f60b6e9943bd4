//! Reads by key from tables and slabs, and the contests of reads.
//!
//! In most contests reads are independent and overlap: the figures are throughput. Along a
//! [`Trail`] each value is the next key: the figures are latency.

use std::hint::black_box;
use std::sync::Arc;

use fastrand::Rng;
use slotarena::{FullReader, Handle, Table};

use super::{Peer, Sharded};
use crate::harness::Reader;
use crate::harness::contest::{Contest, Figure, on};
use crate::harness::work::{alone, reads, reads_together};

/// The values of the contests with random reads.
const VALUES: u64 = 1_000_000;

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

/// A table whose caller guarantees that handles are live: the read is unchecked.
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
        // SAFETY: only `filled` makes keys, and no slot is freed.
        unsafe { self.0.get_unchecked(key) }
    }
}

/// A table with a slot for every handle, which reads without a check of the range.
pub struct Full(FullReader<'static, u64>);

impl Reader for Full {
    const NAME: &'static str = "slotarena, full reader";
    type Key = Handle;

    fn filled(count: u64) -> (Self, Vec<Handle>) {
        let table = Table::builder().capacity(u32::MAX).build().expect("addresses");
        // There is one for each contest.
        let table: &'static Table<u64> = Box::leak(Box::new(table));
        let keys = (0..count).map(|value| table.allocate(value).expect("a free slot")).collect();
        (Self(table.full_reader().expect("a slot for every handle")), keys)
    }
    #[inline(always)]
    fn get(&self, key: Handle) -> u64 {
        self.0.get(key).expect("a live entry")
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

/// A vector, indexed without a check: an address computation and a load.
pub struct Unchecked(Vec<u64>);

impl Reader for Unchecked {
    const NAME: &'static str = "Vec, unchecked";
    type Key = u32;

    fn filled(count: u64) -> (Self, Vec<u32>) {
        (Self((0..count).collect()), (0..count as u32).collect())
    }
    #[inline(always)]
    fn get(&self, key: u32) -> u64 {
        // SAFETY: only `filled` makes keys, all below the length.
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

/// Values that are keys of one another: each read has to wait for the one before.
pub struct Trail<R> {
    /// The values.
    reader: R,
    /// The first key.
    first: u32,
}

/// Returns the indices below `count` in a random order.
fn random_order(count: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count as usize).collect();
    Rng::with_seed(2).shuffle(&mut order);
    order
}

impl Trail<Table<u64>> {
    /// Creates a trail through a table of so many entries.
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
    /// Creates a trail through a vector of so many values.
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

/// Adds each reader to a contest, and the targets.
macro_rules! enter_readers {
    ($contest:ident, $enter:ident) => {
        $enter::<Table<u64>>(&mut $contest);
        $enter::<Full>(&mut $contest);
        $enter::<Vouched>(&mut $contest);
        $enter::<Table<[u64; 2]>>(&mut $contest);
        $enter::<Unchecked>(&mut $contest);
        $enter::<sharded_slab::Slab<u64>>(&mut $contest);
        $enter::<slab::Slab<u64>>(&mut $contest);
        $contest.target(<Table<u64>>::NAME, Unchecked::NAME, 1.05);
        $contest.target(Vouched::NAME, Unchecked::NAME, 1.05);
    };
}

/// What independent reads are compared with.
const REFERENCES: [&str; 3] = [Unchecked::NAME, Sharded::NAME, "slab"];

/// Reads of random ones of a million values.
pub fn random_get(title: &'static str) -> Contest {
    fn enter<R: Reader + 'static>(contest: &mut Contest) {
        let (reader, mut keys) = R::filled(VALUES);
        Rng::with_seed(2).shuffle(&mut keys);
        contest.enter(R::NAME, 1, Figure::Spent, move |count| {
            // Warms the caches: other contestants have run since.
            reads(&reader, &keys, 0, keys.len().min(count));
            alone(|| reads(&reader, &keys, 0, count))
        });
    }
    let mut contest = Contest::new(title, &REFERENCES);
    enter_readers!(contest, enter);
    contest
}

/// Reads of a million values along a trail.
pub fn chained_get(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[Unchecked::NAME]);
    let table = Trail::<Table<u64>>::new(VALUES);
    contest.enter(<Table<u64>>::NAME, 1, Figure::Spent, move |count| {
        table.follow(count);
        alone(|| table.follow(count))
    });
    let vector = Trail::<Unchecked>::new(VALUES);
    contest.enter(Unchecked::NAME, 1, Figure::Spent, move |count| {
        vector.follow(count);
        alone(|| vector.follow(count))
    });
    contest.target(<Table<u64>>::NAME, Unchecked::NAME, 1.05);
    contest
}

/// Reads of one value.
pub fn hot_get(title: &'static str) -> Contest {
    fn enter<R: Reader + 'static>(contest: &mut Contest) {
        let (reader, keys) = R::filled(100);
        let hot = vec![keys[50]; 1024];
        contest.enter(R::NAME, 1, Figure::Spent, move |count| {
            reads(&reader, &hot, 0, 1024);
            alone(|| reads(&reader, &hot, 0, count))
        });
    }
    let mut contest = Contest::new(title, &REFERENCES);
    enter_readers!(contest, enter);
    contest.target(<Table<u64>>::NAME, Unchecked::NAME, 1.25);
    contest.target(Full::NAME, Unchecked::NAME, 1.25);
    contest
}

/// Reads of one value by two threads.
pub fn hot_get_by_two(title: &'static str) -> Contest {
    fn enter<R: Reader + Send + 'static>(contest: &mut Contest) {
        let (reader, keys) = R::filled(100);
        let shared = Arc::new((reader, vec![keys[50]; 1024]));
        for (back, threads) in [1, 2].into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            contest.enter(on(R::NAME, threads), threads, Figure::Spent, move |count| {
                reads_together(&shared.0, &shared.1, threads, count)
            });
            contest.scales(back);
        }
    }
    let mut contest = Contest::new(title, &[]);
    enter::<Table<u64>>(&mut contest);
    enter::<Vouched>(&mut contest);
    enter::<Unchecked>(&mut contest);
    enter::<sharded_slab::Slab<u64>>(&mut contest);
    enter::<slab::Slab<u64>>(&mut contest);
    contest.target(&on(<Table<u64>>::NAME, 2), &on(<Table<u64>>::NAME, 1), 1.3);
    contest
}
