//! This crate's table and slab as they are where the system has no restartable sequences: each free
//! is a compare-and-swap.

use slotarena::{Handle, Key, Mutator, Slab, Table};

use crate::harness::Peer;

/// A table without a bias, by a mutator of each thread.
pub struct Swapping(Table<u64>);

impl Peer for Swapping {
    const NAME: &'static str = "slotarena, mutator, without bias";
    type Key = Handle;
    type Access<'p> = Mutator<'p, u64>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn access(&self) -> Mutator<'_, u64> {
        self.0.mutator()
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

/// The same, by its own operations.
pub struct SwappingTable(Table<u64>);

impl Peer for SwappingTable {
    const NAME: &'static str = "slotarena, table, without bias";
    type Key = Handle;
    type Access<'p> = &'p Table<u64>;

    fn new(_most: usize) -> Self {
        Self(table())
    }
    fn access(&self) -> &Table<u64> {
        &self.0
    }
    fn sweep(&self) {
        self.0.sweep(0);
    }
}

/// A slab without a bias, by its own operations.
pub struct SwappingSlab(Slab<u64>);

impl Peer for SwappingSlab {
    const NAME: &'static str = "Slab, without bias";
    type Key = Key;
    type Access<'p> = &'p Slab<u64>;

    fn new(_most: usize) -> Self {
        let slab = Slab::builder().capacity_at_most(1 << 28).bias(false);
        Self(slab.build().expect("addresses for a slab"))
    }
    fn access(&self) -> &Slab<u64> {
        &self.0
    }
}

fn table() -> Table<u64> {
    let table = Table::builder().capacity_at_most(1 << 28).bias(false);
    table.build().expect("addresses for a table")
}
