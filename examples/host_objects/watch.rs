//! The host's own handles: a thread of the host uses buffers that the script handed over.
//!
//! These handles are roots, as those of the guest are, and three rules hold for them. A collection
//! marks them when it begins. A handle that is stored while the guest marks is marked at once,
//! since the guest may lose its own before its tracer comes. And a compaction keeps the thread out,
//! since a handle that the thread has loaded names nothing once its entry has moved.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use slotarena::collected::{ExternalPointerTable, Tag};

use crate::ledger::{Audited, Fault, Ledger};
use crate::objects::{Buffer, Kind};

/// The buffers that the thread uses at a time. A later one takes the place of the first.
pub const PLACES: usize = 64;
/// How long the thread rests between two rounds.
const REST: Duration = Duration::from_micros(20);

/// A handle of the host, and what it has to lead to.
pub struct Place {
    pub handle: AtomicU32,
    serial: u64,
}

#[derive(Default)]
struct Shared {
    places: RwLock<Vec<Place>>,
    uses: AtomicU64,
    /// Set when the script may have forged what it handed over.
    doubt: AtomicBool,
    stop: AtomicBool,
}

/// The handles, and the thread that uses them.
pub struct Watch {
    shared: Arc<Shared>,
    next: Cell<usize>,
    thread: Option<JoinHandle<()>>,
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Vec<Place>> {
        self.places.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Vec<Place>> {
        self.places.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Uses each buffer once.
    fn round(&self, table: &ExternalPointerTable, tag: Tag<Audited<Buffer>>, ledger: &Ledger) {
        let places = self.read();
        let doubt = self.doubt.load(Ordering::Relaxed);
        for place in &*places {
            let used = table.with(place.handle.load(Ordering::Relaxed), tag, |buffer| {
                buffer.check(ledger, Kind::Buffer as u16);
                if buffer.serial() != place.serial && !doubt {
                    ledger.fault(Fault::Mistaken);
                }
                buffer.body.sum()
            });
            match used {
                Ok(_) => self.uses.fetch_add(1, Ordering::Relaxed),
                Err(_) if doubt => 0,
                Err(_) => {
                    ledger.fault(Fault::DroppedEarly);
                    0
                }
            };
        }
    }
}

impl Watch {
    /// Starts the thread.
    pub fn start(
        table: ExternalPointerTable,
        tag: Tag<Audited<Buffer>>,
        ledger: Arc<Ledger>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        let thread = thread::spawn(move || {
            while !own.stop.load(Ordering::Relaxed) {
                own.round(&table, tag, &ledger);
                thread::sleep(REST);
            }
        });
        Self { shared, next: Cell::new(0), thread: Some(thread) }
    }

    /// Hands a buffer over. The caller sees to its mark.
    pub fn put(&self, handle: u32, serial: u64) {
        let mut places = self.shared.write();
        let place = Place { handle: AtomicU32::new(handle), serial };
        if places.len() < PLACES {
            places.push(place);
        } else {
            places[self.next.replace((self.next.get() + 1) % PLACES)] = place;
        }
    }

    /// From now on, what the script hands over may be forged.
    pub fn doubt(&self) {
        self.shared.doubt.store(true, Ordering::Relaxed);
    }

    /// Returns all places, while the thread may use them, too.
    pub fn places(&self) -> RwLockReadGuard<'_, Vec<Place>> {
        self.shared.read()
    }

    /// Returns all places, and keeps the thread out.
    pub fn alone(&self) -> RwLockWriteGuard<'_, Vec<Place>> {
        self.shared.write()
    }

    /// Counts the uses by the thread.
    pub fn uses(&self) -> u64 {
        self.shared.uses.load(Ordering::Relaxed)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_buffer_takes_the_place_of_the_first() {
        let table = ExternalPointerTable::builder().capacity(1000).build().unwrap();
        let tag = Tag::owned(Kind::Buffer as u16).unwrap();
        let ledger = Arc::new(Ledger::default());
        let watch = Watch::start(table, tag, ledger.clone());
        watch.doubt();
        for handle in 1..=PLACES as u32 + 2 {
            watch.put(handle, 0);
        }
        let handles: Vec<u32> =
            watch.places().iter().map(|place| place.handle.load(Ordering::Relaxed)).collect();
        assert_eq!((handles.len(), handles[0], handles[1], handles[2]), (64, 65, 66, 3));
        drop(watch);
        assert!(ledger.clean());
    }

    #[test]
    fn a_buffer_that_is_gone_or_another_one_is_noticed() {
        let table = ExternalPointerTable::builder().capacity(1000).build().unwrap();
        let space = table.space().unwrap();
        let tag = Tag::owned(Kind::Buffer as u16).unwrap();
        let ledger = Arc::new(Ledger::default());
        let object = Box::new(Audited::new(&ledger, Kind::Buffer as u16, 0, Buffer::new(1)));
        let handle = space.allocate_owned(tag, object).unwrap().to_raw();
        let shared = Shared::default();
        shared.write().push(Place { handle: AtomicU32::new(handle), serial: 0 });
        shared.round(&table, tag, &ledger);
        assert!(ledger.clean() && shared.uses.load(Ordering::Relaxed) == 1);
        shared.write().push(Place { handle: AtomicU32::new(handle), serial: 1 });
        shared.round(&table, tag, &ledger);
        assert_eq!(ledger.count(Fault::Mistaken), 1);
        table.free(handle, tag).unwrap();
        shared.round(&table, tag, &ledger);
        assert_eq!(ledger.count(Fault::DroppedEarly), 2);
    }
}
