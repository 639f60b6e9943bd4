//! Random sequences of operations against a map.
//!
//! - A key of the map is found, with its stamp. A removed key is not.
//! - A value is dropped when it is removed and its last reference is gone, and never earlier.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use quickcheck::{Arbitrary, Gen, QuickCheck};
use slotarena::counted::OwnedEntry;
use slotarena::slab::TakeError;
use slotarena::{CountedSlab, Key};

/// The stamps of the dropped values.
type Dropped = Arc<Mutex<Vec<u32>>>;

struct Value(u32, Dropped);

impl Drop for Value {
    fn drop(&mut self) {
        self.1.lock().expect("no panic").push(self.0);
    }
}

/// An operation. Its number chooses among the known keys and references.
#[derive(Clone, Copy, Debug)]
enum Step {
    Insert,
    Abandon,
    Remove(usize),
    RemoveDead(usize),
    Take(usize),
    Get(usize),
    GetDead(usize),
    Clone(usize),
    Drop(usize),
    Sweep,
    Iterate,
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let n = usize::arbitrary(g);
        match u8::arbitrary(g) % 24 {
            0..6 => Step::Insert,
            6 => Step::Abandon,
            7..10 => Step::Remove(n),
            10 => Step::RemoveDead(n),
            11 => Step::Take(n),
            12..16 => Step::Get(n),
            16 => Step::GetDead(n),
            17 => Step::Clone(n),
            18..22 => Step::Drop(n),
            22 => Step::Sweep,
            _ => Step::Iterate,
        }
    }
}

#[derive(Default)]
struct Model {
    live: HashMap<Key, u32>,
    dead: Vec<Key>,
    entries: Vec<OwnedEntry<Value>>,
    /// What must have been dropped, in this order.
    gone: Vec<u32>,
}

fn pick<T: Copy>(all: &[T], n: usize) -> Option<T> {
    (!all.is_empty()).then(|| all[n % all.len()])
}

impl Model {
    fn key(&self, n: usize) -> Option<Key> {
        let mut keys: Vec<Key> = self.live.keys().copied().collect();
        keys.sort();
        pick(&keys, n)
    }

    fn references(&self, key: Key) -> usize {
        self.entries.iter().filter(|entry| entry.key() == key).count()
    }

    fn step(&mut self, slab: &mut CountedSlab<Value>, dropped: &Dropped, n: u32, step: Step) {
        match step {
            Step::Insert => {
                let key = slab.insert(Value(n, Arc::clone(dropped))).expect("room");
                assert!(self.live.insert(key, n).is_none() && !self.dead.contains(&key));
            }
            Step::Abandon => self.dead.push(slab.vacant_entry().expect("room").key()),
            Step::Remove(n) => {
                let Some(key) = self.key(n) else { return };
                assert!(slab.remove(key));
                self.remove(key);
            }
            Step::Take(n) => {
                let Some(key) = self.key(n) else { return };
                match slab.take(key) {
                    Ok(value) => assert_eq!(value.0, self.live[&key]),
                    Err(error) => {
                        assert_eq!(error, TakeError::Guarded);
                        assert!(self.references(key) > 0);
                    }
                }
                self.remove(key);
            }
            Step::RemoveDead(n) => {
                if let Some(key) = pick(&self.dead, n) {
                    assert!(!slab.remove(key));
                }
            }
            Step::Get(n) => {
                let Some(key) = self.key(n) else { return };
                self.entries.push(slab.get_owned(key).expect("live"));
            }
            Step::GetDead(n) => {
                if let Some(key) = pick(&self.dead, n) {
                    assert!(slab.get(key).is_none() && slab.get_owned(key).is_none());
                }
            }
            Step::Clone(n) => {
                if !self.entries.is_empty() {
                    let entry = self.entries[n % self.entries.len()].clone();
                    self.entries.push(entry);
                }
            }
            Step::Drop(n) => {
                if !self.entries.is_empty() {
                    let entry = self.entries.swap_remove(n % self.entries.len());
                    if !self.live.contains_key(&entry.key()) && self.references(entry.key()) == 0 {
                        self.gone.push(entry.0);
                    }
                    drop(entry);
                }
            }
            Step::Sweep => slab.shrink_to_fit(),
            Step::Iterate => {
                let seen: HashMap<Key, u32> =
                    slab.iter().map(|(key, value)| (key, value.0)).collect();
                assert_eq!(seen, self.live);
            }
        }
    }

    fn remove(&mut self, key: Key) {
        let stamp = self.live.remove(&key).expect("live");
        self.dead.push(key);
        if self.references(key) == 0 {
            self.gone.push(stamp);
        }
    }
}

fn agrees(steps: Vec<Step>) {
    let dropped = Dropped::default();
    let mut slab = CountedSlab::builder().capacity(1000).build().expect("a slab");
    let mut model = Model::default();
    let mut inserted = 0;
    for (n, &step) in steps.iter().enumerate() {
        inserted += u32::from(matches!(step, Step::Insert));
        model.step(&mut slab, &dropped, n as u32, step);
        assert_eq!(*dropped.lock().expect("no panic"), model.gone, "{step:?}");
        let entries = model.entries.iter();
        assert!(entries.clone().all(|entry| !model.gone.contains(&entry.0)));
        assert_eq!(slab.len(), inserted as usize - model.gone.len());
    }
    slab.audit().expect("a sound slab");
    drop(slab);
    model.entries.clear();
    let dropped = dropped.lock().expect("no panic");
    assert_eq!(dropped.len(), inserted as usize, "each value is dropped once");
}

#[test]
fn a_slab_agrees_with_a_map() {
    let tests = if cfg!(miri) { 5 } else { 2000 };
    QuickCheck::with_gen(Gen::new(200), tests).quickcheck(agrees as fn(Vec<Step>));
}

trait Check {
    fn with_gen(generator: Gen, tests: u64) -> Self;
}

impl Check for QuickCheck {
    fn with_gen(generator: Gen, tests: u64) -> Self {
        QuickCheck::new().rng(generator).tests(tests)
    }
}
