//! One thread puts values in and takes them out: one by one, and by batches of 4096 that go in
//! random order. The figures are for a pair of operations.

mod common;

use std::time::Duration;

use common::peers::{Explicit, Implicit, Peer, Sharded, Single, Vouched};
use common::work::{BATCH, Batch, MOST, alone, pairs};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};

/// One value at a time, the same place over and over.
fn pair<P: Peer>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let peer = P::new(MOST);
    let mut hand = peer.hand();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| alone(|| pairs(&mut hand, count as usize)).spent);
    });
}

/// 4096 values, taken out in random order.
fn batch<P: Peer>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let peer = P::new(MOST);
    let mut hand = peer.hand();
    let mut batch = Batch::new();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|count| alone(|| (0..count).for_each(|_| batch.run(&mut hand))).spent);
    });
}

/// A group in which each peer is measured in the same way.
macro_rules! compare {
    ($criterion:ident, $group:literal, $measure:ident, $values:expr) => {
        let mut group = $criterion.benchmark_group($group);
        group.throughput(Throughput::Elements($values));
        $measure::<Explicit>(&mut group, Explicit::<u64>::NAME);
        $measure::<Implicit>(&mut group, Implicit::<u64>::NAME);
        $measure::<Vouched>(&mut group, Vouched::NAME);
        $measure::<Explicit<[u64; 2]>>(&mut group, "slotarena, mutator, two-word entries");
        $measure::<Implicit<[u64; 2]>>(&mut group, "slotarena, table, two-word entries");
        #[cfg(all(unix, target_pointer_width = "64"))]
        $measure::<common::peers::Mimalloc>(&mut group, common::peers::Mimalloc::NAME);
        $measure::<Sharded>(&mut group, Sharded::NAME);
        $measure::<Single>(&mut group, Single::NAME);
        group.finish();
    };
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    compare!(criterion, "pair", pair, 1);
    compare!(criterion, "batch of 4096", batch, BATCH as u64);
    criterion.final_summary();
}
