//! One handle for each native function.

use std::collections::BTreeMap;

use crate::handle::Handle;
use crate::sync::{Mutex, lock};

/// Few addresses meet in one lock.
const SHARDS: usize = if cfg!(all(loom, feature = "loom")) { 1 } else { 16 };

/// Which native function has which handle. An address is looked for, and entered, under the lock of
/// its shard; nobody allocates while he holds it.
#[derive(Debug)]
pub(crate) struct Natives {
    // Ordered, so that taking all of them down goes the same way each time.
    shards: [Mutex<BTreeMap<usize, Handle>>; SHARDS],
}

impl Natives {
    pub(crate) fn new() -> Self {
        Self { shards: core::array::from_fn(|_| Mutex::new(BTreeMap::new())) }
    }

    fn shard(&self, address: usize) -> &Mutex<BTreeMap<usize, Handle>> {
        // The lowest bits of functions' addresses are mostly equal.
        &self.shards[(address >> 4 ^ address >> 12) % self.shards.len()]
    }

    /// The handle of the function at this address. If it has none, `make` makes one; if several
    /// threads do so at once, one's is kept, and `give_back` is given each other one's.
    pub(crate) fn get<E>(
        &self,
        address: usize,
        make: impl FnOnce() -> Result<Handle, E>,
        give_back: impl FnOnce(Handle),
    ) -> Result<Handle, E> {
        let shard = self.shard(address);
        if let Some(&known) = lock(shard).get(&address) {
            return Ok(known);
        }
        let fresh = make()?;
        let kept = *lock(shard).entry(address).or_insert(fresh);
        if kept != fresh {
            give_back(fresh);
        }
        Ok(kept)
    }

    /// Forgets all, and gives each handle to `give_back`.
    pub(crate) fn take_down(&self, mut give_back: impl FnMut(Handle)) {
        for shard in &self.shards {
            core::mem::take(&mut *lock(shard)).into_values().for_each(&mut give_back);
        }
    }
}
