//! Reads by key: of a million values in random order, which mostly come from the third cache, and
//! of one value over and over.
//!
//! The reads do not depend on one another, so they overlap: the figures are throughput. In the
//! last group they do: each value is the next key.

mod common;

use std::time::Duration;

use common::Random;
use common::readers::{Reader, Trail, Unchecked, Vouched};
use common::work::{alone, reads, reads_together};
use criterion::Criterion;
use slotarena::Table;

/// How many values there are to be read.
const VALUES: u64 = 1_000_000;

fn random<R: Reader>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read one of a million");
    let (reader, mut keys) = R::filled(VALUES);
    Random(2).shuffle(&mut keys);
    group.bench_function(R::NAME, |bencher| {
        bencher.iter_custom(|count| alone(|| reads(&reader, &keys, 0, count as usize)).spent);
    });
}

fn hot<R: Reader>(criterion: &mut Criterion) {
    let (reader, keys) = R::filled(100);
    let keys = vec![keys[50]; 1024];
    let mut group = criterion.benchmark_group("read one over and over");
    group.bench_function(R::NAME, |bencher| {
        bencher.iter_custom(|count| alone(|| reads(&reader, &keys, 0, count as usize)).spent);
    });
    group.bench_function(format!("{}, 2 threads", R::NAME), |bencher| {
        bencher.iter_custom(|count| reads_together(&reader, &keys, 2, count as usize).spent / 2);
    });
}

/// One read after the other, since each value is the next key.
fn chase(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read one of a million, one after the other");
    let mut follow = |name: &str, trail: &dyn Fn(usize)| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| alone(|| trail(count as usize)).spent);
        });
    };
    let table = Trail::<Table<u64>>::new(VALUES);
    follow(Table::<u64>::NAME, &|count| table.follow(count));
    let vector = Trail::<Unchecked>::new(VALUES);
    follow(Unchecked::NAME, &|count| vector.follow(count));
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    macro_rules! compare {
        ($measure:ident) => {
            $measure::<Table<u64>>(&mut criterion);
            $measure::<Vouched>(&mut criterion);
            $measure::<Table<[u64; 2]>>(&mut criterion);
            $measure::<Unchecked>(&mut criterion);
            $measure::<sharded_slab::Slab<u64>>(&mut criterion);
            $measure::<slab::Slab<u64>>(&mut criterion);
        };
    }
    compare!(random);
    compare!(hot);
    chase(&mut criterion);
    criterion.final_summary();
}
