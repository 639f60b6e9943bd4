//! Rare operations and their contests: growth to millions of entries, sweeps of large tables, and
//! stops of all threads.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fastrand::Rng;
use slotarena::{Handle, Mutator, Table};

use super::{Explicit, Peer};
use crate::harness::contest::{Contest, FEW_ROUNDS, Figure};
use crate::harness::work::{Reading, alone, pairs, together};

fn table() -> Table<u64> {
    Table::builder().capacity_at_most(1 << 28).build().expect("addresses for a table")
}

/// Measures `entries` allocations in a new table.
fn grow(entries: usize) -> Reading {
    let table = table();
    let mutator = table.mutator();
    alone(|| {
        for i in 0..entries as u64 {
            black_box(mutator.allocate(i).expect("a free slot"));
        }
    })
}

/// Measures a write to each of `words` words of untouched memory. Its pages have the usual size, as
/// the table's pages do.
fn first_touch(words: usize) -> Reading {
    let mut memory = Vec::<u64>::with_capacity(words);
    keep_small_pages(&mut memory);
    alone(|| {
        memory.extend(0..words as u64);
        black_box(&memory);
    })
}

#[cfg(target_os = "linux")]
fn keep_small_pages(memory: &mut Vec<u64>) {
    const PAGE: usize = 4096;
    let words = memory.spare_capacity_mut();
    let before = words.as_ptr().align_offset(PAGE).min(words.len());
    let inside = &mut words[before..];
    let bytes = size_of_val(inside) / PAGE * PAGE;
    // SAFETY: advice on whole pages inside an allocation of this function's caller.
    unsafe { libc::madvise(inside.as_mut_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn keep_small_pages(_memory: &mut Vec<u64>) {}

/// Measures a sweep of a table of `slots` slots. Every slot was in use, and then a random half of
/// the slots, or all, was freed.
fn sweep(slots: usize, all: bool) -> Reading {
    let table = table();
    let _mutator = used(&table, slots, all);
    alone(|| assert!(table.sweep(0).swept))
}

/// Measures reads of as much memory as the slots of such a table have, word by word.
pub fn read_through(words: usize) -> Reading {
    let memory = worn(words);
    alone(|| {
        black_box(memory.iter().fold(0u64, |sum, &word| sum.wrapping_add(word)));
    })
}

/// Measures the same reads, and one system call that decommits the memory. A sweep that sees every
/// slot free and decommits the whole table cannot be expected to take less.
#[cfg(target_os = "linux")]
fn read_and_return(words: usize) -> Reading {
    const PAGE: usize = 4096;
    let mut memory = worn(words);
    let before = memory.as_ptr().align_offset(PAGE);
    let bytes = (words - before) * 8 / PAGE * PAGE;
    let reading = alone(|| {
        black_box(memory.iter().fold(0u64, |sum, &word| sum.wrapping_add(word)));
        let inside = memory[before..].as_mut_ptr().cast();
        // SAFETY: whole pages inside an allocation of this function, which reads them no more.
        let result = unsafe { libc::madvise(inside, bytes, libc::MADV_DONTNEED) };
        assert_eq!(result, 0, "advice on our own pages");
    });
    drop(memory);
    reading
}

/// Returns memory of so many words, in small pages, with every word written.
pub fn worn(words: usize) -> Vec<u64> {
    let mut memory = Vec::<u64>::with_capacity(words);
    keep_small_pages(&mut memory);
    memory.extend(0..words as u64);
    memory
}

/// Measures the sweep of a table whose slots do not show that they are free. It follows the links
/// of a freelist in the order of the frees, copies the indices, sorts them, and links them anew.
/// The free slots are those of [`sweep`].
fn copy_and_sort(slots: usize, all: bool) -> Reading {
    let mut links = worn(slots + 1);
    let mut random = Rng::with_seed(3);
    let mut order: Vec<u32> = (1..=slots as u32).filter(|_| all || random.bool()).collect();
    random.shuffle(&mut order);
    let mut first = 0;
    for &slot in &order {
        (links[slot as usize], first) = (first, u64::from(slot));
    }
    let count = order.len();
    drop(order);
    alone(|| {
        let mut free = Vec::with_capacity(count);
        let mut at = first;
        while at != 0 {
            free.push(at as u32);
            at = links[at as usize];
        }
        free.sort_unstable();
        for pair in free.windows(2) {
            links[pair[0] as usize] = u64::from(pair[1]);
        }
        black_box(&links);
    })
}

/// Returns for how long a sweep of a half free table holds operations up, as it is or with all of
/// the sweep inside the pause.
fn pause_of(slots: usize, stopped: bool) -> Reading {
    let table = table();
    let _mutator = used(&table, slots, false);
    let mut pause = Duration::ZERO;
    let reading = alone(|| {
        let report = if stopped { table.sweep_stopped(0) } else { table.sweep(0) };
        pause = report.pause;
    });
    Reading { spent: pause, passed: pause, ..reading }
}

/// Allocates every slot, and frees a random half of the slots, or all.
fn used(table: &Table<u64>, slots: usize, all: bool) -> Mutator<'_, u64> {
    let mutator = table.mutator();
    let handles: Vec<Handle> =
        (0..slots as u64).map(|i| mutator.allocate(i).expect("a free slot")).collect();
    let mut random = Rng::with_seed(3);
    for handle in handles.into_iter().filter(|_| all || random.bool()) {
        mutator.free(handle).expect("a live entry");
    }
    mutator
}

/// Measures `times` safepoints of a table with this many idle mutators. [`Table::stats`] does
/// little but reach a safepoint.
fn stops_of_idle(mutators: usize, times: usize) -> Reading {
    let table = table();
    let mutators: Vec<_> = (0..mutators).map(|_| table.mutator()).collect();
    let stop = || {
        for _ in 0..times {
            black_box(table.stats());
        }
    };
    stop();
    let reading = alone(stop);
    drop(mutators);
    reading
}

/// Measures the same while a mutator works in another thread.
fn stops_of_busy(times: usize) -> Reading {
    let (table, done) = (table(), AtomicBool::new(false));
    // Relaxed, both: the flag says only when to end.
    let work = || {
        let mut mutator = table.mutator();
        while !done.load(Ordering::Relaxed) {
            pairs(&mut mutator, 1000);
        }
    };
    let stop = || {
        for _ in 0..times {
            black_box(table.stats());
        }
        done.store(true, Ordering::Relaxed);
    };
    together(2, |_| (), |number, ()| if number == 0 { stop() } else { work() })
}

/// Growth of a table, compared with the first touch of as much memory.
pub fn growth(title: &'static str) -> Contest {
    const ENTRIES: usize = 10_000_000;
    const TOUCH: &str = "first touch of as much memory";
    let mut contest = Contest::new(title, &[TOUCH]);
    contest.fix(ENTRIES, FEW_ROUNDS);
    contest.enter(Explicit::<u64>::NAME, 1, Figure::Spent, grow);
    contest.enter(TOUCH, 1, Figure::Spent, first_touch);
    contest.target(Explicit::<u64>::NAME, TOUCH, 1.3);
    contest
}

/// Sweeps of 1 Mi slots.
pub fn sweep_1(title: &'static str) -> Contest {
    sweeps(title, 1 << 20)
}

/// Sweeps of 16 Mi slots.
pub fn sweep_16(title: &'static str) -> Contest {
    sweeps(title, 16 << 20)
}

fn sweeps(title: &'static str, slots: usize) -> Contest {
    const READ: &str = "reading as much memory";
    const RETURN: &str = "reading and returning as much memory";
    const SORT: [&str; 2] = ["copy and sort, a random half free", "copy and sort, all free"];
    let mut contest = Contest::new(title, &[READ, RETURN, SORT[0], SORT[1]]);
    // Copying and sorting takes seconds where there are many.
    contest.fix(slots, if slots > 1 << 20 { 3 } else { FEW_ROUNDS });
    contest.enter("a random half free", 1, Figure::Spent, |slots| sweep(slots, false));
    contest.enter("all free", 1, Figure::Spent, |slots| sweep(slots, true));
    contest.enter(READ, 1, Figure::Spent, read_through);
    #[cfg(target_os = "linux")]
    contest.enter(RETURN, 1, Figure::Spent, read_and_return);
    for (all, name) in [false, true].into_iter().zip(SORT) {
        contest.enter(name, 1, Figure::Spent, move |slots| copy_and_sort(slots, all));
    }
    // The targets are about large tables.
    if slots > 1 << 20 {
        contest.target("a random half free", READ, 2.0);
        contest.target("all free", READ, 2.0);
        contest.target("all free", RETURN, 1.3);
        contest.target("a random half free", SORT[0], 0.05);
        contest.target("all free", SORT[1], 0.05);
    }
    contest
}

/// Pauses of sweeps of half free tables.
pub fn pause(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[]);
    contest.fix(1, FEW_ROUNDS);
    contest.show_worst();
    for (slots, name) in [(10_000, "10^4"), (1_000_000, "10^6"), (16_000_000, "1.6 * 10^7")] {
        for (stopped, how) in [(false, ""), (true, ", all in the pause")] {
            let name = format!("{name} slots{how}");
            contest.enter(name, 1, Figure::Passed, move |_| pause_of(slots, stopped));
        }
    }
    contest
}

/// Safepoints, with idle and with busy mutators.
pub fn stop(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["1 idle mutator"]);
    let idle = |mutators| move |times| stops_of_idle(mutators, times);
    contest.enter("1 idle mutator", 1, Figure::Passed, idle(1));
    contest.enter("64 idle mutators", 1, Figure::Passed, idle(64));
    contest.enter("1 mutator at work", 1, Figure::Passed, stops_of_busy);
    contest
}
