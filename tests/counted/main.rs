//! Slabs and pools with counted references, through their public interface.
//!
//! - `basics`: each operation by itself.
//! - `references`: what references keep, and what the last one does.
//! - `pool`: values that are cleared and reused.
//! - `elsewhere`: threads that end, panics, and slabs that are gone.
//! - `properties`: random sequences of operations against a map.
//! - `stress`: many threads. No value is torn, stale, lost, or dropped twice.
#![cfg(not(all(loom, feature = "loom")))]

mod basics;
mod elsewhere;
mod pool;
mod properties;
mod references;
mod stress;
#[path = "../common/stamped.rs"]
mod stamped;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::CountedSlab;

/// A value that counts its drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A count of drops, and a function that makes values that are counted there.
fn counter() -> (Arc<AtomicUsize>, impl Fn() -> Counted + Clone) {
    let drops = Arc::new(AtomicUsize::new(0));
    let value = Arc::clone(&drops);
    (drops, move || Counted(Arc::clone(&value)))
}

fn count(drops: &AtomicUsize) -> usize {
    drops.load(Ordering::Relaxed)
}

fn slab<T: Send + Sync + 'static>() -> CountedSlab<T> {
    CountedSlab::builder().capacity(100_000).build().expect("a slab")
}
