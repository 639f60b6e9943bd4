//! Random sequences of operations against a map.
//!
//! - A key of the map is found, with its stamp. A removed key is not.
//! - A value is dropped once, and not while a guard lives that has read it.
//! - After all guards are dropped and the slab is flushed, every removed value has been dropped.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use quickcheck::{Arbitrary, Gen, QuickCheck};
use slotarena::slab::{Guard, TakeError};
use slotarena::{Key, Slab};

/// The stamps of the dropped values.
type Dropped = Arc<Mutex<HashSet<u32>>>;

struct Value(u32, Dropped);

impl Drop for Value {
    fn drop(&mut self) {
        let fresh = self.1.lock().expect("no panic").insert(self.0);
        assert!(fresh, "value {} dropped twice", self.0);
    }
}

/// An operation. Its numbers choose among the known keys and guards.
#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    InsertWith,
    AbandonEntry,
    Remove(usize),
    RemoveDead(usize),
    Take(usize),
    Get(usize),
    GetDead(usize),
    Pin,
    Unpin(usize),
    ReadUnderGuard(usize, usize),
    Flush,
    Sweep,
    Retain(u32),
    GetOrInsert(usize, usize),
    Reader,
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let (n, m) = (usize::arbitrary(g), usize::arbitrary(g));
        match u8::arbitrary(g) % 32 {
            0..8 => Step::Insert,
            8 => Step::InsertWith,
            9 => Step::AbandonEntry,
            10..15 => Step::Remove(n),
            15 => Step::RemoveDead(n),
            16..18 => Step::Take(n),
            18..20 => Step::Get(n),
            20 => Step::GetDead(n),
            21..23 => Step::Pin,
            23..25 => Step::Unpin(n),
            25..28 => Step::ReadUnderGuard(n, m),
            28 => Step::Flush,
            29 if n % 4 == 0 => Step::Sweep,
            29 => Step::GetOrInsert(n, m),
            30 if n % 8 == 0 => Step::Retain(m as u32),
            30 => Step::Insert,
            _ => Step::Reader,
        }
    }
}

/// The expected state of the slab.
#[derive(Default)]
struct Model {
    live: HashMap<Key, u32>,
    keys: Vec<Key>,
    dead: Vec<Key>,
    stamps: u32,
    dropped: Dropped,
}

impl Model {
    fn value(&mut self) -> Value {
        self.stamps += 1;
        Value(self.stamps, Arc::clone(&self.dropped))
    }

    fn inserted(&mut self, key: Key) {
        assert!(self.live.insert(key, self.stamps).is_none(), "{key:?} is in use");
        assert!(!self.dead.contains(&key), "{key:?} was used before");
        self.keys.push(key);
    }

    fn pick(&self, n: usize) -> Option<Key> {
        self.keys.get(n % self.keys.len().max(1)).copied()
    }

    fn removed(&mut self, key: Key) -> u32 {
        self.keys.retain(|&other| other != key);
        self.dead.push(key);
        self.live.remove(&key).expect("live")
    }

    fn is_dropped(&self, stamp: u32) -> bool {
        self.dropped.lock().expect("no panic").contains(&stamp)
    }
}

/// A guard, and the stamps that it has read.
struct Watch<'s> {
    guard: Guard<'s, Value>,
    seen: Vec<u32>,
}

