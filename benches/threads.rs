//! Several threads on one structure: pairs of insertions and removals by 1, 2 and 4 of them, and
//! keys that one thread makes and another one uses up.
//!
//! Pairs: the threads' time on processors, for each pair. If they do not hinder one another, the
//! figure is the same for any number of threads, also of more threads than there are processors.
//! Hand-over: the time that passes, for each key.

mod common;

use std::time::Duration;

use common::peers::{Explicit, Implicit, Peer, Queue, Sharded};
use common::work::{MOST, PARCEL, hand_over, pairs_together};
use criterion::Criterion;

fn pairs<P: Peer + Sync>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pair by several threads");
    for threads in [1, 2, 4] {
        let peer = P::new(MOST);
        let plural = if threads == 1 { "thread" } else { "threads" };
        group.bench_function(format!("{}, {threads} {plural}", P::NAME), |bencher| {
            bencher.iter_custom(|count| {
                let reading = pairs_together(&peer, threads, count as usize);
                reading.spent / threads as u32
            });
        });
    }
}

fn parcels<P: Peer + Sync>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hand-over");
    let peer = P::new(MOST);
    group.bench_function(P::NAME, |bencher| {
        bencher.iter_custom(|count| {
            let parcels = (count as usize).div_ceil(PARCEL);
            hand_over(&peer, parcels).scaled(count as usize, parcels * PARCEL).passed
        });
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    macro_rules! compare {
        ($measure:ident) => {
            $measure::<Explicit>(&mut criterion);
            $measure::<Implicit>(&mut criterion);
            #[cfg(all(unix, target_pointer_width = "64"))]
            $measure::<common::peers::Mimalloc>(&mut criterion);
            $measure::<Sharded>(&mut criterion);
            $measure::<Queue>(&mut criterion);
        };
    }
    compare!(pairs);
    compare!(parcels);
    criterion.final_summary();
}
