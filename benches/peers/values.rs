//! Slabs of values, and their contests.

use std::hint::black_box;

use fastrand::Rng;
use slotarena::slab::Mutator;
use slotarena::{Key, Slab};

use super::unbiased::SwappingSlab;
use super::{Sharded, Single};
use crate::harness::contest::{Contest, Figure, enter_batches, enter_pairs};
use crate::harness::work::{self, MOST, Reading, alone};
use crate::harness::{Access, Peer, Reader};

fn slab() -> Slab<u64> {
    Slab::builder().capacity_at_most(1 << 28).build().expect("addresses for a slab")
}

/// A slab, by its own operations.
struct ByThread(Slab<u64>);

/// A slab, by a mutator of each thread.
struct ByMutator(Slab<u64>);

/// A slab with a second participant that has had a guard: removed values have to wait.
struct WithReader(Slab<u64>);

impl Peer for ByThread {
    const NAME: &'static str = "Slab";
    type Key = Key;
    type Access<'p> = &'p Slab<u64>;

    fn new(_most: usize) -> Self {
        Self(slab())
    }
    fn access(&self) -> &Slab<u64> {
        &self.0
    }
}

impl Peer for ByMutator {
    const NAME: &'static str = "Slab, mutator";
    type Key = Key;
    type Access<'p> = Mutator<'p, u64>;

    fn new(_most: usize) -> Self {
        Self(slab())
    }
    fn access(&self) -> Mutator<'_, u64> {
        self.0.mutator()
    }
}

impl Peer for WithReader {
    const NAME: &'static str = "Slab, others have guards";
    type Key = Key;
    type Access<'p> = &'p Slab<u64>;

    fn new(_most: usize) -> Self {
        let slab = slab();
        let reader = slab.mutator();
        drop(reader.pin());
        // The mutator stays a participant.
        std::mem::forget(reader);
        Self(slab)
    }
    fn access(&self) -> &Slab<u64> {
        &self.0
    }
}

impl Access<Key> for &Slab<u64> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Key {
        Slab::insert(self, value).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Key) {
        assert!(Slab::remove(self, key), "a live value");
    }
}

impl Access<Key> for Mutator<'_, u64> {
    #[inline(always)]
    fn insert(&mut self, value: u64) -> Key {
        Mutator::insert(self, value).expect("a free slot")
    }
    #[inline(always)]
    fn remove(&mut self, key: Key) {
        assert!(Mutator::remove(self, key), "a live value");
    }
}

/// Adds each peer to a contest in the same way, the peer for a single thread last.
macro_rules! enter_all {
    ($contest:ident, $enter:ident $(, $single:ty)?) => {
        $enter::<ByThread>(&mut $contest);
        $enter::<ByMutator>(&mut $contest);
        $enter::<WithReader>(&mut $contest);
        #[cfg(all(unix, target_pointer_width = "64"))]
        $enter::<super::Mimalloc>(&mut $contest);
        $enter::<Sharded>(&mut $contest);
        $($enter::<$single>(&mut $contest);)?
    };
}

/// A value inserted and removed.
pub fn pair(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Single::NAME]);
    enter_all!(contest, enter_pairs, Single);
    enter_pairs::<SwappingSlab>(&mut contest);
    contest.target(ByThread::NAME, Sharded::NAME, 0.35);
    contest.target(ByThread::NAME, "mimalloc", 1.5);
    contest
}

/// Many values inserted, and removed in a random order.
pub fn batch(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Single::NAME]);
    enter_all!(contest, enter_batches, Single);
    enter_batches::<SwappingSlab>(&mut contest);
    contest
}

/// A value inserted and removed, by two threads.
pub fn pair_by_two(title: &'static str) -> Contest {
    fn enter<P: Peer + Sync + 'static>(contest: &mut Contest) {
        let peer = P::new(MOST);
        contest
            .enter(P::NAME, 2, Figure::Spent, move |count| work::pairs_together(&peer, 2, count));
    }
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME]);
    enter_all!(contest, enter);
    enter::<SwappingSlab>(&mut contest);
    contest
}

/// Reads values under one guard.
#[inline(never)]
fn read(slab: &Slab<u64>, keys: &[Key], count: usize) {
    let guard = slab.pin();
    let (mut sum, mut left) = (0u64, count);
    while left > 0 {
        let run = &keys[..keys.len().min(left)];
        let add = |sum: u64, &key| sum.wrapping_add(*guard.get(key).expect("a live value"));
        sum = run.iter().fold(sum, add);
        left -= run.len();
    }
    black_box(sum);
}

/// Reads of `keys_read` of so many values, under one guard in the slab.
fn get(title: &'static str, values: u64, keys_read: usize) -> Contest {
    fn enter<R: Reader + 'static>(contest: &mut Contest, values: u64, keys_read: usize) {
        let (reader, mut keys) = R::filled(values);
        Rng::with_seed(2).shuffle(&mut keys);
        keys.truncate(keys_read);
        contest.enter(R::NAME, 1, Figure::Spent, move |count| {
            // Warms the caches: other contestants have run since.
            work::reads(&reader, &keys, 0, keys.len().min(count));
            alone(|| work::reads(&reader, &keys, 0, count))
        });
    }
    let mut contest = Contest::new(title, &[<sharded_slab::Slab<u64>>::NAME, "slab"]);
    let slab = slab();
    let mut keys: Vec<Key> =
        (0..values).map(|value| slab.insert(value).expect("a free slot")).collect();
    Rng::with_seed(2).shuffle(&mut keys);
    keys.truncate(keys_read);
    contest.enter("Slab, one guard", 1, Figure::Spent, move |count| {
        read(&slab, &keys, keys.len().min(count));
        alone(|| read(&slab, &keys, count))
    });
    enter::<sharded_slab::Slab<u64>>(&mut contest, values, keys_read);
    enter::<slab::Slab<u64>>(&mut contest, values, keys_read);
    contest
}

/// Reads of random ones of a million values.
pub fn random_get(title: &'static str) -> Contest {
    let mut contest = get(title, 1_000_000, 1_000_000);
    contest.target("Slab, one guard", "slab", 1.3);
    contest
}

/// Reads of one value.
pub fn hot_get(title: &'static str) -> Contest {
    get(title, 100, 1)
}

/// Growth from nothing.
pub fn growth(title: &'static str) -> Contest {
    const ENTRIES: usize = 10_000_000;
    fn grow<P: Peer>(count: usize) -> Reading {
        let peer = P::new(count);
        let mut access = peer.access();
        alone(|| {
            for value in 0..count as u64 {
                black_box(access.insert(value));
            }
        })
    }
    let mut contest = Contest::new(title, &[Sharded::NAME, Single::NAME]);
    contest.fix(ENTRIES, 3);
    contest.enter(ByThread::NAME, 1, Figure::Spent, grow::<ByThread>);
    contest.enter(Sharded::NAME, 1, Figure::Spent, grow::<Sharded>);
    contest.enter(Single::NAME, 1, Figure::Spent, grow::<Single>);
    contest.target(ByThread::NAME, Sharded::NAME, 0.15);
    contest
}
