//! What many small slabs take, and give back.

use slotarena::{CountedPool, CountedSlab, Pool, Slab};

use crate::alone::alone;

const SLABS: usize = 10_000;

/// The bytes of the heap that are in use, those of the process's memory, and its mappings.
fn figures() -> [i64; 3] {
    // SAFETY: reads the C library's figures.
    let heap = unsafe { libc::mallinfo2() };
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("the process's memory");
    let line = text.lines().find(|line| line.starts_with("Anonymous:")).expect("a line");
    let resident = line.split_whitespace().nth(1).and_then(|number| number.parse().ok());
    let resident: i64 = resident.expect("a number");
    let mappings = std::fs::read_to_string("/proc/self/maps").expect("the process's mappings");
    let mappings = mappings.lines().count() as i64;
    [(heap.uordblks + heap.hblkhd) as i64, resident * 1024, mappings]
}

/// Checks what a slab takes between two moments, of the heap and of memory. The process keeps a few
/// lists of all slabs, in mappings of their own.
#[track_caller]
fn took(before: [i64; 3], after: [i64; 3], most: i64) {
    for i in 0..2 {
        let bytes = (after[i] - before[i]) / SLABS as i64;
        assert!(bytes <= most, "{bytes} bytes a slab, from {before:?} to {after:?}");
    }
    assert!(after[2] - before[2] < 20, "mappings from {before:?} to {after:?}");
}

/// Makes slabs, uses each, and drops them.
fn many<S>(build: impl Fn() -> S, insert: impl Fn(&S)) {
    let mut slabs: Vec<S> = Vec::with_capacity(SLABS);
    // What the process and the thread make once.
    let first = build();
    insert(&first);
    // So that the list itself is resident.
    slabs.spare_capacity_mut().iter_mut().for_each(|place| {
        let bytes = place.as_mut_ptr().cast::<u8>();
        // SAFETY: inside the list's memory.
        unsafe { bytes.write_volatile(0) };
    });
    let before = figures();
    slabs.extend((0..SLABS).map(|_| build()));
    let made = figures();
    took(before, made, 4096);
    slabs.iter().for_each(&insert);
    took(made, figures(), 8192);
    drop(slabs);
    let left = figures()[0] - before[0];
    assert!(left < 64 << 10, "{left} bytes are left");
    insert(&first);
}

macro_rules! test {
    ($name:ident, $type:ty, $insert:expr) => {
        #[test]
        fn $name() {
            alone(concat!("small::", stringify!($name)), || {
                let build = || <$type>::builder().capacity(64).build().expect("a slab");
                many(build, |slab: &$type| {
                    $insert(slab).expect("a slot");
                });
            });
        }
    };
}

test!(ten_thousand_slabs_take_little_and_give_it_back, Slab<u64>, |slab: &Slab<u64>| {
    slab.insert(1)
});

test!(ten_thousand_counted_slabs, CountedSlab<u64>, |slab: &CountedSlab<u64>| slab.insert(1));

test!(ten_thousand_counted_pools, CountedPool<()>, |pool: &CountedPool<()>| {
    pool.create_with(|()| ())
});

/// A pool also has a queue for the values that it keeps.
#[test]
fn ten_thousand_pools() {
    alone("small::ten_thousand_pools", || {
        let build = || Pool::<()>::builder().capacity(64).spare(16).build().expect("a pool");
        many(build, |pool| {
            pool.create_with(|()| ()).expect("a slot");
        });
    });
}

/// Whatever a slab of few values is used for, it works as any other.
#[test]
fn a_small_slab_is_filled_swept_and_audited() {
    let slab = Slab::<u64>::builder().capacity(64).build().expect("a slab");
    for round in 0..5 {
        let keys: Vec<_> = (0..64).map(|n| slab.insert(n + round).expect("a slot")).collect();
        assert!(slab.insert(0).is_err());
        let full = slab.audit().expect("a whole slab");
        assert_eq!((full.live, full.slots_committed), (64, 64));
        std::thread::scope(|scope| {
            let (one, two) = keys.split_at(32);
            for keys in [one, two] {
                scope.spawn(|| assert!(keys.iter().all(|&key| slab.take(key).is_ok())));
            }
        });
        let report = slab.sweep(0);
        assert_eq!((report.live, report.segments_committed), (0, 0), "{report:?}");
        assert!(keys.iter().all(|&key| !slab.contains(key)));
        slab.audit().expect("a whole slab");
    }
}
