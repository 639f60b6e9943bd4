//! Calls that need the slab for themselves.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use slotarena::{Key, Slab};

fn slab(values: impl IntoIterator<Item = u64>) -> (Slab<u64>, Vec<Key>) {
    let slab = Slab::builder().capacity(100_000).build().expect("a slab");
    let keys = values.into_iter().map(|value| slab.insert(value).expect("room")).collect();
    (slab, keys)
}

#[test]
fn a_value_is_changed_in_place_and_keeps_its_key() {
    let (mut slab, keys) = slab(0..3);
    *slab.get_mut(keys[1]).expect("live") = 7;
    assert_eq!(slab.pin().values().copied().collect::<Vec<_>>(), [0, 7, 2]);
    assert!(slab.remove(keys[1]));
    assert_eq!(slab.get_mut(keys[1]), None);
    let again = slab.insert(8).expect("room");
    assert_eq!(slab.get_mut(keys[1]), None, "a key of an earlier value");
    assert_eq!(slab.get_mut(again), Some(&mut 8));
    assert_eq!(slab.get_mut(Key::from_raw(99_999).expect("a key")), None);
}

#[test]
fn several_values_are_changed_only_if_all_are_there_and_differ() {
    let (mut slab, keys) = slab(0..4);
    let [one, two, three] = slab.get_disjoint_mut([keys[3], keys[0], keys[1]]).expect("live");
    std::mem::swap(one, two);
    *three = 9;
    assert_eq!(slab.pin().values().copied().collect::<Vec<_>>(), [3, 9, 2, 0]);
    assert!(slab.get_disjoint_mut([keys[0], keys[1], keys[0]]).is_none());
    assert!(slab.remove(keys[0]));
    assert!(slab.get_disjoint_mut([keys[0], keys[1]]).is_none());
    let again = slab.insert(1).expect("room");
    assert_eq!(again.index(), keys[0].index());
    assert!(slab.get_disjoint_mut([again, keys[0]]).is_none(), "one slot, of which one key is old");
    assert_eq!(slab.get_disjoint_mut([]), Some([]));
}

#[test]
fn all_values_are_changed_in_ascending_order() {
    let (mut slab, keys) = slab(0..30_000);
    for &key in keys.iter().step_by(3) {
        assert!(slab.remove(key));
    }
    // Removed values that a guard saw wait, and are not shown.
    let guard = slab.pin();
    assert_eq!(guard.get(keys[1]), Some(&1));
    assert!(slab.remove(keys[1]));
    drop(guard);
    let mut seen = Vec::new();
    for (key, value) in &mut slab {
        seen.push(key);
        *value += 1;
    }
    let left: Vec<_> = (0..keys.len()).filter(|n| n % 3 != 0 && *n != 1).collect();
    assert!(seen.iter().eq(left.iter().map(|&n| &keys[n])));
    let guard = slab.pin();
    assert!(left.iter().all(|&n| guard[keys[n]] == n as u64 + 1));
    assert!(guard.keys().eq(seen));
}

#[test]
fn values_that_are_not_kept_are_dropped_now() {
    let mut slab: Slab<Arc<u64>> = Slab::builder().capacity(100).build().expect("a slab");
    let values: Vec<_> = (0..10).map(Arc::new).collect();
    slab.extend(values.iter().cloned());
    slab.retain_mut(|_, value| {
        let keep = **value % 2 == 0;
        *value = Arc::new(**value + 100);
        keep
    });
    assert!(values.iter().all(|value| Arc::strong_count(value) == 1));
    assert_eq!(slab.len(), 5);
    let keep = AssertUnwindSafe(|| slab.retain_mut(|_, value| **value < 104 || panic!("a test")));
    assert!(catch_unwind(keep).is_err());
    assert_eq!(slab.len(), 5, "a panic loses nothing");
    slab.audit().expect("in order");
}

#[test]
fn a_slab_is_used_up_value_by_value() {
    let (slab, keys) = slab(0..20_000);
    assert!(slab.into_iter().eq(keys.iter().copied().zip(0..)));
    let count = Arc::new(());
    let mut some: Slab<Arc<()>> = (0..100).map(|_| count.clone()).collect();
    let key = some.insert(count.clone()).expect("room");
    assert_eq!(Arc::strong_count(some.get_mut(key).expect("live")), 102);
    let mut values = some.into_iter();
    assert_eq!(values.by_ref().take(40).count(), 40);
    drop(values);
    assert_eq!(Arc::strong_count(&count), 1, "the rest is dropped with the iterator");
}

#[test]
fn what_does_not_fit_is_a_panic_that_names_the_reason() {
    let mut slab: Slab<Arc<()>> = Slab::builder().capacity(3).build().expect("a slab");
    let count = Arc::new(());
    let five = (0..5).map(|_| count.clone());
    let panic = catch_unwind(AssertUnwindSafe(|| slab.extend(five))).expect_err("three fit");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains("no room for a value: ") && text.contains('3'), "{text}");
    assert_eq!((slab.len(), Arc::strong_count(&count)), (3, 4));
    slab.clear();
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn a_key_that_names_nothing_is_a_panic_that_names_the_key() {
    let (slab, keys) = slab([5]);
    assert_eq!(slab.pin()[keys[0]], 5);
    assert!(slab.remove(keys[0]));
    let panic = catch_unwind(AssertUnwindSafe(|| slab.pin()[keys[0]])).expect_err("removed");
    let text = panic.downcast_ref::<String>().expect("a text");
    assert!(text.contains(&format!("{:?}", keys[0])), "{text}");
}

#[test]
fn keys_of_any_mark_fit() {
    struct Users;
    let mut users: Slab<String, Users> = Slab::default();
    users.extend(["a".to_owned(), "b".to_owned()]);
    users.shrink_to_fit();
    let keys: Vec<Key<Users>> = users.pin().keys().collect();
    users.get_mut(keys[0]).expect("live").push('!');
    assert_eq!(users.pin()[keys[0]], "a!");
    assert_eq!(Rc::new(users).len(), 2);
}
