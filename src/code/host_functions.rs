//! One handle for each function of the host.

use crate::bits::handle::{Handle, OperationError};
use crate::sync::{Lock, make_room};

/// The number of locks, so that few addresses share one.
const SHARDS: usize = if cfg!(model) { 1 } else { 16 };

/// The addresses of one shard's functions, in ascending order, and their handles.
type Shard = Vec<(usize, Handle)>;

/// The handles of native functions, by address. An address is looked up and entered under the lock
/// of its shard, and its slot is allocated under that lock. So of several threads that ask for one
/// address, one allocates, and the others wait for it.
#[derive(Debug)]
pub(crate) struct HostFunctions {
    shards: [Lock<Shard>; SHARDS],
}

impl HostFunctions {
    pub(crate) fn new() -> Self {
        // A model has no steps for a longer list.
        let room = if cfg!(model) { 8 } else { 0 };
        Self { shards: core::array::from_fn(|_| Lock::new(Shard::with_capacity(room))) }
    }

    fn shard(&self, address: usize) -> &Lock<Shard> {
        // The lowest bits of functions' addresses are mostly equal.
        &self.shards[(address >> 4 ^ address >> 12) % self.shards.len()]
    }

    /// Returns the handle of the function at this address. If it has none, `make` makes one, under
    /// a lock. The caller has not stopped the world, since a thread that makes a handle may wait
    /// for its end. An error if there is no memory for the function.
    pub(crate) fn get<E: From<OperationError>>(
        &self,
        address: usize,
        make: impl FnOnce() -> Result<Handle, E>,
    ) -> Result<Handle, E> {
        // Memory is allocated and freed without the lock.
        let mut larger = Shard::new();
        loop {
            let mut handles = self.shard(address).lock().map_err(OperationError::from)?;
            let place = match handles.binary_search_by_key(&address, |&(known, _)| known) {
                Ok(place) => return Ok(handles[place].1),
                Err(place) => place,
            };
            let Err(wanted) = make_room(&mut handles, &mut larger) else {
                let fresh = make()?;
                handles.insert(place, (address, fresh));
                return Ok(fresh);
            };
            drop(handles);
            larger.try_reserve_exact(wanted).map_err(|_| OperationError::OutOfMemory)?;
        }
    }

    /// Forgets all functions, and returns their handles.
    pub(crate) fn take_down(&mut self) -> impl Iterator<Item = Handle> {
        self.shards
            .iter_mut()
            .flat_map(|shard| core::mem::take(shard.get_mut()))
            .map(|(_, handle)| handle)
    }
}
