//! Threads that end, panics, and slabs that are gone.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use slotarena::counted::OwnedEntry;
use slotarena::slab::Clear;
use slotarena::{CountedPool, CountedSlab, Key};

use super::{Counted, count, counter, slab};

#[test]
fn a_thread_drops_its_last_reference_when_it_ends() {
    std::thread_local! {
        static KEPT: RefCell<Option<OwnedEntry<Counted>>> = const { RefCell::new(None) };
    }
    let (drops, value) = counter();
    let slab = slab();
    for _ in 0..10 {
        let key = slab.insert(value()).expect("room");
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| KEPT.set(slab.get_owned(key)));
            thread.join().expect("a thread");
        });
        assert!(slab.remove(key));
        assert!(slab.is_empty());
        slab.audit().expect("a sound slab");
    }
    assert_eq!(count(&drops), 10);
}

struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("on purpose");
        }
    }
}

fn panics<R>(f: impl FnOnce() -> R) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

#[test]
fn a_panic_in_a_drop_loses_nothing() {
    let slab = slab();
    let keys = [(); 4].map(|()| slab.insert(Panics).expect("room"));
    let (one, two) = (slab.get(keys[0]).expect("live"), slab.get_owned(keys[1]).expect("live"));
    assert!(slab.remove(keys[0]) && slab.remove(keys[1]));
    panics(|| drop(one));
    panics(|| drop(two));
    panics(|| slab.remove(keys[2]));
    assert_eq!(slab.len(), 1);
    slab.audit().expect("a sound slab");
    let last = slab.get_owned(keys[3]).expect("live");
    drop(slab);
    panics(|| drop(last));
}

#[test]
fn a_panic_in_a_drop_of_the_slab_loses_nothing() {
    let (drops, value) = counter();
    let slab = slab();
    for n in 0..10 {
        let panics = (n % 4 == 1).then(|| Panics);
        slab.insert((value(), panics)).expect("room");
    }
    panics(|| drop(slab));
    assert_eq!(count(&drops), 10);
}

#[test]
fn a_panic_in_clear_drops_the_value() {
    #[derive(Default)]
    struct Fussy(Option<Counted>);
    impl Clear for Fussy {
        fn clear(&mut self) {
            panic!("on purpose");
        }
    }
    let (drops, value) = counter();
    let pool = CountedPool::<Fussy>::builder().capacity(10).build().expect("a pool");
    let key = pool.create_with(|fussy| fussy.0 = Some(value())).expect("room");
    panics(|| pool.clear(key));
    assert_eq!((count(&drops), pool.len()), (1, 0));
    pool.audit().expect("a sound pool");
    let key = pool.create_with(|fussy| assert!(fussy.0.is_none())).expect("room");
    assert!(pool.contains(key));
}

#[test]
fn a_drop_may_use_the_slab() {
    struct Uses(Arc<CountedSlab<Uses>>, u32);
    impl Drop for Uses {
        fn drop(&mut self) {
            if self.1 > 0 {
                let next = Uses(Arc::clone(&self.0), self.1 - 1);
                let key = self.0.insert(next).expect("room");
                let entry = self.0.get(key).expect("live");
                assert!(self.0.remove(key));
                drop(entry);
            }
        }
    }
    let slab = Arc::new(slab());
    let key = slab.insert(Uses(Arc::clone(&slab), 20)).expect("room");
    assert!(slab.remove(key));
    assert!(slab.is_empty());
    slab.audit().expect("a sound slab");
}

#[test]
fn owned_references_of_many_slabs_outlive_them() {
    let (drops, value) = counter();
    let entries: Vec<_> = (0..100)
        .map(|_| {
            let slab = CountedSlab::<_>::builder().capacity(10).build().expect("a slab");
            let key: Key = slab.insert(value()).expect("room");
            slab.get_owned(key).expect("live")
        })
        .collect();
    assert_eq!(count(&drops), 0);
    std::thread::spawn(|| drop(entries)).join().expect("a thread");
    assert_eq!(count(&drops), 100);
}
