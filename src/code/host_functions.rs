//! One handle for each function of the host.

use std::collections::BTreeMap;

use crate::bits::handle::{Handle, OperationError};
use crate::sync::Lock;

/// The number of locks, so that few addresses share one.
const SHARDS: usize = if cfg!(model) { 1 } else { 16 };

/// The handles of native functions, by address. An address is looked up and entered under the lock
/// of its shard, and its slot is allocated under that lock. So of several threads that ask for one
/// address, one allocates, and the others wait for it.
#[derive(Debug)]
pub(crate) struct HostFunctions {
    // Ordered, so that closing a table frees them in the same order each time.
    shards: [Lock<BTreeMap<usize, Handle>>; SHARDS],
}

impl HostFunctions {
    pub(crate) fn new() -> Self {
        Self { shards: core::array::from_fn(|_| Lock::new(BTreeMap::new())) }
    }

    fn shard(&self, address: usize) -> &Lock<BTreeMap<usize, Handle>> {
        // The lowest bits of functions' addresses are mostly equal.
        &self.shards[(address >> 4 ^ address >> 12) % self.shards.len()]
    }

    /// Returns the handle of the function at this address. If it has none, `make` makes one, under
    /// a lock. The caller has not stopped the world, since a thread that makes a handle may wait
    /// for its end.
    pub(crate) fn get<E: From<OperationError>>(
        &self,
        address: usize,
        make: impl FnOnce() -> Result<Handle, E>,
    ) -> Result<Handle, E> {
        let mut handles = self.shard(address).lock().map_err(OperationError::from)?;
        if let Some(&known) = handles.get(&address) {
            return Ok(known);
        }
        let fresh = make()?;
        handles.insert(address, fresh);
        Ok(fresh)
    }

    /// Forgets all functions, and returns their handles.
    pub(crate) fn take_down(&mut self) -> impl Iterator<Item = Handle> {
        self.shards.iter_mut().flat_map(|shard| core::mem::take(shard.get_mut()).into_values())
    }
}
