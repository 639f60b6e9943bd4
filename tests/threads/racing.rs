//! Several threads that want the same slot to change at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{Random, cases, check_empty, on_threads};

/// Two that race, since more do not run at once everywhere.
pub const THREADS: usize = 2;

/// How many slots they race for in a round.
const SLOTS: usize = 256;

/// Which place a thread has come to.
#[repr(align(128))]
struct Place(AtomicU64);

/// Where the threads meet. Nobody sleeps here, so that they stay on processors of their own.
pub struct Line([Place; THREADS]);

impl Line {
    pub const fn new() -> Self {
        Self([const { Place(AtomicU64::new(0)) }; THREADS])
    }

    /// Says that thread `i` has come to place `count`, and waits a moment for the others, who may
    /// not be running. Have they come?
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

    /// Waits for all.
    fn meet(&self, i: usize, count: &mut u64) {
        *count += 1;
        while !self.is_met(i, *count) {}
    }

    /// Lets all go on at nearly the same moment.
    pub fn start(&self, i: usize, count: &mut u64, random: &mut Random) {
        // One sees later than the other that both have come, by about as much as this.
        let moments = random.below(512);
        *count += 1;
        self.is_met(i, *count);
        for _ in 0..moments {
            std::hint::black_box(());
        }
    }
}

/// Rounds of a race: one thread lays out the slots, all of them race, and each slot's points are
/// told to `judge`. What is found wrong is kept until all have come to the end: a thread that
/// panicked would leave the others waiting.
struct Course<'a> {
    table: &'a Table<u64>,
    lay_out: &'a (dyn Fn() -> Option<Handle> + Sync),
    /// What a thread does to a slot, and the points that its outcome counts.
    race: &'a (dyn Fn(usize, Handle) -> u32 + Sync),
    /// Looks at the slot and the sum of its points. True if all is well.
    judge: &'a (dyn Fn(Handle, u32) -> bool + Sync),
}

/// The points of an outcome that must not be.
const FOUL: u32 = 1000;

impl Course<'_> {
    /// How many slots were raced for.
    fn run(&self, per_cent: f64) -> u64 {
        let deadline = Deadline::after(per_cent);
        let slots = Mutex::new(Vec::new());
        let points = [const { AtomicU32::new(0) }; SLOTS];
        let last = AtomicBool::new(false);
        let line = Line::new();
        let ends = on_threads(THREADS, |i| {
            let mut random = Random::new(i as u64);
            let (mut rounds, mut count, mut wrong) = (0, 0, None);
            loop {
                if i == 0 {
                    let fresh = (0..SLOTS).map_while(|_| (self.lay_out)());
                    let fresh: Vec<Handle> = fresh.collect();
                    if fresh.len() < SLOTS {
                        wrong = Some("too few slots".to_owned());
                    }
                    *slots.lock().expect("nobody panics") = fresh;
                    last.store(deadline.has_come() || wrong.is_some(), Ordering::Relaxed);
                }
                line.meet(i, &mut count);
                let handles = slots.lock().expect("nobody panics").clone();
                for (&handle, points) in handles.iter().zip(&points) {
                    line.start(i, &mut count, &mut random);
                    points.fetch_add((self.race)(i, handle), Ordering::Relaxed);
                }
                let last = last.load(Ordering::Relaxed);
                line.meet(i, &mut count);
                rounds += 1;
                if i == 0 {
                    for (&handle, points) in handles.iter().zip(&points) {
                        let points = points.swap(0, Ordering::Relaxed);
                        if !(self.judge)(handle, points) {
                            wrong = Some(format!("{points} points for {handle:?}"));
                        }
                    }
                    if rounds % 32 == 0 {
                        self.table.sweep(0);
                    }
                }
                if last {
                    return (rounds, wrong);
                }
            }
        });
        let (rounds, wrong) = &ends[0];
        assert_eq!(*wrong, None);
        check_empty(self.table);
        rounds * SLOTS as u64
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
fn an_uninitialized_slot_is_set_or_given_back() {
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
    cases("races to settle an uninitialized slot", races.run(4.0));
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
        // Set, then freed with what was set; or freed as it was, and then not set.
        judge: &|handle, points| (points == 11 || points == 22) && table.get(handle).is_none(),
    };
    cases("races to set and to free a slot", races.run(6.0));
}
