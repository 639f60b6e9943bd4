//! What is not done every day: sweeping a large table, growing to ten million entries, and
//! stopping the world.

mod common;

use std::time::Duration;

use common::large;
use criterion::{Criterion, SamplingMode, Throughput};

/// To how many entries tables grow.
const GROWN: usize = 10_000_000;

fn sweeps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (millions, all) in [(1, false), (1, true), (16, false), (16, true)] {
        let slots = millions << 20;
        let free = if all { "all free" } else { "a random half free" };
        group.throughput(Throughput::Elements(slots as u64));
        group.bench_function(format!("{millions} Mi slots, {free}"), |bencher| {
            bencher.iter_custom(|count| (0..count).map(|_| large::sweep(slots, all).spent).sum());
        });
    }
}

fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth to ten million");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.throughput(Throughput::Elements(GROWN as u64));
    group.bench_function("slotarena, mutator", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| large::grow(GROWN).spent).sum());
    });
    group.bench_function("first touch of as much memory", |bencher| {
        bencher.iter_custom(|count| (0..count).map(|_| large::first_touch(GROWN).spent).sum());
    });
}

fn stops(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("stop");
    for mutators in [1, 64] {
        let plural = if mutators == 1 { "mutator" } else { "mutators" };
        group.bench_function(format!("{mutators} idle {plural}"), |bencher| {
            bencher.iter_custom(|count| large::stops_of_idle(mutators, count as usize).passed);
        });
    }
    group.bench_function("1 mutator at work", |bencher| {
        bencher.iter_custom(|count| large::stops_of_busy(count as usize).passed);
    });
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    sweeps(&mut criterion);
    growth(&mut criterion);
    stops(&mut criterion);
    criterion.final_summary();
}
