//! Collected tables, and their contests: reads with a tag, marks, sweeps, pauses, generations.

use std::collections::VecDeque;
use std::hint::black_box;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use gc_arena::{Arena, Gc, Rootable};
use slotarena::collected::{ExternalPointerTable, Space, Tag};
use slotarena::{CodePointerTable, EntryPoint, Signature};
use slotmap::{DefaultKey, Key, SlotMap};

use super::large::{read_through, worn};
use crate::harness::contest::{Contest, FEW_ROUNDS, Figure, on};
use crate::harness::work::{Reading, alone, together};

const OURS: &str = "ExternalPointerTable";
const CODE: &str = "CodePointerTable";
const VECTOR: &str = "Vec, unchecked";
const FETCH_OR: &str = "fetch_or on as many words";
const READ: &str = "Reading as much memory";
const STOPPED: &str = "Mark bits and a linked list, the world stopped";

/// The entries of the contests of reads and marks.
const ENTRIES: usize = 1_000_000;

fn tag() -> Tag<u64> {
    Tag::new(7).expect("bound to this type alone")
}

/// Any address. It is never followed.
fn pointer(number: usize) -> NonNull<u64> {
    NonNull::new(std::ptr::without_provenance_mut(8 * (number + 1))).expect("not null")
}

/// A table with a space of so many entries, and their handles.
fn filled(count: usize) -> (ExternalPointerTable, Space, Vec<u32>) {
    let table = ExternalPointerTable::builder().capacity_at_most(1 << 28).build();
    let table = table.expect("addresses for a table");
    let space = table.space().expect("a space");
    let handles = fill(&space, count);
    (table, space, handles)
}

fn fill(space: &Space, count: usize) -> Vec<u32> {
    let tag = tag();
    let entry = |i| space.allocate(tag, pointer(i)).expect("a free slot").to_raw();
    (0..count).map(entry).collect()
}

/// Adds reads by key: of random ones of a million, or of one over and over.
fn enter_reads(
    contest: &mut Contest,
    name: &str,
    keys: &[u32],
    hot: bool,
    get: impl Fn(u32) -> usize + 'static,
) {
    let mut keys = keys.to_vec();
    Rng::with_seed(2).shuffle(&mut keys);
    if hot {
        keys = vec![keys[50]; 1024];
    }
    contest.enter(name, 1, Figure::Spent, move |count| {
        let reads = |count: usize| {
            let sum = keys.iter().cycle().take(count).map(|&key| get(key));
            black_box(sum.fold(0, usize::wrapping_add));
        };
        reads(keys.len().min(count));
        alone(|| reads(count))
    });
}

fn reads(title: &'static str, hot: bool) -> Contest {
    let mut contest = Contest::new(title, &[CODE, VECTOR]);
    let (table, space, keys) = filled(ENTRIES);
    let tag = tag();
    enter_reads(&mut contest, OURS, &keys, hot, move |key| {
        let _ = &space;
        table.get(key, tag).map_or(0, |object| object.addr().get())
    });
    let code = CodePointerTable::builder().index_bits(21).build().expect("addresses");
    let signature = Signature::new(9).expect("a small number");
    let entry_point =
        |i: usize| EntryPoint::new(std::ptr::without_provenance(16 * (i + 1))).expect("not null");
    let scope = code.write_scope();
    let keys: Vec<u32> = (0..ENTRIES)
        .map(|i| scope.allocate(entry_point(i), signature).expect("a free slot").to_raw())
        .collect();
    drop(scope);
    enter_reads(&mut contest, CODE, &keys, hot, move |key| {
        code.entry_point(key, signature).map_or(0, EntryPoint::address)
    });
    let vector: Vec<usize> = (0..=ENTRIES).collect();
    enter_reads(&mut contest, VECTOR, &keys, hot, move |key| {
        // SAFETY: the keys are 1 to `ENTRIES`.
        unsafe { *vector.get_unchecked(key as usize) }
    });
    contest.target(OURS, CODE, 1.15);
    contest.target(OURS, VECTOR, 1.3);
    contest
}

/// Reads of random ones of a million entries, with a check of the tag.
pub fn random_get(title: &'static str) -> Contest {
    reads(title, false)
}

/// Reads of one entry, with a check of the tag.
pub fn hot_get(title: &'static str) -> Contest {
    reads(title, true)
}

