//! The same work by owners. Their keys cannot be copied, so they have loops of their own.

use std::rc::Rc;

use slotarena::{Unique, UniqueTable, unique};

use crate::harness::contest::{Contest, Figure};
use crate::harness::work::{self, BATCH, alone};

/// The names in tables: by a mutator, and by the table's own operations.
pub const MUTATOR: &str = "slotarena, unique, mutator";
pub const TABLE: &str = "slotarena, unique, table";

fn table() -> UniqueTable<u64> {
    UniqueTable::builder().capacity_at_most(1 << 28).build().expect("addresses for a table")
}

/// Does the same as [`work::pairs`], by a mutator.
#[inline(never)]
fn pairs(mutator: &unique::Mutator<'_, u64>, count: usize) {
    for i in 0..count {
        let owner = mutator.allocate(i as u64).expect("a free slot");
        mutator.free(owner);
    }
}

/// Does the same as [`work::pairs`], by the table's own operations.
#[inline(never)]
fn table_pairs(table: &UniqueTable<u64>, count: usize) {
    for i in 0..count {
        table.allocate(i as u64).expect("a free slot").free();
    }
}

/// Does the same as [`work::Batch::run`], `times` times.
#[inline(never)]
fn batches(mutator: &unique::Mutator<'_, u64>, order: &[u32], times: usize) {
    let mut owners: Vec<Option<Unique<'_, u64>>> = Vec::with_capacity(BATCH);
    for _ in 0..times {
        owners.clear();
        owners.extend((0..BATCH as u64).map(|value| mutator.allocate(value).ok()));
        for &i in order {
            mutator.free(owners[i as usize].take().expect("a free slot"));
        }
    }
}

/// Adds the owners to a contest of pairs.
pub fn enter_pairs(contest: &mut Contest) {
    let table = Rc::new(table());
    let shared = Rc::clone(&table);
    contest.enter(MUTATOR, 1, Figure::Spent, move |count| {
        let mutator = shared.mutator();
        pairs(&mutator, 256);
        alone(|| pairs(&mutator, count))
    });
    contest.enter(TABLE, 1, Figure::Spent, move |count| {
        table_pairs(&table, 256);
        alone(|| table_pairs(&table, count))
    });
}

/// Adds the owners to a contest of batches.
pub fn enter_batches(contest: &mut Contest) {
    let (table, order) = (table(), work::order());
    contest.enter(MUTATOR, 1, Figure::Spent, move |count| {
        let mutator = table.mutator();
        batches(&mutator, &order, 1);
        let times = count.div_ceil(BATCH);
        alone(|| batches(&mutator, &order, times)).scaled(count, times * BATCH)
    });
}
