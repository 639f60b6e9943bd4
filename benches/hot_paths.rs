//! The operations out of line, each a function of its own. README.md tells how to disassemble them.
//! Prints what they take, as Markdown.
//!
//! `--test` runs everything once and prints no figures.

mod harness;
mod peers;

use std::hint::black_box;

use harness::contest::{Contest, Figure, READING_NS, ROUNDS};
use harness::is_measuring;
use harness::work::alone;
use slotarena::{AllocError, Handle, HandleError, Mutator, Table};

/// [`Table::get`].
#[inline(never)]
fn get(table: &Table<u64>, handle: Handle) -> Option<u64> {
    table.get(handle)
}

/// [`Mutator::allocate`].
#[inline(never)]
fn allocate(mutator: &Mutator<'_, u64>, entry: u64) -> Result<Handle, AllocError> {
    mutator.allocate(entry)
}

/// [`Mutator::free`].
#[inline(never)]
fn free(mutator: &Mutator<'_, u64>, handle: Handle) -> Result<u64, HandleError> {
    mutator.free(handle)
}

/// [`Table::allocate`].
#[inline(never)]
fn table_allocate(table: &Table<u64>, entry: u64) -> Result<Handle, AllocError> {
    table.allocate(entry)
}

/// [`Table::free`].
#[inline(never)]
fn table_free(table: &Table<u64>, handle: Handle) -> Result<u64, HandleError> {
    table.free(handle)
}

/// Adds an operation to the contest.
fn enter(contest: &mut Contest, name: &str, mut operation: impl FnMut() + 'static) {
    contest
        .enter(name, 1, Figure::Spent, move |count| alone(|| (0..count).for_each(|_| operation())));
}

fn main() {
    // Leaked: the contest keeps the mutator, which borrows it, to its end.
    let table: &'static Table<u64> = Box::leak(Box::new(
        Table::builder().capacity_at_most(1 << 28).build().expect("addresses for a table"),
    ));
    let mutator = table.mutator();
    let handle = mutator.allocate(7).expect("a free slot");
    let mut contest = Contest::new("Out of line", &[]);
    enter(&mut contest, "get", move || {
        black_box(get(black_box(table), handle));
    });
    enter(&mut contest, "allocate and free", move || {
        let handle = allocate(&mutator, black_box(7)).expect("a free slot");
        black_box(free(&mutator, black_box(handle)).expect("a live entry"));
    });
    enter(&mut contest, "allocate and free by the table", move || {
        let handle = table_allocate(table, black_box(7)).expect("a free slot");
        black_box(table_free(table, black_box(handle)).expect("a live entry"));
    });
    if is_measuring() {
        contest.run(ROUNDS, READING_NS);
        println!("{}", contest.report());
    } else {
        println!("Testing the operations out of line");
        contest.try_out();
        println!("Success");
    }
}
