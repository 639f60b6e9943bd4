//! Several threads change one slot concurrently.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use fastrand::Rng;
use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{cases, check_empty, on_threads};

/// Two threads race, since some machines have only two processors.
pub const THREADS: usize = 2;

/// The number of slots in a heat.
const SLOTS: usize = 256;

/// The number of the place that a thread has reached.
#[repr(align(128))]
struct Place(AtomicU64);

/// The meeting point of the threads. They spin, so that each stays on its processor.
pub struct Line([Place; THREADS]);

impl Line {
    pub const fn new() -> Self {
        Self([const { Place(AtomicU64::new(0)) }; THREADS])
    }

    /// Records that thread `i` has reached place `count`, and waits briefly for the others, which
    /// may not be running. Returns `true` if they have come.
    fn is_met(&self, i: usize, count: u64) -> bool {
        self.0[i].0.store(count, Ordering::Release);
        let all_come = || self.0.iter().all(|place| place.0.load(Ordering::Acquire) >= count);
        let come = (0..300).any(|_| {
            std::hint::spin_loop();
            all_come()
        });
        if !come {
            std::thread::yield_now();
        }
        come
    }

    /// Waits for all threads.
    fn meet(&self, i: usize, count: &mut u64) {
        *count += 1;
        while !self.is_met(i, *count) {}
    }

    /// Releases all threads at nearly the same moment.
    pub fn start(&self, i: usize, count: &mut u64, random: &mut Rng) {
        // One thread sees the meeting later than the other, by about this much.
        let moments = random.usize(..512);
        *count += 1;
        self.is_met(i, *count);
        for _ in 0..moments {
            std::hint::black_box(());
        }
    }
}

/// The heats of a race: one thread lays out the slots, all threads race, and `judge` gets each
/// slot's points.
///
/// A failure is reported after all threads have ended, since a panic would leave the others
/// waiting.
struct Course<'a> {
    table: &'a Table<u64>,
    lay_out: &'a (dyn Fn() -> Option<Handle> + Sync),
    /// Races for a slot, and returns the points of the outcome.
    race: &'a (dyn Fn(usize, Handle) -> u32 + Sync),
    /// Returns `true` if the slot and the sum of its points are as they must be.
    judge: &'a (dyn Fn(Handle, u32) -> bool + Sync),
}

/// The points of an outcome that must not occur.
const FOUL: u32 = 1000;

impl Course<'_> {
    /// Runs heats until the deadline, and returns the number of slots raced for.
    fn run(&self, percent: f64) -> u64 {
        let deadline = Deadline::after(percent);
        let slots = Mutex::new(Vec::new());
        let points = [const { AtomicU32::new(0) }; SLOTS];
        let last = AtomicBool::new(false);
        let line = Line::new();
        let ends = on_threads(THREADS, |i| {
            let mut random = Rng::with_seed(i as u64);
            let (mut heats, mut count, mut wrong) = (0, 0, None);
            loop {
                if i == 0 {
                    let fresh = (0..SLOTS).map_while(|_| (self.lay_out)());
                    let fresh: Vec<Handle> = fresh.collect();
                    if fresh.len() < SLOTS {
                        wrong = Some("too few slots".to_owned());
                    }
                    *slots.lock().expect("no thread panics with the lock") = fresh;
                    last.store(deadline.has_come() || wrong.is_some(), Ordering::Relaxed);
                }
                line.meet(i, &mut count);
                let handles = slots.lock().expect("no thread panics with the lock").clone();
                for (&handle, points) in handles.iter().zip(&points) {
                    line.start(i, &mut count, &mut random);
                    points.fetch_add((self.race)(i, handle), Ordering::Relaxed);
                }
                let last = last.load(Ordering::Relaxed);
                line.meet(i, &mut count);
                heats += 1;
                if i == 0 {
                    for (&handle, points) in handles.iter().zip(&points) {
                        let points = points.swap(0, Ordering::Relaxed);
                        if !(self.judge)(handle, points) {
                            wrong = Some(format!("{points} points for {handle:?}"));
                        }
                    }
                    if heats % 32 == 0 {
                        self.table.sweep(0);
                    }
                }
                if last {
                    return (heats, wrong);
                }
            }
        });
        let (heats, wrong) = &ends[0];
        assert_eq!(*wrong, None);
        check_empty(self.table);
        heats * SLOTS as u64
    }
}

fn table() -> Table<u64> {
    Table::builder().capacity(8193).stripes(2).build().expect("a table")
}

#[test]
fn of_several_that_free_one_handle_one_succeeds() {
    let table = table();
    let races = Course {
        table: &table,
        lay_out: &|| table.allocate(5).ok(),
        race: &|i, handle| match (i, handle.to_raw() % 2) {
            (0, _) | (_, 0) => u32::from(table.free(handle) == Ok(5)),
            _ => u32::from(table.free_many(&[handle]).is_ok()),
        },
        judge: &|handle, points| points == 1 && table.get(handle).is_none(),
    };
    cases("races to free a slot", races.run(6.0));
}

#[test]
fn an_uninitialized_slot_is_set_or_freed() {
    let table = table();
    let races = Course {
        table: &table,
        lay_out: &|| table.allocate_uninitialized().ok(),
        race: &|i, handle| match i {
            0 => u32::from(table.set(handle, 5) == Ok(None)),
            _ => 10 * u32::from(table.free_uninitialized(handle).is_ok()),
        },
        judge: &|handle, points| match points {
            1 => table.free(handle) == Ok(5),
            10 => table.free(handle).is_err() && table.free_uninitialized(handle).is_err(),
            _ => false,
        },
    };
    cases("races to set or free an uninitialized slot", races.run(4.0));
}

#[test]
fn a_slot_is_freed_with_the_entry_that_was_set_last() {
    let table = table();
    let races = Course {
        table: &table,
        lay_out: &|| table.allocate(5).ok(),
        race: &|i, handle| match i {
            0 => match table.set(handle, 6) {
                Ok(Some(5)) => 1,
                Err(_) => 2,
                Ok(_) => FOUL,
            },
            _ => match table.free(handle) {
                Ok(5) => 20,
                Ok(6) => 10,
                _ => FOUL,
            },
        },
        // Set and then freed with the new entry, or freed with the old entry and then not set.
        judge: &|handle, points| (points == 11 || points == 22) && table.get(handle).is_none(),
    };
    cases("races to set and to free a slot", races.run(6.0));
}
