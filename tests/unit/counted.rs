//! Unit tests of `src/counted/`: calls where no operation can begin, as in a signal handler.

use super::*;
use crate::CountedPool;

/// Calls `f` amid an operation of the calling thread.
fn amid_an_operation<T: Send + Sync + 'static>(inner: &Inner<T>, f: impl FnOnce()) {
    inner.with(
        |mut owner| {
            let operation = owner.enter().expect("the first");
            f();
            drop(operation);
        },
        |error| panic!("{error}"),
    );
}

#[test]
fn calls_amid_an_operation_are_refused() {
    let slab = CountedSlab::<Box<u8>>::builder().capacity(3).build().expect("a slab");
    let key = slab.insert(Box::new(1)).expect("room");
    let entry = slab.get(key).expect("live");
    amid_an_operation(slab.inner(), || {
        assert!(slab.get(key).is_none() && slab.get_owned(key).is_none());
        assert_eq!(slab.try_get(key).err(), Some(OperationError::Reentered));
        assert_eq!(slab.try_remove(key), Err(OperationError::Reentered));
        assert_eq!(slab.take(key), Err(TakeError::Operation(OperationError::Reentered)));
        let refused = slab.insert(Box::new(2)).expect_err("no operation");
        assert_eq!(refused.error(), AllocError::Operation(OperationError::Reentered));
        assert!(slab.contains(key) && **entry == 1 && **entry.clone() == 1);
    });
    assert!(slab.remove(key));
    drop(entry);
    assert!(slab.is_empty());
}

#[test]
fn a_slot_that_no_operation_frees_waits_for_a_sweep() {
    let slab = CountedSlab::<std::sync::Arc<u8>>::builder().capacity(3).build().expect("a slab");
    let value = std::sync::Arc::new(1);
    let keys = [(); 2].map(|()| slab.insert(std::sync::Arc::clone(&value)).expect("room"));
    let (one, two) = (slab.get(keys[0]).expect("live"), slab.get_owned(keys[1]).expect("live"));
    assert!(slab.remove(keys[0]) && slab.remove(keys[1]));
    amid_an_operation(slab.inner(), || drop((one, two)));
    assert_eq!(std::sync::Arc::strong_count(&value), 1, "dropped all the same");
    assert_eq!((slab.len(), slab.audit().expect("a sound slab").live), (0, 2));
    assert_eq!(slab.sweep(0).segments_committed, 0);
    slab.audit().expect("a sound slab");
}

#[test]
fn a_full_slab_finds_the_slots_that_wait() {
    let slab = CountedSlab::<u8>::builder().capacity(1).build().expect("a slab");
    for _ in 0..3 {
        let key = slab.insert(1).expect("the slot that waits");
        let entry = slab.get(key).expect("live");
        assert!(slab.remove(key));
        amid_an_operation(slab.inner(), || drop(entry));
    }
    drop(slab.vacant_entry().expect("the slot that waits"));
    let vacant = slab.vacant_entry().expect("room");
    amid_an_operation(slab.inner(), || drop(vacant));
    slab.insert(1).expect("the slot that waits");
    slab.audit().expect("a sound slab");
}

#[test]
fn a_value_is_cleared_amid_another_slabs_operation() {
    let pool = CountedPool::<String>::builder().capacity(1).build().expect("a pool");
    let key = pool.create_with(|text| text.push_str("some text")).expect("room");
    let entry = pool.get_owned(key).expect("live");
    assert!(pool.clear(key));
    let slab = CountedSlab::<u8>::builder().capacity(1).build().expect("a slab");
    // Of another slab, so it is not refused here.
    amid_an_operation(slab.inner(), || drop(entry));
    let value = pool.create().expect("room");
    assert!(value.is_empty() && value.capacity() >= 9);
}

#[test]
fn what_waits_goes_with_the_slab() {
    let slab = CountedSlab::<Box<u8>>::builder().capacity(3).build().expect("a slab");
    let key = slab.insert(Box::new(1)).expect("room");
    let entry = slab.get_owned(key).expect("live");
    assert!(slab.remove(key));
    amid_an_operation(slab.inner(), || drop(entry));
    let kept = slab.insert(Box::new(2)).expect("room");
    let kept = slab.get_owned(kept).expect("live");
    drop(slab);
    assert_eq!(**kept, 2);
}