/// Marks of a million random live entries, by one thread and by two that share them.
pub fn mark(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["fetch_or on as many words, 1 thread"]);
    let share = |keys: &Rc<Vec<u32>>, n: usize, threads: usize| {
        let part = keys.len() / threads;
        n * part..(n + 1) * part
    };
    for (name, one_by_one) in [("mark", true), ("mark_all", false)] {
        for (back, threads) in [1, 2].into_iter().enumerate() {
            let (table, space, mut keys) = filled(ENTRIES);
            Rng::with_seed(4).shuffle(&mut keys);
            let keys = Rc::new(keys);
            contest.enter(on(name, threads), threads, Figure::Spent, move |count| {
                let marking = table.begin(&[&space]).expect("idle");
                let body = |n: usize| {
                    let keys = &keys[share(&keys, n, threads)];
                    if one_by_one {
                        assert!(keys.iter().all(|&key| marking.mark(key)));
                    } else {
                        assert_eq!(marking.mark_all(keys), keys.len());
                    }
                };
                let reading = run(threads, body);
                marking.sweep().expect("not inside a call").finish().expect("not inside a call");
                // Each thread has its share.
                reading.scaled(count, count / threads)
            });
            contest.scales(back);
        }
        contest.target(&on(name, 1), &on(FETCH_OR, 1), 1.3);
        // As fast as 1.8 threads.
        contest.target(&on(name, 2), &on(name, 1), 2.0 / 1.8);
    }
    for (back, threads) in [1, 2].into_iter().enumerate() {
        let words: Vec<AtomicU64> = (0..=ENTRIES).map(|_| AtomicU64::new(0)).collect();
        let mut keys: Vec<u32> = (1..=ENTRIES as u32).collect();
        Rng::with_seed(4).shuffle(&mut keys);
        let (keys, mut bit) = (Rc::new(keys), 0);
        contest.enter(on(FETCH_OR, threads), threads, Figure::Spent, move |count| {
            bit = (bit + 1) % 64;
            let reading = run(threads, |n| {
                for &key in &keys[share(&keys, n, threads)] {
                    black_box(words[key as usize].fetch_or(1 << bit, Ordering::AcqRel));
                }
            });
            reading.scaled(count, count / threads)
        });
        contest.scales(back);
    }
    contest.fix(ENTRIES, FEW_ROUNDS);
    contest
}

/// Runs `body` in so many threads, of which each has a number.
fn run(threads: usize, body: impl Fn(usize)) -> Reading {
    /// Shares what only one thread needs between the threads of a reading.
    struct Shared<F>(F);
    // SAFETY: the bodies only read what they share.
    unsafe impl<F> Sync for Shared<F> {}
    let shared = Shared(body);
    let shared = &shared;
    if threads == 1 {
        return alone(|| (shared.0)(0));
    }
    together(threads, |_| (), move |n, ()| (shared.0)(n))
}

/// Marks a random half.
fn mark_half(marking: &slotarena::collected::Marking, handles: &[u32]) {
    let mut random = Rng::with_seed(5);
    for &handle in handles.iter().filter(|_| random.bool()) {
        marking.mark(handle);
    }
}

/// A sweep of `entries` entries, of which a random half is not marked. Per entry.
fn sweep_of(entries: usize) -> impl FnMut(usize) -> Reading {
    let (table, space, mut handles) = filled(entries);
    move |count| {
        let marking = table.begin(&[&space]).expect("idle");
        mark_half(&marking, &handles);
        let reading = alone(|| {
            let sweeping = marking.sweep().expect("not inside a call");
            black_box(sweeping.finish().expect("not inside a call"));
        });
        // The slots that were freed are in use again for the next reading.
        handles.retain(|&handle| table.get(handle, tag()).is_some());
        handles.extend(fill(&space, entries - handles.len()));
        reading.scaled(count, count)
    }
}

/// A sweep of 16 Mi entries, half of them dead.
pub fn sweep_16(title: &'static str) -> Contest {
    const SLOTS: usize = 16 << 20;
    let mut contest = Contest::new(title, &[READ]);
    contest.enter(OURS, 1, Figure::Spent, sweep_of(SLOTS));
    contest.enter(READ, 1, Figure::Spent, |_| read_through(SLOTS));
    let mut plain = Plain::new(SLOTS);
    contest.enter(STOPPED, 1, Figure::Spent, move |_| plain.sweep());
    contest.fix(SLOTS, FEW_ROUNDS);
    contest.target(OURS, READ, 2.0);
    contest
}

/// A table whose mark bits are in its entries, and whose sweep links the free ones.
struct Plain {
    /// Bit 63: live. Bit 48: marked. Else the link of a free entry.
    words: Vec<u64>,
    random: Rng,
}

impl Plain {
    fn new(slots: usize) -> Self {
        Self { words: worn(slots), random: Rng::with_seed(6) }
    }

    /// Makes all live, marks a random half, and measures the sweep.
    fn sweep(&mut self) -> Reading {
        for word in &mut self.words {
            *word = 1 << 63 | u64::from(self.random.bool()) << 48;
        }
        alone(|| {
            let mut first = 0;
            for (index, word) in self.words.iter_mut().enumerate().rev() {
                if *word & 1 << 48 == 0 {
                    (*word, first) = (first, index as u64);
                } else {
                    *word &= !(1 << 48);
                }
            }
            black_box(first);
        })
    }
}

