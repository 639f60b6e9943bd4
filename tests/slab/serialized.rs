//! Slabs that are written and read by serde.

use std::sync::atomic::{AtomicBool, Ordering};

use serde::de::DeserializeSeed;
use slotarena::{Key, Slab};

fn read(text: &str) -> Result<Slab<String>, serde_json::Error> {
    Slab::builder().capacity(9_000).deserialize(&mut serde_json::Deserializer::from_str(text))
}

fn written(slab: &Slab<String>) -> String {
    serde_json::to_string(slab).expect("text")
}

#[test]
fn a_slab_that_is_read_back_has_the_same_keys() {
    let slab: Slab<String> = Slab::builder().capacity(9_000).build().expect("a small slab");
    assert_eq!(written(&slab), "[[],[]]");
    let mut dead = Vec::new();
    let mut live = Vec::new();
    for n in 0..8_000_u32 {
        let key = slab.insert(n.to_string()).expect("room");
        match n % 3 {
            0 => {
                assert!(slab.remove(key));
                dead.push(key);
            }
            _ => live.push(key),
        }
    }
    let vacant = slab.vacant_entry().expect("room");
    dead.push(vacant.key());
    let text = written(&slab);
    let same = read(&text).expect("a slab");
    drop(vacant);
    assert_eq!((same.len(), same.capacity()), (live.len(), 9_000));
    assert_eq!(same.audit().expect("in order").live, live.len() as u64);
    let guard = same.pin();
    for &key in &live {
        assert_eq!(guard.get(key), slab.get(key).as_deref());
    }
    drop(guard);
    assert!(dead.iter().all(|key| !same.contains(*key)));
    assert_eq!(written(&same), text.clone());
    while let Ok(key) = same.insert(String::new()) {
        assert!(!dead.contains(&key) && !live.contains(&key), "{key} twice");
    }
    assert_eq!(same.len(), 9_000);
}

#[test]
fn what_is_removed_meanwhile_is_written_as_it_was() {
    let slab: Slab<String> = Slab::builder().capacity(100).build().expect("a small slab");
    let guard = slab.pin();
    let key = slab.insert("a".to_owned()).expect("room");
    assert!(slab.remove(key), "a guard delays the drop");
    let same = read(&written(&slab)).expect("a slab");
    assert!(same.is_empty());
    let keys: Vec<Key> = (0..100).map(|_| same.insert(String::new()).expect("room")).collect();
    assert!(!keys.contains(&key));
    drop(guard);
}

#[test]
fn a_slab_in_use_is_written_as_it_is_at_one_moment() {
    let slab: Slab<Box<u64>> = Slab::builder().capacity(2_000).build().expect("a small slab");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let stamped = |_| slab.insert_with(|key| Box::new(key.to_raw()));
                    let keys: Vec<Key> = (0..200).map_while(|n| stamped(n).ok()).collect();
                    assert!(keys.into_iter().all(|key| slab.remove(key)));
                }
            });
        }
        for _ in 0..if cfg!(debug_assertions) { 10 } else { 100 } {
            let text = serde_json::to_string(&slab).expect("text");
            let same: Slab<Box<u64>> = serde_json::from_str(&text).expect("a slab");
            assert!(same.pin().iter().all(|(key, value)| key.to_raw() == **value));
            same.audit().expect("in order");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(slab.is_empty());
}

#[test]
fn exhausted_slots_stay_so() {
    let builder = Slab::<String>::builder().capacity(2).last_generation(1);
    let slab = builder.build().expect("a small slab");
    for _ in 0..3 {
        let key = slab.insert(String::new()).expect("room");
        assert!(slab.remove(key));
    }
    let text = written(&slab);
    let same = builder.deserialize(&mut serde_json::Deserializer::from_str(&text)).expect("two");
    assert_eq!((same.stats().exhausted, slab.stats().exhausted), (1, 1));
    let key = same.insert(String::new()).expect("one generation is left");
    assert_eq!(key.generation(), 1);
    assert!(same.remove(key) && same.insert(String::new()).is_err());
    assert!(read("[[4294967295],[]]").is_err(), "no such generation");
}

#[test]
fn wrong_texts_are_refused() {
    for (text, why) in [
        ("[[1],[[1,\"a\"]]]", "1v0 is no key of a value"),
        ("[[0],[[2,\"a\"]]]", "2v0 is no key of a value"),
        ("[[0],[[1,\"a\"],[1,\"b\"]]]", "1v0 is no key of a value"),
        ("[[0],[[0,\"a\"]]]", "0x0 is no key"),
        ("[[2147483648],[]]", "generation 2147483648 is above 2147483646"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(why), "{error}");
    }
    let zeros = format!("[[{}0],[]]", "0,".repeat(9_000));
    assert!(read(&zeros).expect_err("too many").to_string().contains("9000"));
}
