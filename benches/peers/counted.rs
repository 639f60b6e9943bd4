//! Counted references, and their contests.

use std::hint::black_box;
use std::sync::Arc;

use slotarena::{CountedPool, CountedSlab, Key};

use crate::harness::contest::{Contest, Figure, on};
use crate::harness::work::{alone, together};

const OURS: &str = "CountedSlab";
const SHARDED: &str = "sharded-slab";
const ARC: &str = "Arc, clone and drop";

/// Ends a reference, after a look at its value.
#[inline(always)]
fn end(reference: impl std::ops::Deref<Target = u64>) {
    black_box(*reference);
}

/// Adds a body that threads run at the same time, each with a number of its own.
fn enter(contest: &mut Contest, name: &str, threads: usize, body: impl Fn(usize) + Sync + 'static) {
    contest.enter(on(name, threads), threads, Figure::Spent, move |count| {
        let run = |thread| (0..count).for_each(|_| body(thread));
        if threads == 1 { alone(|| run(0)) } else { together(threads, |_| (), |n, ()| run(n)) }
    });
}

fn ours() -> (CountedSlab<u64>, [Key; 64]) {
    let slab = CountedSlab::builder().capacity_at_most(1 << 28).build().expect("addresses");
    let keys = std::array::from_fn(|n| slab.insert(n as u64).expect("room"));
    (slab, keys)
}

fn sharded() -> (Arc<sharded_slab::Slab<u64>>, [usize; 64]) {
    let slab = Arc::new(sharded_slab::Slab::new());
    let keys = std::array::from_fn(|n| slab.insert(n as u64).expect("room"));
    (slab, keys)
}

/// A reference taken and ended: by one thread, and by two threads on keys of their own.
pub fn get(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["sharded-slab, 1 thread", "sharded-slab, 2 threads"]);
    for threads in [1, 2] {
        // Keys that lie in lines of their own.
        let (slab, keys) = ours();
        enter(&mut contest, OURS, threads, move |n| end(slab.get(keys[n * 32]).expect("live")));
        let (slab, keys) = sharded();
        enter(&mut contest, SHARDED, threads, move |n| end(slab.get(keys[n * 32]).expect("live")));
        contest.target(&on(OURS, threads), &on(SHARDED, threads), 0.7);
    }
    contest
}

/// An owned reference taken and ended, or cloned and ended.
pub fn get_owned(title: &'static str) -> Contest {
    let mut contest =
        Contest::new(title, &["Arc, clone and drop, 1 thread", "sharded-slab, 1 thread"]);
    let (slab, keys) = ours();
    enter(&mut contest, "CountedSlab, get_owned", 1, move |n| {
        end(slab.get_owned(keys[n]).expect("live"));
    });
    let (slab, keys) = ours();
    let entry = slab.get_owned(keys[0]).expect("live");
    enter(&mut contest, "OwnedEntry, clone", 1, move |_| {
        // Not dropped before the entry.
        let _ = &slab;
        end(entry.clone());
    });
    let (slab, keys) = sharded();
    enter(&mut contest, SHARDED, 1, move |n| {
        end(Arc::clone(&slab).get_owned(keys[n]).expect("live"));
    });
    let arc = Arc::new(1_u64);
    enter(&mut contest, ARC, 1, move |_| end(Arc::clone(&arc)));
    for name in ["CountedSlab, get_owned", "OwnedEntry, clone"] {
        contest.target(&on(name, 1), &on(ARC, 1), 1.1);
    }
    contest
}

/// A value created in a pool and cleared.
pub fn create(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["sharded-slab, 1 thread", "sharded-slab, 2 threads"]);
    for threads in [1, 2] {
        let pool = CountedPool::<String>::builder().capacity_at_most(1 << 28).build();
        let pool = pool.expect("addresses");
        enter(&mut contest, "CountedPool", threads, move |_| {
            let key = pool.create_with(|text| text.push('a')).expect("room");
            assert!(pool.clear(key));
        });
        let pool = sharded_slab::Pool::<String>::new();
        enter(&mut contest, SHARDED, threads, move |_| {
            let key = pool.create_with(|text| text.push('a')).expect("room");
            assert!(pool.clear(key));
        });
    }
    contest
}
