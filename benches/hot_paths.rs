//! The operations out of line, each a function of its own, so that one can look at the code that
//! the compiler makes of them (README.md says how), and what they cost so.

mod common;

use std::hint::black_box;
use std::time::Duration;

use common::work::alone;
use criterion::Criterion;
use slotarena::{AllocError, Handle, InvalidHandle, Mutator, Table};

/// [`Table::get`].
#[inline(never)]
fn get(table: &Table<u64>, handle: Handle) -> Option<u64> {
    table.get(handle)
}

/// [`Mutator::allocate`].
#[inline(never)]
fn allocate(mutator: &mut Mutator<'_, u64>, entry: u64) -> Result<Handle, AllocError> {
    mutator.allocate(entry)
}

/// [`Mutator::free`].
#[inline(never)]
fn free(mutator: &mut Mutator<'_, u64>, handle: Handle) -> Result<u64, InvalidHandle> {
    mutator.free(handle)
}

/// [`Table::allocate`].
#[inline(never)]
fn table_allocate(table: &Table<u64>, entry: u64) -> Result<Handle, AllocError> {
    table.allocate(entry)
}

/// [`Table::free`].
#[inline(never)]
fn table_free(table: &Table<u64>, handle: Handle) -> Result<u64, InvalidHandle> {
    table.free(handle)
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let table = Table::<u64>::builder().capacity_at_most(1 << 28).build().expect("addresses");
    let mut mutator = table.mutator();
    let mut group = criterion.benchmark_group("out of line");
    let mut measure = |name: &str, operation: &mut dyn FnMut()| {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|count| alone(|| (0..count).for_each(|_| operation())).spent);
        });
    };
    let handle = mutator.allocate(7).expect("a free slot");
    measure("get", &mut || {
        black_box(get(black_box(&table), handle));
    });
    measure("allocate and free", &mut || {
        let handle = allocate(&mut mutator, black_box(7)).expect("a free slot");
        black_box(free(&mut mutator, black_box(handle)).expect("a live entry"));
    });
    measure("allocate and free by the table", &mut || {
        let handle = table_allocate(&table, black_box(7)).expect("a free slot");
        black_box(table_free(&table, black_box(handle)).expect("a live entry"));
    });
    group.finish();
    criterion.final_summary();
}
