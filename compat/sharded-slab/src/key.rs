//! Keys as numbers.

use slotarena::Key;

/// Returns the key of a number, if there is one. `key` may be any number.
#[inline]
pub(crate) fn from_number(key: usize) -> Option<Key> {
    Key::from_raw(key as u64)
}

#[inline]
pub(crate) fn to_number(key: Key) -> usize {
    key.to_raw() as usize
}
