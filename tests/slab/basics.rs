//! Each operation by itself.

use slotarena::slab::{Owned, TakeError};
use slotarena::{AllocError, Key, Slab};

fn small<T: Send + Sync + 'static>() -> Slab<T> {
    Slab::builder().capacity(10_000).build().expect("a small slab")
}

#[test]
fn a_value_is_found_until_it_is_removed() {
    let slab = small();
    let keys: Vec<Key> = (0..5000).map(|n| slab.insert(n.to_string()).expect("room")).collect();
    let guard = slab.pin();
    for (n, &key) in keys.iter().enumerate() {
        assert_eq!(guard.get(key), Some(&n.to_string()));
        assert_eq!(Key::from_raw(key.to_raw()), Some(key));
    }
    drop(guard);
    for &key in &keys {
        assert!(slab.contains(key) && slab.remove(key));
        assert!(!slab.contains(key) && !slab.remove(key) && slab.get(key).is_none());
    }
    assert!(slab.is_empty());
    assert_eq!(slab.flush(), 0);
    assert_eq!(slab.audit().expect("in order").uninitialized, 0);
    assert_eq!(slab.sweep(0).segments_committed, 0);
}

#[test]
fn a_slot_is_reused_under_another_key() {
    let slab = small();
    let mut before = Vec::new();
    for n in 0..1000u32 {
        let key = slab.insert(n).expect("room");
        assert!(before.iter().all(|&old| slab.get(old).is_none()));
        assert_eq!(slab.get(key).as_deref(), Some(&n));
        assert_eq!(slab.take(key), Ok(n));
        before.push(key);
    }
    assert!(before.iter().all(|key| key.index() == before[0].index()), "one slot");
}

#[test]
fn a_full_slab_refuses_a_value_and_returns_it() {
    let slab: Slab<String> = Slab::builder().capacity(3).build().expect("a small slab");
    let keys: Vec<Key> = (0..3).map(|n| slab.insert(n.to_string()).expect("room")).collect();
    let error = slab.insert("more".to_owned()).expect_err("full");
    assert_eq!(error.error(), AllocError::CapacityExhausted { capacity: 3 });
    assert_eq!(error.into_value(), "more");
    assert!(slab.vacant_entry().is_err());
    let guard = slab.pin();
    let seen = guard.get(keys[0]);
    assert!(slab.remove(keys[0]));
    assert!(slab.insert("more".to_owned()).is_err(), "a guard may see the removed value");
    assert_eq!(seen.map(String::as_str), Some("0"));
    drop(guard);
    slab.insert("more".to_owned()).expect("room again: a full slab drops deferred values");
}

#[test]
fn take_returns_a_value_that_no_guard_may_see() {
    let slab = small();
    let (one, two) = (slab.insert(1).expect("room"), slab.insert(2).expect("room"));
    let guard = slab.pin();
    assert_eq!(slab.take(one), Err(TakeError::Guarded));
    assert_eq!(slab.take(one), Err(TakeError::Absent));
    drop(guard);
    assert_eq!(slab.take(two), Ok(2));
    std::thread::scope(|scope| {
        scope.spawn(|| drop(slab.pin()));
    });
    let three = slab.insert(3).expect("room");
    assert_eq!(slab.take(three), Ok(3), "there is a reader, but it has no guard");
}

#[test]
fn entries_know_their_keys() {
    let slab = small();
    let key = slab.insert_with(Key::<()>::to_raw).expect("room");
    assert_eq!(slab.get(key).as_deref(), Some(&key.to_raw()));
    let vacant = slab.vacant_entry().expect("room");
    let dead = vacant.key();
    assert!(!slab.contains(dead) && !slab.remove(dead));
    assert_eq!(slab.stats().reserved, 1);
    drop(vacant);
    let next = slab.insert(7).expect("room");
    assert_eq!(next.index(), dead.index(), "the same slot");
    assert!(!slab.contains(dead), "not the same key");
    let owned = Owned::new(&slab, 8).expect("room");
    let key = owned.key();
    assert_eq!(owned.get().as_deref(), Some(&8));
    drop(owned);
    assert!(!slab.contains(key));
    let key = Owned::new(&slab, 9).expect("room").into_key();
    assert_eq!(slab.take(key), Ok(9));
    assert_eq!(Owned::new(&slab, 9).expect("room").take(), Ok(9));
    assert_eq!(slab.stats().live, 2);
}

#[test]
fn all_values_are_visited_retained_and_drained() {
    let mut slab = small();
    for n in 0..5000u32 {
        slab.insert(n).expect("room");
    }
    assert_eq!(slab.pin().iter().map(|(_, &n)| u64::from(n)).sum::<u64>(), 4999 * 5000 / 2);
    slab.retain(|_, n| n % 2 == 0);
    assert_eq!(slab.len(), 2500);
    assert!(slab.pin().iter().all(|(key, n)| n % 2 == 0 && slab.contains(key)));
    let mut drained: Vec<u32> = slab.drain().take(100).map(|(_, n)| n).collect();
    drained.dedup();
    assert_eq!((drained.len(), slab.len()), (100, 0));
    slab.insert(1).expect("room");
    slab.clear();
    assert_eq!(slab.stats().slots_committed, slab.stats().free);
}

#[test]
fn a_mutator_does_all_that_the_slab_does() {
    let slab = small();
    let mutator = slab.mutator();
    let key = mutator.insert("x".to_owned()).expect("room");
    assert!(mutator.contains(key));
    assert_eq!(mutator.get(key).as_deref().map(String::as_str), Some("x"));
    assert_eq!(mutator.take(key).as_deref(), Ok("x"));
    let key = mutator.insert("y".to_owned()).expect("room");
    assert!(mutator.remove(key) && !mutator.remove(key));
    assert_eq!(mutator.flush(), 0);
}

#[test]
fn taking_waits_for_the_guards_of_others() {
    let slab = small();
    let mutator = slab.mutator();
    for round in 0..if cfg!(miri) { 3 } else { 100 } {
        let key = slab.insert(round.to_string()).expect("room");
        let seen = std::sync::Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let guard = slab.pin();
                let value = guard.get(key).expect("live");
                seen.wait();
                std::thread::sleep(std::time::Duration::from_micros(300));
                assert_eq!(value, &round.to_string(), "it stays as long as the guard");
            });
            seen.wait();
            let taken = if round % 2 == 0 { slab.take_wait(key) } else { mutator.take_wait(key) };
            assert_eq!(taken, Ok(round.to_string()));
        });
        assert_eq!(slab.take_wait(key), Err(TakeError::Absent));
    }
    assert_eq!((slab.len(), slab.flush()), (0, 0));
}

#[test]
fn a_value_that_the_caller_itself_may_see_is_not_waited_for() {
    let slab = small();
    let key = slab.insert("a".to_owned()).expect("room");
    let guard = slab.pin();
    assert_eq!(slab.take_wait(key), Err(TakeError::OwnGuard));
    assert_eq!(guard.get(key).map(String::as_str), Some("a"), "the value stays");
    drop(guard);
    assert_eq!(slab.take_wait(key).as_deref(), Ok("a"));
}
