//! Keys of removed values never name a later value.

use slotarena::{AllocError, Key, Slab};

/// How often a slot is reused. Fewer times under Miri, which is slow.
const REUSES: u32 = if cfg!(miri) { 500 } else { 10_000_000 };

fn key(index: u32, generation: u32) -> Key {
    Key::from_raw(u64::from(generation) << 32 | u64::from(index)).expect("a key")
}

#[test]
fn ten_million_reuses_of_a_slot_have_as_many_keys() {
    let slab: Slab<u32> = Slab::builder().capacity(1).build().expect("a small slab");
    let mutator = slab.mutator();
    for n in 0..REUSES {
        let inserted = mutator.insert(n).expect("room");
        assert_eq!(inserted, key(1, n), "the same slot, the next generation");
        assert!(mutator.remove(inserted));
    }
    let last = mutator.insert(7).expect("room");
    assert_eq!(last, key(1, REUSES));
    let guard = mutator.pin();
    for n in 0..REUSES {
        assert!(guard.get(key(1, n)).is_none(), "generation {n}");
    }
    assert_eq!(guard.get(last), Some(&7));
}

#[test]
fn a_released_segment_continues_its_generations() {
    let slab: Slab<u64> = Slab::builder().capacity(20_000).build().expect("a small slab");
    let mut old = Vec::new();
    for cycle in 0..20 {
        let keys: Vec<Key> = (0..20_000).map(|n| slab.insert(n).expect("room")).collect();
        let stats = slab.stats();
        assert_eq!((stats.live, stats.free), (20_000, 0));
        for &key in &keys {
            assert!(old.iter().all(|&stale| stale != key));
            assert!(slab.remove(key));
        }
        // A few slots have many more generations than the others.
        for n in 0..1000 * cycle {
            let key = slab.insert(n).expect("room");
            assert!(slab.remove(key));
        }
        assert_eq!(slab.sweep(0).segments_committed, 0, "all memory is released");
        old.extend(keys.iter().step_by(997));
        assert!(old.iter().all(|&key| !slab.contains(key) && slab.get(key).is_none()));
    }
    let stats = slab.stats();
    assert!(stats.bytes_generations <= 4 * 6, "one number for each segment: {stats:?}");
    let keys: Vec<Key> = (0..20_000).map(|n| slab.insert(n).expect("room")).collect();
    assert!(keys.iter().all(|key| key.generation() >= 20));
    assert!(old.iter().all(|&key| !slab.contains(key)));
}

#[test]
fn a_slot_without_generations_left_is_exhausted() {
    let slab: Slab<String> =
        Slab::builder().capacity(2).last_generation(3).build().expect("a small slab");
    for n in 0..8 {
        let key = slab.insert(n.to_string()).expect("generations are left");
        assert!(key.generation() <= 3);
        assert_eq!(slab.stats().exhausted, n / 4);
        match n % 3 {
            0 => assert!(slab.remove(key)),
            1 => assert_eq!(slab.take(key), Ok(n.to_string())),
            _ => {
                let guard = slab.pin();
                assert!(guard.get(key).is_some() && slab.remove(key));
                drop(guard);
                assert_eq!(slab.flush(), 0);
            }
        }
    }
    let stats = slab.stats();
    assert_eq!((stats.exhausted, stats.live, stats.free, stats.reserved), (2, 0, 0, 0));
    let error = slab.insert("more".to_owned()).expect_err("no slot is left");
    assert_eq!(error.error(), AllocError::CapacityExhausted { capacity: 2 });
    slab.audit().expect("in order");
    assert_eq!(slab.sweep(0).segments_released, 0, "its slots would repeat their generations");
    for index in 1..3 {
        assert!((0..=3).all(|generation| !slab.contains(key(index, generation))));
    }
}

#[test]
fn made_up_keys_name_nothing() {
    let slab: Slab<u8> = Slab::builder().capacity(100).build().expect("a small slab");
    let real = slab.insert(1).expect("room");
    let guard = slab.pin();
    for index in [1, 2, 99, 100, 101, 1 << 20, u32::MAX] {
        for generation in [0, 1, 2, (1 << 30) - 1, 1 << 30, (1 << 31) - 1] {
            let key = key(index, generation);
            assert_eq!(guard.get(key).is_some(), key == real);
            assert_eq!(slab.contains(key), key == real);
            assert!(key == real || (!slab.remove(key) && slab.take(key).is_err()));
        }
    }
}

#[test]
fn reserved_bits_of_keys_are_clear() {
    let slab: Slab<u8> =
        Slab::builder().capacity(1).reserved_bits(30).build().expect("a small slab");
    for _ in 0..4 {
        let key = slab.insert(1).expect("generations are left");
        assert_eq!(key.to_raw() >> 34, 0);
        assert!(slab.remove(key));
    }
    assert!(slab.insert(1).is_err());
    let wrong = std::panic::catch_unwind(|| Slab::<u8>::builder().reserved_bits(32));
    assert!(wrong.is_err(), "no bit for a generation");
}

#[test]
fn the_null_key_names_nothing() {
    let slab = Slab::<u8>::builder().build().expect("a slab");
    slab.insert(1).expect("room");
    assert!(!slab.contains(Key::NULL) && slab.get(Key::NULL).is_none());
    assert!(!slab.remove(Key::default()) && Key::<()>::default().is_null());
    assert_eq!((slab.key_at(0), slab.key_at(u32::MAX)), (None, None));
}
