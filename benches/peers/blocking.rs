//! Peers whose threads wait for one another: a slab behind a mutex, and a freelist with a marker.

use std::hint::spin_loop;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::harness::{Access, Peer};

/// A slab behind a mutex.
pub struct Locked(Mutex<slab::Slab<u64>>);

impl Peer for Locked {
    const NAME: &'static str = "slab behind a mutex";
    type Key = usize;
    type Access<'p> = &'p Locked;

    fn new(most: usize) -> Self {
        Self(Mutex::new(slab::Slab::with_capacity(most)))
    }
    fn access(&self) -> &Locked {
        self
    }
}

impl Access<usize> for &Locked {
    fn insert(&mut self, value: u64) -> usize {
        self.0.lock().expect("no panic").insert(value)
    }
    fn remove(&mut self, key: usize) {
        self.0.lock().expect("no panic").remove(key);
    }
}

/// A freelist of single slots, as in the handle tables of engines. Its head holds a marker while a
/// thread reads a link.
pub struct Marker {
    head: AtomicU32,
    links: Box<[AtomicU64]>,
}

const MARK: u32 = u32::MAX;

impl Marker {
    fn lock(&self) -> u32 {
        loop {
            // Acquire: the links as the previous thread left them.
            match self.head.swap(MARK, Ordering::Acquire) {
                MARK => spin_loop(),
                head => return head,
            }
        }
    }
}

impl Peer for Marker {
    const NAME: &'static str = "freelist with a marker";
    type Key = u32;
    type Access<'p> = &'p Marker;

    fn new(most: usize) -> Self {
        let links = (1..=most as u64).map(AtomicU64::new).collect();
        Self { head: AtomicU32::new(0), links }
    }
    fn access(&self) -> &Marker {
        self
    }
}

impl Access<u32> for &Marker {
    fn insert(&mut self, value: u64) -> u32 {
        let index = self.lock();
        // Relaxed: only the thread that has stored the marker reads or writes links.
        let next = self.links[index as usize].load(Ordering::Relaxed) as u32;
        // Release: passes the links on to the next thread.
        self.head.store(next, Ordering::Release);
        self.links[index as usize].store(value, Ordering::Relaxed);
        index
    }
    fn remove(&mut self, key: u32) {
        let head = self.lock();
        // Relaxed: only the thread that has stored the marker reads or writes links.
        self.links[key as usize].store(u64::from(head), Ordering::Relaxed);
        // Release: passes the links on to the next thread.
        self.head.store(key, Ordering::Release);
    }
}
