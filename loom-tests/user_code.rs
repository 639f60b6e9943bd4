//! An example: a model of a dependent's code over a table.
//!
//! It uses the public API only. A dependent's `Cargo.toml` needs
//!
//! ```toml
//! [target.'cfg(loom)'.dev-dependencies]
//! loom = "0.7"
//! slotarena = { version = "0.1", features = ["loom"] }
//! ```
//!
//! and its tests run with `RUSTFLAGS="--cfg loom" cargo test --release`. Make the table small: each
//! slot, stripe, and free slot in a local store multiplies the executions that loom explores.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use slotarena::{Handle, Table};

use crate::harness::stage::model;

/// The code under test: a registry of connections that also returns the latest one.
struct Registry {
    connections: Table<u64>,
    latest: AtomicU32,
}

impl Registry {
    fn new() -> Self {
        let connections = Table::builder()
            .capacity(2)
            .stripes(1)
            .magazine_size(1)
            .segment_shift(1)
            .build()
            .expect("a small table");
        Self { connections, latest: AtomicU32::new(0) }
    }

    fn open(&self, descriptor: u64) -> Option<Handle> {
        let handle = self.connections.allocate(descriptor).ok()?;
        self.latest.store(handle.to_raw(), Ordering::Release);
        Some(handle)
    }

    fn latest(&self) -> Option<u64> {
        self.connections.get(Handle::from_raw(self.latest.load(Ordering::Acquire))?)
    }

    fn close(&self, handle: Handle) -> Option<u64> {
        self.connections.free(handle).ok()
    }
}

#[test]
fn a_registry_of_connections() {
    let what = "user code: one opens and closes a connection, another asks for the latest";
    model("a_registry_of_connections", "3 7", what).explore(|| {
        let registry = Arc::new(Registry::new());
        let opener = {
            let registry = registry.clone();
            loom::thread::spawn(move || {
                let handle = registry.open(7).expect("there is room for two");
                assert_eq!(registry.close(handle), Some(7));
            })
        };
        let seen = {
            let registry = registry.clone();
            loom::thread::spawn(move || registry.latest())
        };
        opener.join().expect("the opener");
        // No connection before the open and after the close. Between them, the opened one.
        let seen = seen.join().expect("the asker");
        assert!(seen.is_none() || seen == Some(7), "{seen:?}");
    });
}
