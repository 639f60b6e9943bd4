//! One handle for each function of the host.

use std::collections::BTreeMap;

use crate::bits::handle::Handle;
use crate::sync::{Mutex, lock};

/// The number of locks, so that few addresses share one.
const SHARDS: usize = if cfg!(model) { 1 } else { 16 };

/// The handles of native functions, by address. An address is looked up and entered under the lock
/// of its shard. No thread allocates a slot while it holds such a lock.
#[derive(Debug)]
pub(crate) struct HostFunctions {
    // Ordered, so that closing a table frees them in the same order each time.
    shards: [Mutex<BTreeMap<usize, Handle>>; SHARDS],
}

impl HostFunctions {
    pub(crate) fn new() -> Self {
        Self { shards: core::array::from_fn(|_| Mutex::new(BTreeMap::new())) }
    }

    fn shard(&self, address: usize) -> &Mutex<BTreeMap<usize, Handle>> {
        // The lowest bits of functions' addresses are mostly equal.
        &self.shards[(address >> 4 ^ address >> 12) % self.shards.len()]
    }

    /// Returns the handle of the function at this address. If it has none, `make` makes one. If
    /// several threads do so simultaneously, one handle is kept, and `free` gets the others.
    pub(crate) fn get<E>(
        &self,
        address: usize,
        make: impl FnOnce() -> Result<Handle, E>,
        free: impl FnOnce(Handle),
    ) -> Result<Handle, E> {
        let shard = self.shard(address);
        if let Some(&known) = lock(shard).get(&address) {
            return Ok(known);
        }
        let fresh = make()?;
        let kept = *lock(shard).entry(address).or_insert(fresh);
        if kept != fresh {
            free(fresh);
        }
        Ok(kept)
    }

    /// Forgets all functions. `free` gets each handle.
    pub(crate) fn take_down(&self, mut free: impl FnMut(Handle)) {
        for shard in &self.shards {
            core::mem::take(&mut *lock(shard)).into_values().for_each(&mut free);
        }
    }
}
