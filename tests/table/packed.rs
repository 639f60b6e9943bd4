//! Entries of every type come back as they were stored.

use std::fmt::Debug;
use std::ptr::{NonNull, without_provenance_mut};

use slotarena::{AllocError, Packed, Pointer, SetError, Table};

use crate::common::check_empty;

const TOP: u64 = 1 << 63;

/// Stores each value in every way, and reads it back in every way.
fn round_trips<E: Packed + PartialEq + Debug>(values: &[E]) {
    let table = Table::<E>::builder().capacity(100).build().expect("a table");
    let mut handles = Vec::new();
    table.allocate_many(values, &mut handles).expect("slots");
    let mut met = 0;
    for (&handle, &value) in handles.iter().zip(values) {
        assert_eq!(table.get(handle), Some(value));
        let other = table.allocate_uninitialized().expect("a slot");
        assert_eq!(table.set(other, value), Ok(None));
        assert_eq!(table.set(other, values[0]), Ok(Some(value)));
        assert_eq!(table.free(other), Ok(values[0]));
    }
    table.for_each_live(|handle, entry| {
        let place = handles.iter().position(|&h| h == handle).expect("a handle of this test");
        assert_eq!(entry, values[place]);
        met += 1;
    });
    assert_eq!(met, values.len());
    for (handle, &value) in handles.into_iter().zip(values) {
        assert_eq!(table.free(handle), Ok(value));
    }
    check_empty(&table);
}

#[test]
fn small_integers_come_back_as_they_were() {
    round_trips(&[0u8, 1, u8::MAX]);
    round_trips(&[0u16, 1, u16::MAX]);
    round_trips(&[0u32, 1, u32::MAX]);
    round_trips(&[0i8, 1, -1, i8::MIN, i8::MAX]);
    round_trips(&[0i16, 1, -1, i16::MIN, i16::MAX]);
    round_trips(&[0i32, 1, -1, i32::MIN, i32::MAX]);
}

#[test]
fn wide_integers_come_back_as_they_were() {
    round_trips(&[0u64, 1, 1 << 62, 3 << 61, TOP - 1]);
    round_trips(&[0usize, 1, isize::MAX as usize]);
}

#[test]
fn unit_truth_values_and_characters_come_back_as_they_were() {
    round_trips(&[()]);
    round_trips(&[false, true]);
    round_trips(&['\0', 'a', '\u{d7ff}', '\u{e000}', char::MAX]);
}

#[test]
fn pairs_come_back_as_they_were() {
    let edges = [0, 1, 1 << 62, TOP - 1];
    let pairs = edges.map(|low| [low, u64::MAX ^ low]);
    round_trips(&pairs);
    round_trips(&pairs.map(|[low, high]| (low, high)));
    round_trips(&[[0, TOP], [TOP - 1, u64::MAX]]);
}

#[test]
fn a_pointer_comes_back_with_its_provenance() {
    let mut numbers = [11u32, 22];
    let start = NonNull::from(&mut numbers).cast::<u32>();
    let table = Table::<Pointer<u32>>::builder().capacity(10).build().expect("a table");
    let handle = table.allocate(Pointer::new(start)).expect("a slot");
    let found = table.get(handle).expect("live").get();
    assert_eq!(found, start);
    // SAFETY: points to the first of `numbers`, to which no other reference exists.
    assert_eq!(unsafe { found.read() }, 11);
    assert_eq!(table.free(handle), Ok(Pointer::new(start)));
}

/// Every operation that stores a value refuses one with the reserved bit. The error names the word.
#[track_caller]
fn is_refused<E: Packed + PartialEq + Debug>(good: E, bad: E, word: u128) {
    let table = Table::<E>::builder().capacity(10).build().expect("a table");
    let error = table.allocate(bad).expect_err("bit 63 is reserved");
    assert_eq!(error, AllocError::ReservedBit { word });
    assert!(error.to_string().contains(&format!("{word:#x}")), "{error}");
    let handle = table.allocate(good).expect("a slot");
    let error = table.set(handle, bad).expect_err("bit 63 is reserved");
    assert_eq!(error, SetError::ReservedBit { word });
    assert!(error.to_string().contains(&format!("{word:#x}")), "{error}");
    assert_eq!(table.free(handle), Ok(good));
    let handle = table.allocate_uninitialized().expect("a slot");
    assert_eq!(table.set(handle, bad), Err(SetError::ReservedBit { word }));
    assert_eq!(table.free_uninitialized(handle), Ok(()));
    let many = table.allocate_many(&[good, bad], &mut Vec::new());
    assert_eq!(many, Err(AllocError::ReservedBit { word }));
    check_empty(&table);
}

#[test]
fn a_number_with_the_reserved_bit_is_refused() {
    is_refused(1u64, TOP, u128::from(TOP));
    is_refused(1u64, u64::MAX, u128::from(u64::MAX));
}

#[cfg(target_pointer_width = "64")]
#[test]
fn an_address_with_the_reserved_bit_is_refused() {
    is_refused(1usize, usize::MAX, u128::from(u64::MAX));
    let at =
        |address| Pointer::<u8>::new(NonNull::new(without_provenance_mut(address)).expect("not 0"));
    is_refused(at(1), at(1 << 63 | 5), u128::from(TOP | 5));
}

#[test]
fn a_pair_whose_first_word_has_the_reserved_bit_is_refused() {
    is_refused([1, 2], [TOP, 3], 3 << 64 | u128::from(TOP));
    is_refused((1, 2), (TOP | 1, u64::MAX), u128::from(u64::MAX) << 64 | u128::from(TOP | 1));
}

/// A kind and a payload in one word.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Node {
    kind: u8,
    payload: u32,
}

impl Packed for Node {
    type Word = u64;
    fn to_word(self) -> u64 {
        u64::from(self.kind) << 32 | u64::from(self.payload)
    }
    unsafe fn from_word(word: u64) -> Self {
        Node { kind: (word >> 32) as u8, payload: word as u32 }
    }
}

#[test]
fn a_users_own_entry_of_one_word_comes_back_as_it_was() {
    round_trips(&[Node { kind: 0, payload: 0 }, Node { kind: 255, payload: u32::MAX }]);
}

/// A node and a number, in two words.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Edge {
    from: Node,
    weight: i64,
}

impl Packed for Edge {
    type Word = u128;
    fn to_word(self) -> u128 {
        u128::from(self.weight as u64) << 64 | u128::from(self.from.to_word())
    }
    unsafe fn from_word(word: u128) -> Self {
        // SAFETY: the low word is a node's.
        let from = unsafe { Node::from_word(word as u64) };
        Edge { from, weight: (word >> 64) as i64 }
    }
}

#[test]
fn a_users_own_entry_of_two_words_comes_back_as_it_was() {
    let from = Node { kind: 7, payload: 9 };
    round_trips(&[Edge { from, weight: i64::MIN }, Edge { from, weight: -1 }]);
}
