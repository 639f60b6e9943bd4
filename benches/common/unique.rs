//! The same work by owners: keys that cannot be copied, so that loops of their own are needed.

use slotarena::{Table, Unique, UniqueMutator, UniqueTable};

use super::work::BATCH;

/// What they are called in tables: with a mutator, and by way of the table.
pub const MUTATOR: &str = "slotarena, unique, mutator";
pub const TABLE: &str = "slotarena, unique, table";

pub fn table() -> UniqueTable<u64> {
    Table::builder().capacity_at_most(1 << 28).build_unique().expect("addresses for a table")
}

/// As [`pairs`](super::work::pairs).
#[inline(never)]
pub fn pairs(mutator: &mut UniqueMutator<'_, u64>, count: usize) {
    for i in 0..count {
        let owner = mutator.allocate(i as u64).expect("a free slot");
        mutator.free(owner);
    }
}

/// As [`pairs`], by way of the table.
#[inline(never)]
pub fn table_pairs(table: &UniqueTable<u64>, count: usize) {
    for i in 0..count {
        table.allocate(i as u64).expect("a free slot").free();
    }
}

/// As [`Batch::run`](super::work::Batch::run), `times` times.
#[inline(never)]
pub fn batches(mutator: &mut UniqueMutator<'_, u64>, order: &[u32], times: usize) {
    let mut owners: Vec<Option<Unique<'_, u64>>> = Vec::with_capacity(BATCH);
    for _ in 0..times {
        owners.clear();
        owners.extend((0..BATCH as u64).map(|value| mutator.allocate(value).ok()));
        for &i in order {
            mutator.free(owners[i as usize].take().expect("a free slot"));
        }
    }
}