/// A million objects allocated, a random half marked, and the others freed. Per object.
pub fn whole(title: &'static str) -> Contest {
    const SLOTMAP: &str = "slotmap behind a lock, and a vector of marks";
    const GC_ARENA: &str = "gc-arena, its own objects";
    let mut contest = Contest::new(title, &[SLOTMAP, GC_ARENA]);
    let table = ExternalPointerTable::builder().capacity_at_most(1 << 28).build();
    let table = table.expect("addresses for a table");
    let space = table.space().expect("a space");
    contest.enter(OURS, 1, Figure::Spent, move |_| {
        let reading = alone(|| {
            let handles = fill(&space, ENTRIES);
            let marking = table.begin(&[&space]).expect("idle");
            mark_half(&marking, &handles);
            let sweeping = marking.sweep().expect("not inside a call");
            black_box(sweeping.finish().expect("not inside a call"));
        });
        // The next reading begins without the survivors.
        table.begin(&[&space]).and_then(|m| m.sweep()).and_then(|s| s.finish()).expect("idle");
        reading
    });
    let map = Mutex::new(SlotMap::new());
    let mut marks = vec![false; 4 * ENTRIES];
    contest.enter(SLOTMAP, 1, Figure::Spent, move |_| {
        let reading = alone(|| {
            let entry = |i| map.lock().expect("no panic").insert(pointer(i).addr().get());
            let keys: Vec<DefaultKey> = (0..ENTRIES).map(entry).collect();
            let mut random = Rng::with_seed(5);
            for key in keys.iter().filter(|_| random.bool()) {
                marks[index(*key)] = true;
            }
            let is_marked = |key: DefaultKey, _: &mut usize| marks[index(key)];
            map.lock().expect("no panic").retain(is_marked);
            marks.fill(false);
        });
        map.lock().expect("no panic").clear();
        reading
    });
    contest.enter(GC_ARENA, 1, Figure::Spent, |_| {
        type Root = Rootable![Vec<Option<Gc<'_, usize>>>];
        let mut arena = Arena::<Root>::new(|_| Vec::new());
        alone(|| {
            arena.mutate_root(|context, root| {
                let object = |i| Some(Gc::new(context, i));
                root.extend((0..ENTRIES).map(object));
                let mut random = Rng::with_seed(5);
                root.iter_mut().filter(|_| random.bool()).for_each(|it| *it = None);
            });
            arena.collect_all();
        })
    });
    contest.fix(ENTRIES, FEW_ROUNDS);
    contest
}

/// The index of a key, from 1 on.
fn index(key: DefaultKey) -> usize {
    key.data().as_ffi() as u32 as usize
}

/// The longest stop of a collection, in which a random half of the entries dies.
pub fn pause(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[]);
    for (name, entries) in [("64 Ki", 64 << 10), ("1 Mi", 1 << 20), ("16 Mi", 16 << 20)] {
        let (table, space, mut handles) = filled(entries);
        contest.enter(format!("{OURS}, {name} entries"), 1, Figure::Spent, move |_| {
            let marking = table.begin(&[&space]).expect("idle");
            mark_half(&marking, &handles);
            let sweeping = marking.sweep().expect("not inside a call");
            let pause = sweeping.finish().expect("not inside a call").pause;
            handles.retain(|&handle| table.get(handle, tag()).is_some());
            handles.extend(fill(&space, entries - handles.len()));
            Reading { spent: pause, passed: pause, interrupted: false }
        });
    }
    let mut plain = Plain::new(1 << 20);
    contest.enter(format!("{STOPPED}, 1 Mi entries"), 1, Figure::Spent, move |_| plain.sweep());
    contest.show_worst();
    contest.fix(1, FEW_ROUNDS);
    let (ours, theirs) = (format!("{OURS}, 1 Mi entries"), format!("{STOPPED}, 1 Mi entries"));
    contest.target(&ours, &theirs, 0.1);
    contest
}

/// A minor collection of 100,000 young entries, of which 95 % die, beside so many old ones. Per
/// young entry.
pub fn minor(title: &'static str) -> Contest {
    const YOUNG: usize = 100_000;
    const FEW: &str = "10,000 old entries";
    let mut contest = Contest::new(title, &[FEW]);
    let sizes = [(FEW, 10_000), ("1,000,000 old entries", 1_000_000), ("10,000,000", 10_000_000)];
    for (name, entries) in sizes {
        let (table, old, _) = filled(entries);
        let young = table.space().expect("a space");
        let mut survivors = VecDeque::new();
        contest.enter(name, 1, Figure::Spent, move |_| {
            let handles = fill(&young, YOUNG);
            let reading = alone(|| {
                let marking = table.begin(&[&young]).expect("idle");
                for &handle in handles.iter().step_by(20) {
                    marking.mark(handle);
                }
                let sweeping = marking.sweep_into(&old).expect("not inside a call");
                black_box(sweeping.finish().expect("not inside a call"));
            });
            // The old space stays as large as it is.
            survivors.extend(handles.iter().step_by(20).copied());
            for handle in survivors.drain(..) {
                table.free(handle, tag()).expect("it lives");
            }
            reading
        });
    }
    contest.fix(YOUNG, FEW_ROUNDS);
    contest.target("10,000,000", FEW, 1.2);
    contest
}
