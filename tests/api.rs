//! What a user sees, one behaviour a test.
use slotarena::*;

#[test]
fn smoke() {
    let t = Table::<u64>::builder().capacity(100_000).build().unwrap();
    let mut hs = vec![];
    for i in 0..50_000 {
        hs.push(t.allocate(i).unwrap());
    }
    for (i, &h) in hs.iter().enumerate() {
        assert_eq!(t.get(h), Some(i as u64));
    }
    println!("{:?}", t.stats());
    println!("{:?}", t.audit().map(|a| (a.live, a.free, a.slots_committed)));
    for (i, &h) in hs.iter().enumerate() {
        if i % 3 != 0 {
            assert_eq!(t.free(h), Ok(i as u64));
        }
    }
    t.audit().unwrap();
    println!("{:?}", t.sweep(0));
    t.audit().unwrap();
    for (i, &h) in hs.iter().enumerate() {
        if i % 3 == 0 {
            assert_eq!(t.free(h), Ok(i as u64));
        }
    }
    println!("{:?}", t.sweep(0));
    println!("{:?}", t.stats());
    t.audit().unwrap();
    t.close().unwrap();
}
#[test]
fn threads() {
    let t = Table::<u64>::builder().capacity(1000).build().unwrap();
    std::thread::scope(|s| {
        for k in 0..4 {
            let t = &t;
            s.spawn(move || {
                let mut m = vec![];
                for i in 0..200000u64 {
                    if m.len() < 240 && i % 7 != 0 {
                        m.push(t.allocate(k).unwrap());
                    } else {
                        for h in m.drain(..) {
                            assert_eq!(t.free(h), Ok(k));
                        }
                    }
                    if i % 1000 == 0 {
                        t.sweep(0);
                    }
                }
                for h in m {
                    t.free(h).unwrap();
                }
            });
        }
    });
    t.audit().unwrap();
    println!("{:?}", t.sweep(0));
    println!("{:?}", t.stats());
}
#[test]
fn wide() {
    let t = Table::<[u64; 2]>::builder().capacity(10000).build().unwrap();
    assert_eq!(t.get_raw(5), None);
    assert_eq!(t.get_raw(u32::MAX), None);
    let h = t.allocate([1, u64::MAX]).unwrap();
    assert_eq!(t.get(h), Some([1, u64::MAX]));
    assert_eq!(t.free(h), Ok([1, u64::MAX]));
    assert!(t.free(h).is_err());
    let t = Table::<u32>::new().unwrap();
    println!("{} {}", t.capacity(), t.reserved_bytes());
}