fn holds(steps: Vec<Step>) -> bool {
    let slab: Slab<Value> = Slab::builder().capacity(5000).build().expect("a small slab");
    let mut model = Model::default();
    // All guards belong to this thread. Its reservation is that of the oldest guard.
    let mut watches: Vec<Watch> = Vec::new();
    for step in steps {
        match step {
            Step::Insert => {
                let value = model.value();
                let key = slab.insert(value).expect("room");
                model.inserted(key);
            }
            Step::InsertWith => {
                let value = model.value();
                let mut told = None;
                let make = |key| {
                    told = Some(key);
                    value
                };
                let key = slab.insert_with(make).expect("room");
                assert_eq!(told, Some(key));
                model.inserted(key);
            }
            Step::AbandonEntry => {
                let entry = slab.vacant_entry().expect("room");
                assert!(!slab.contains(entry.key()));
                model.dead.push(entry.key());
            }
            Step::Remove(n) => {
                if let Some(key) = model.pick(n) {
                    assert!(slab.remove(key));
                    model.removed(key);
                }
            }
            Step::RemoveDead(n) => {
                if let Some(&key) = model.dead.get(n % model.dead.len().max(1)) {
                    assert!(!slab.remove(key));
                    assert!(matches!(slab.take(key), Err(TakeError::Absent)));
                }
            }
            Step::Take(n) => {
                if let Some(key) = model.pick(n) {
                    let taken = slab.take(key);
                    let stamp = model.removed(key);
                    match taken {
                        Ok(value) => {
                            assert_eq!(value.0, stamp);
                            let is_seen = watches.iter().any(|watch| watch.seen.contains(&stamp));
                            assert!(!is_seen, "no guard has read it");
                        }
                        Err(error) => {
                            assert_eq!(error, TakeError::Guarded);
                            assert!(!watches.is_empty(), "some guard may see it");
                        }
                    }
                }
            }
            Step::Get(n) => {
                if let Some(key) = model.pick(n) {
                    let value = slab.get(key).expect("live");
                    assert_eq!(value.0, model.live[&key]);
                }
            }
            Step::GetDead(n) => {
                if let Some(&key) = model.dead.get(n % model.dead.len().max(1)) {
                    assert!(slab.get(key).is_none() && !slab.contains(key));
                }
            }
            Step::Pin => watches.push(Watch { guard: slab.pin(), seen: Vec::new() }),
            Step::Unpin(n) => {
                if !watches.is_empty() {
                    watches.swap_remove(n % watches.len());
                }
            }
            Step::ReadUnderGuard(n, m) => {
                let count = watches.len().max(1);
                if let (Some(watch), Some(key)) = (watches.get_mut(n % count), model.pick(m)) {
                    let stamp = watch.guard.get(key).expect("live").0;
                    assert_eq!(stamp, model.live[&key]);
                    watch.seen.push(stamp);
                }
            }
            Step::Flush => {
                let waiting = slab.flush();
                assert!(waiting == 0 || !watches.is_empty());
            }
            Step::Sweep => {
                let report = slab.sweep(0);
                assert!(report.live == model.live.len() as u64 || !report.swept);
            }
            Step::Retain(n) => {
                slab.retain(|key, value| {
                    assert_eq!(model.live[&key], value.0);
                    value.0 % 3 != n % 3
                });
                let unwanted = model.keys.iter().filter(|key| model.live[key] % 3 == n % 3);
                for key in unwanted.copied().collect::<Vec<_>>() {
                    model.removed(key);
                }
            }
            Step::GetOrInsert(n, m) => {
                let key = if m % 2 == 0 { model.pick(n) } else { model.dead.last().copied() };
                let known = key.filter(|key| model.live.contains_key(key));
                let guard = slab.pin();
                let mut value = Some(model.value());
                let made = || value.take().expect("called once");
                let (key, found) = guard.get_or_insert_with(key, made).expect("room");
                match known {
                    Some(known) => assert_eq!((key, found.0), (known, model.live[&known])),
                    None => model.inserted(key),
                }
                // The value, if it was not needed.
                drop(value);
            }
            Step::Reader => std::thread::scope(|scope| {
                scope.spawn(|| {
                    let guard = slab.pin();
                    for (&key, &stamp) in &model.live {
                        assert_eq!(guard.get(key).map(|value| value.0), Some(stamp));
                    }
                });
            }),
        }
        for watch in &watches {
            assert!(
                watch.seen.iter().all(|&stamp| !model.is_dropped(stamp)),
                "a guard has read it"
            );
        }
        assert_eq!(slab.len(), model.live.len());
    }
    drop(watches);
    assert_eq!(slab.flush(), 0);
    let found: HashMap<Key, u32> = slab.pin().iter().map(|(key, value)| (key, value.0)).collect();
    assert_eq!(found, model.live);
    let audit = slab.audit().expect("in order");
    assert_eq!((audit.live, audit.uninitialized), (model.live.len() as u64, 0));
    let live: HashSet<u32> = model.live.values().copied().collect();
    for stamp in 1..=model.stamps {
        assert_eq!(model.is_dropped(stamp), !live.contains(&stamp), "value {stamp}");
    }
    drop(slab);
    let dropped = model.dropped.lock().expect("no panic").len();
    dropped == model.stamps as usize
}

#[test]
fn random_sequences_match_a_map() {
    let tests = if cfg!(miri) { 3 } else { 150 };
    QuickCheck::new().rng(Gen::new(600)).tests(tests).quickcheck(holds as fn(Vec<Step>) -> bool);
}
