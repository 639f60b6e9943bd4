//! Mutators, collectors, and forged handles at once. Each object is dropped once, and none early.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::scope;
use std::time::{Duration, Instant};

use slotarena::collected::{EntryError, ExternalPointerTable, Space, Tag, TagRange};

use super::{count, counted};

/// What a live object says of itself. A dropped one says something else.
const ALIVE: u64 = 0x600d_600d_600d_600d;

struct Canary {
    alive: AtomicU64,
    drops: Arc<AtomicUsize>,
}

impl Drop for Canary {
    fn drop(&mut self) {
        assert_eq!(self.alive.swap(0, Ordering::Relaxed), ALIVE, "dropped twice");
        self.drops.fetch_add(1, Ordering::Relaxed);
    }
}

fn canary() -> Tag<Canary> {
    Tag::owned(30).expect("bound to this type alone")
}

/// Handles that a mutator holds, and that the collector marks.
type Roots = Mutex<Vec<u32>>;

struct Village {
    table: ExternalPointerTable,
    young: Space,
    old: Space,
    drops: Arc<AtomicUsize>,
    made: AtomicUsize,
    is_over: AtomicBool,
    roots: Vec<Roots>,
}

impl Village {
    fn insert(&self, space: &Space) -> Option<u32> {
        let drops = Arc::clone(&self.drops);
        let object = Box::new(Canary { alive: AtomicU64::new(ALIVE), drops });
        // Also one that came back, and is dropped here.
        self.made.fetch_add(1, Ordering::Relaxed);
        let handle = space.allocate_owned(canary(), object).ok()?;
        Some(handle.to_raw())
    }

    fn look(&self, raw: u32) -> Result<(), EntryError> {
        let look = |object: &Canary| object.alive.load(Ordering::Relaxed);
        let alive = self.table.with(raw, canary(), look)?;
        assert_eq!(alive, ALIVE, "an object was dropped under a reader");
        Ok(())
    }

    /// Makes objects, looks at them, lets them go. The lock is held over each step, so that what is
    /// in hand is a root when the collector looks.
    fn mutate(&self, roots: &Roots, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        while !self.is_over.load(Ordering::Relaxed) {
            let mut mine = roots.lock().expect("no panic");
            for _ in 0..16 {
                let at = random.usize(..mine.len().max(1));
                match random.u8(..10) {
                    0..4 => mine.extend(self.insert(if random.bool() {
                        &self.young
                    } else {
                        &self.old
                    })),
                    4..7 if !mine.is_empty() => {
                        assert_eq!(self.look(mine[at]), Ok(()), "a root is lost");
                    }
                    // Garbage.
                    7 if mine.len() > 500 => drop(mine.swap_remove(at)),
                    8 if !mine.is_empty() => {
                        let raw = mine.swap_remove(at);
                        self.table.free(raw, canary()).expect("a root is lost");
                    }
                    9 if !mine.is_empty() => {
                        let raw = mine.swap_remove(at);
                        drop(self.table.take(raw, canary()).expect("a root is lost"));
                    }
                    _ => {}
                }
            }
            mine.truncate(2_000);
        }
    }

    /// Uses any numbers: reaches live objects, or nothing. Never takes one away.
    fn forge(&self, seed: u64) -> usize {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut reached = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let raw = if random.bool() { random.u32(..) } else { random.u32(..30_000) };
            reached += usize::from(self.look(raw).is_ok());
            let _ = self.table.get_in(raw, TagRange::ALL);
            // Of another tag than any object has.
            assert!(self.table.zap(raw, counted()).is_err());
            assert!(self.table.free(raw, counted()).is_err());
        }
        reached
    }

    fn mark(&self, spaces: &[&Space]) -> slotarena::collected::Marking {
        let marking = self.table.begin(spaces).expect("one collector");
        for roots in &self.roots {
            marking.mark_all(&roots.lock().expect("no panic"));
        }
        marking
    }

    /// Collects the young space into the old one, and both, in turn.
    fn collect(&self) -> u64 {
        let mut collections = 0;
        while !self.is_over.load(Ordering::Relaxed) {
            let marking = self.mark(&[&self.young]);
            let mut sweeping = marking.sweep_into(&self.old).expect("not inside a call");
            while sweeping.step(1).expect("not inside a call") {}
            sweeping.finish().expect("not inside a call");
            let marking = self.mark(&[&self.young, &self.old]);
            marking.sweep().expect("not inside a call").finish().expect("not inside a call");
            drop(self.mark(&[&self.old]));
            collections += 3;
        }
        collections
    }
}

#[test]
fn mutators_collectors_and_forgers() {
    let table = ExternalPointerTable::builder().capacity(100_000).build().expect("a table");
    let (young, old) = (table.space().expect("a space"), table.space().expect("a space"));
    let village = Village {
        table,
        young,
        old,
        drops: Arc::default(),
        made: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        roots: (0..3).map(|_| Mutex::default()).collect(),
    };
    let seconds = if cfg!(debug_assertions) { 3 } else { 5 };
    let (collections, reached) = scope(|scope| {
        let village = &village;
        for (seed, roots) in (1..).zip(&village.roots) {
            scope.spawn(move || village.mutate(roots, seed));
        }
        let forger = scope.spawn(|| village.forge(99));
        let collector = scope.spawn(|| village.collect());
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(seconds) {
            std::thread::sleep(Duration::from_millis(10));
        }
        village.is_over.store(true, Ordering::Relaxed);
        (collector.join().expect("no panic"), forger.join().expect("no panic"))
    });
    assert!(collections > 0 && reached > 0);
    for space in [&village.young, &village.old] {
        space.audit().expect("idle").expect("no violation");
    }
    let roots: usize =
        village.roots.iter().map(|roots| roots.lock().expect("no panic").len()).sum();
    let report = {
        let marking = village.mark(&[&village.young, &village.old]);
        marking.sweep().expect("not inside a call").finish().expect("not inside a call")
    };
    assert_eq!(report.live, roots as u64);
    assert_eq!(count(&village.drops), village.made.load(Ordering::Relaxed) - roots);
    let (drops, made) = (Arc::clone(&village.drops), village.made.load(Ordering::Relaxed));
    println!("{made} objects, {collections} collections, {reached} forged handles reached one");
    drop(village);
    assert_eq!(count(&drops), made);
}
