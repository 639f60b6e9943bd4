//! A registry of connections, as a server may have it: the code under test.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};
use slotarena::slab::{InsertError, Ref};
use slotarena::{Key, Slab};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering};

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// The peer's number.
    pub peer: u32,
}

/// All connections, by key, and the latest of them.
#[derive(Debug)]
pub struct Registry {
    connections: Slab<Connection>,
    /// A key, or 0.
    latest: AtomicU64,
}

impl Registry {
    /// Makes an empty registry. In a model the slab is small by itself.
    pub fn new() -> Self {
        let connections = Slab::new().expect("addresses");
        Self { connections, latest: AtomicU64::new(0) }
    }

    /// Registers a connection. Returns its key.
    ///
    /// # Errors
    ///
    /// As [`Slab::insert`].
    pub fn open(&self, peer: u32) -> Result<Key, InsertError<Connection>> {
        let key = self.connections.insert(Connection { peer })?;
        // Release: a thread that finds the key finds the connection.
        self.latest.store(key.to_raw(), Ordering::Release);
        Ok(key)
    }

    /// Returns a connection, if it is open.
    pub fn get(&self, key: Key) -> Option<Ref<'_, Connection>> {
        self.connections.get(key)
    }

    /// Returns the connection that was opened last, if it is open.
    pub fn latest(&self) -> Option<Ref<'_, Connection>> {
        // Acquire: see `open`.
        self.get(Key::from_raw(self.latest.load(Ordering::Acquire))?)
    }

    /// Closes a connection. Returns `false` if it is closed already.
    pub fn close(&self, key: Key) -> bool {
        self.connections.remove(key)
    }

    /// The number of open connections.
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Returns `true` if no connection is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
