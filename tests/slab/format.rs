//! `Debug` and `Display` of slabs, conversions of keys, and `source()` of errors.

use std::error::Error;

use slotarena::{AllocError, Key, Pool, Slab};

use crate::common::is_short;

#[test]
fn debug_of_a_slab_is_one_short_line() {
    let slab = Slab::<String>::new().expect("addresses");
    let mutator = slab.mutator();
    let guard = mutator.pin();
    is_short(&slab, "Slab");
    is_short(&mutator, "Mutator");
    is_short(&guard, "Guard");
    is_short(&slab.vacant_entry().expect("room"), "VacantEntry");
    is_short(&Pool::<String>::new().expect("addresses"), "Pool");
}

#[test]
fn debug_takes_no_lock() {
    let slab: Slab<_> = Slab::builder().capacity(100).build().expect("a small slab");
    slab.insert(1).expect("room");
    let mut met = 0;
    slab.retain(|_, _| {
        is_short(&slab, "Slab");
        met += 1;
        true
    });
    slab.insert_with(|_| {
        is_short(&slab, "Slab");
        2
    })
    .expect("room");
    assert_eq!(met, 1);
}

#[test]
fn a_key_is_displayed_as_index_and_generation() {
    let key: Key = Key::from_raw(3 << 32 | 7).expect("a key");
    assert_eq!((key.to_string().as_str(), format!("{key:?}").as_str()), ("7v3", "Key(7v3)"));
    let slab: Slab<_> = Slab::builder().capacity(1).build().expect("a small slab");
    let first = slab.insert(1).expect("room");
    assert!(slab.remove(first));
    let second = slab.insert(1).expect("room");
    assert_eq!((first.to_string(), second.to_string()), ("1v0".to_owned(), "1v1".to_owned()));
}

#[test]
fn a_number_converts_to_a_key_unless_no_key_has_it() {
    for raw in [1, 3 << 32 | 7, u64::from(u32::MAX)] {
        let key = Key::<()>::try_from(raw).expect("a key");
        assert_eq!((u64::from(key), key.to_raw(), Key::from_raw(raw)), (raw, raw, Some(key)));
    }
    for raw in [0, 1 << 32, 1 << 63, 1 << 63 | 1] {
        assert_eq!(Key::<()>::from_raw(raw), None);
        let error = Key::<()>::try_from(raw).expect_err("no key");
        assert_eq!(error.raw(), raw);
        assert!(error.to_string().contains(&format!("{raw:#x} is no key")), "{error}");
    }
}

#[test]
fn a_refused_value_has_the_reason_as_its_source() {
    let slab: Slab<_> = Slab::builder().capacity(1).build().expect("a small slab");
    slab.insert("one").expect("room");
    let error = slab.insert("two").expect_err("full");
    let inner = AllocError::CapacityExhausted { capacity: 1 };
    assert_eq!(error.error(), inner);
    assert_eq!(error.source().map(ToString::to_string), Some(inner.to_string()));
    assert!(!error.to_string().contains(&inner.to_string()), "{error}");
    is_short(&error, "InsertError");
    assert_eq!(error.into_value(), "two");
}

#[test]
#[cfg(feature = "serde")]
fn keys_are_serialized_as_numbers() {
    let slab: Slab<_> = Slab::builder().capacity(100).build().expect("a small slab");
    let key: Key = slab.insert(1).expect("room");
    let text = serde_json::to_string(&key).expect("a number");
    assert_eq!(text, key.to_raw().to_string());
    assert_eq!(serde_json::from_str::<Key>(&text).expect("a key"), key);
    let error = serde_json::from_str::<Key>("0").expect_err("no key has 0");
    assert!(error.to_string().contains("0x0 is no key"), "{error}");
}

#[test]
#[cfg(feature = "serde")]
fn handles_are_serialized_as_numbers() {
    use slotarena::Handle;

    for raw in [1, 8192, u32::MAX] {
        let handle = Handle::from_raw(raw).expect("not null");
        let text = serde_json::to_string(&handle).expect("a number");
        assert_eq!(text, raw.to_string());
        assert_eq!(serde_json::from_str::<Handle>(&text).expect("a handle"), handle);
    }
    let error = serde_json::from_str::<Handle>("0").expect_err("null");
    assert!(error.to_string().contains("the null handle names no slot"), "{error}");
    assert!(serde_json::from_str::<Handle>("4294967296").is_err(), "more than 32 bits");
}
