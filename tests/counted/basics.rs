//! Each operation by itself.

use slotarena::slab::TakeError;
use slotarena::{AllocError, BuildError, CountedPool, CountedSlab, Key};

use super::slab;

#[test]
fn a_value_is_found_by_its_key() {
    let slab = slab();
    let keys: Vec<Key> = (0..1000).map(|n| slab.insert(n).expect("room")).collect();
    for (n, &key) in keys.iter().enumerate() {
        let entry = slab.get(key).expect("live");
        assert_eq!((*entry, entry.key()), (n, key));
        assert!(slab.contains(key));
    }
    assert_eq!((slab.len(), slab.is_empty(), slab.capacity()), (1000, false, 100_000));
}

#[test]
fn a_removed_key_is_dead() {
    let slab = slab();
    let key = slab.insert("a").expect("room");
    assert!(slab.remove(key));
    let next = slab.insert("b").expect("room");
    assert_eq!(next.index(), key.index(), "the slot is used again");
    assert_ne!(next, key);
    assert!(!slab.remove(key) && !slab.contains(key));
    assert!(slab.get(key).is_none() && slab.get_owned(key).is_none());
    assert_eq!(slab.try_remove(key), Ok(false));
    assert_eq!(slab.take(key), Err(TakeError::Absent));
    assert_eq!(slab.take_wait(key), Err(TakeError::Absent));
    assert_eq!(slab.get(next).as_deref(), Some(&"b"));
}

#[test]
fn made_up_keys_name_nothing() {
    let mut slab = slab();
    let key = slab.insert(7).expect("room");
    let numbers = [1, 2, 3, 100_000, 100_001, u64::from(u32::MAX), 1 << 32 | 1, (1 << 63) - 1];
    for key in numbers.map(Key::from_raw).into_iter().flatten().filter(|&other| other != key) {
        assert!(slab.get(key).is_none() && slab.get_owned(key).is_none(), "{key}");
        assert!(!slab.contains(key) && !slab.remove(key) && slab.get_mut(key).is_none(), "{key}");
        assert_eq!(slab.take(key), Err(TakeError::Absent), "{key}");
    }
    assert_eq!(slab.take(key), Ok(7));
}

#[test]
fn a_value_is_taken() {
    let slab = slab();
    let key = slab.insert("a".to_owned()).expect("room");
    assert_eq!(slab.take(key).as_deref(), Ok("a"));
    let key = slab.insert("b".to_owned()).expect("room");
    assert_eq!(slab.take_wait(key).as_deref(), Ok("b"));
    assert!(slab.is_empty());
    slab.audit().expect("a sound slab");
}

#[test]
fn a_value_may_know_its_key() {
    let slab = slab();
    let key = slab.insert_with(|key| key.to_raw()).expect("room");
    assert_eq!(slab.get(key).as_deref(), Some(&key.to_raw()));
    let entry = slab.vacant_entry().expect("room");
    let own = entry.key();
    assert!(!slab.contains(own) && slab.get(own).is_none() && !slab.remove(own));
    assert_eq!(entry.insert(5), own);
    assert_eq!(slab.get(own).as_deref(), Some(&5));
}

#[test]
fn an_unused_entry_frees_its_slot() {
    let slab = slab::<String>();
    let key = slab.vacant_entry().expect("room").key();
    assert!(slab.is_empty() && !slab.contains(key));
    slab.audit().expect("a sound slab");
    let next = slab.insert("a".to_owned()).expect("room");
    assert_ne!(next, key, "a key that was handed out comes no second time");
}

#[test]
fn unique_access() {
    let mut slab = slab();
    let keys = [1, 2, 3].map(|n| slab.insert(n).expect("room"));
    *slab.get_mut(keys[1]).expect("live") = 20;
    assert!(slab.remove(keys[0]));
    assert_eq!(slab.iter().collect::<Vec<_>>(), [(keys[1], &20), (keys[2], &3)]);
    let entry = slab.get_owned(keys[1]).expect("live");
    assert!(slab.get_mut(keys[1]).is_none(), "referenced");
    assert_eq!(slab.iter().count(), 2);
    drop(entry);
    assert!(slab.get_mut(keys[1]).is_some());
}

#[test]
fn a_full_slab_gives_the_value_back() {
    let slab = CountedSlab::<String>::builder().capacity(2).build().expect("a slab");
    let keys = ["a", "b"].map(|text| slab.insert(text.to_owned()).expect("room"));
    let refused = slab.insert("c".to_owned()).expect_err("full");
    assert_eq!(refused.error(), AllocError::CapacityExhausted { capacity: 2 });
    assert_eq!(refused.into_value(), "c");
    let entry = slab.get(keys[0]).expect("live");
    assert!(slab.remove(keys[0]));
    assert!(slab.insert("c".to_owned()).is_err(), "the reference keeps the slot");
    drop(entry);
    assert!(slab.insert("c".to_owned()).is_ok());
}

#[test]
fn memory_goes_back() {
    let slab = slab();
    let keys: Vec<Key> = (0..50_000).map(|n| slab.insert(n).expect("room")).collect();
    let kept = slab.get(keys[0]).expect("live");
    assert!(keys.iter().all(|&key| slab.remove(key)));
    let report = slab.sweep(0);
    assert_eq!(report.segments_committed, 1, "{report:?}");
    assert_eq!(*kept, 0);
    drop(kept);
    assert_eq!(slab.sweep(0).segments_committed, 0);
    slab.audit().expect("a sound slab");
    let key = slab.insert(1).expect("room");
    assert!(!keys.contains(&key), "generations survive");
}

#[test]
fn generations_are_used_up() {
    let builder = CountedSlab::<u8>::builder().capacity(1).last_generation(2);
    let slab = builder.build().expect("a slab");
    for generation in 0..3 {
        let key = slab.insert(1).expect("room");
        assert_eq!(key.generation(), generation);
        assert!(slab.remove(key));
    }
    assert!(slab.insert(1).is_err());
    assert!(slab.is_empty());
    assert_eq!(slab.audit().expect("a sound slab").uninitialized, 1);
}

#[test]
fn keys_have_reserved_bits_and_are_found_by_their_index() {
    let slab = CountedSlab::<u8>::builder().capacity(1).reserved_bits(31).build().expect("a slab");
    let first = slab.insert(1).expect("room");
    assert_eq!((slab.key_at(first.index()), slab.key_at(0)), (Some(first), None));
    assert!(slab.remove(first) && slab.key_at(first.index()).is_none());
    let second = slab.insert(2).expect("a second generation");
    assert_eq!(second.to_raw() >> 33, 0);
    assert!(slab.remove(second) && slab.insert(3).is_err());
    assert!(!slab.contains(Key::NULL) && slab.get(Key::NULL).is_none());
    assert!(CountedSlab::<u8>::default().is_empty() && CountedPool::<String>::default().is_empty());
}

#[test]
fn options_are_checked() {
    let built = CountedSlab::<u8>::builder().capacity(0).build();
    assert_eq!(built.err(), Some(BuildError::ZeroCapacity));
    assert!(format!("{:?}", slab::<u8>()).contains("capacity: 100000"));
}
