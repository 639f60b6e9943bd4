//! A value that repeats its own key. A torn value holds two keys, a dropped one holds zeros, and a
//! stale one holds another key.

use std::sync::atomic::{AtomicUsize, Ordering};

use slotarena::Key;

pub const WORDS: usize = 8;

/// Its key, repeated, and the count of values that have been dropped.
pub struct Value(pub [u64; WORDS], pub &'static AtomicUsize);

impl Value {
    pub fn check(&self, key: Key) {
        assert_eq!(self.0, [key.to_raw(); WORDS], "{key:?}: torn, stale or dropped");
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        let first = self.0[0];
        assert!(first != 0 && self.0 == [first; WORDS], "dropped twice, or torn");
        self.0 = [0; WORDS];
        self.1.fetch_add(1, Ordering::Relaxed);
    }
}
