//! What is not done every day: growing to millions of entries, sweeping a large table, and
//! stopping the world.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slotarena::{Handle, Mutator, Table};

use super::Random;
use super::work::{Reading, alone, pairs, together};

fn table() -> Table<u64> {
    Table::builder().capacity_at_most(1 << 28).build().expect("addresses for a table")
}

/// Allocates `entries` entries in a new table.
pub fn grow(entries: usize) -> Reading {
    let table = table();
    let mut mutator = table.mutator();
    alone(|| {
        for i in 0..entries as u64 {
            black_box(mutator.allocate(i).expect("a free slot"));
        }
    })
}

/// Writes to each of `words` words of memory that was never touched, in pages of the usual size,
/// as the table's are.
pub fn first_touch(words: usize) -> Reading {
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
    // SAFETY: advice on whole pages inside an allocation of ours.
    unsafe { libc::madvise(inside.as_mut_ptr().cast(), bytes, libc::MADV_NOHUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn keep_small_pages(_memory: &mut Vec<u64>) {}

/// Sweeps a table of `slots` slots after every slot was in use, and then a random half of them,
/// or all, has been freed.
pub fn sweep(slots: usize, all: bool) -> Reading {
    let table = table();
    let _mutator = used(&table, slots, all);
    alone(|| assert!(table.sweep(0).swept))
}

/// Reads as much memory as the slots of such a table have, one word after the other.
pub fn read_through(words: usize) -> Reading {
    let memory = worn(words);
    alone(|| {
        black_box(memory.iter().fold(0u64, |sum, &word| sum.wrapping_add(word)));
    })
}

/// Reads as much memory and has the system take it back in one call, and nothing else: a sweep that
/// releases all of a table, having seen that every slot is free, is not to be expected below this.
#[cfg(target_os = "linux")]
pub fn read_and_return(words: usize) -> Reading {
    const PAGE: usize = 4096;
    let mut memory = worn(words);
    let before = memory.as_ptr().align_offset(PAGE);
    let bytes = (words - before) * 8 / PAGE * PAGE;
    let reading = alone(|| {
        black_box(memory.iter().fold(0u64, |sum, &word| sum.wrapping_add(word)));
        let inside = memory[before..].as_mut_ptr().cast();
        // SAFETY: whole pages inside an allocation of ours, whose contents nobody looks at again.
        let result = unsafe { libc::madvise(inside, bytes, libc::MADV_DONTNEED) };
        assert_eq!(result, 0, "advice on our own pages");
    });
    drop(memory);
    reading
}

/// Memory of so many words, in small pages, each of them written to.
fn worn(words: usize) -> Vec<u64> {
    let mut memory = Vec::<u64>::with_capacity(words);
    keep_small_pages(&mut memory);
    memory.extend(0..words as u64);
    memory
}

/// What sweeps of tables do that do not see from a slot's word that it is free: follows the links
/// of a freelist, in the order in which the slots were freed, copies their indices, sorts them and
/// links them anew. The free slots are those of [`sweep`].
pub fn copy_and_sort(slots: usize, all: bool) -> Reading {
    let mut links = worn(slots + 1);
    let mut random = Random(3);
    let mut order: Vec<u32> =
        (1..=slots as u32).filter(|_| all || random.next() % 2 == 0).collect();
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

/// For how long such a sweep of a table that is half free holds operations up: as it is, or with
/// all of it inside the pause.
pub fn pause(slots: usize, stopped: bool) -> Reading {
    let table = table();
    let _mutator = used(&table, slots, false);
    let mut pause = Duration::ZERO;
    let reading = alone(|| {
        let report = if stopped { table.sweep_stopped(0) } else { table.sweep(0) };
        pause = report.pause;
    });
    Reading { spent: pause, passed: pause, ..reading }
}

/// Uses every slot, and frees a random half of them, or all.
fn used(table: &Table<u64>, slots: usize, all: bool) -> Mutator<'_, u64> {
    let mut mutator = table.mutator();
    let handles: Vec<Handle> =
        (0..slots as u64).map(|i| mutator.allocate(i).expect("a free slot")).collect();
    let mut random = Random(3);
    for handle in handles.into_iter().filter(|_| all || random.next() % 2 == 0) {
        mutator.free(handle).expect("a live entry");
    }
    mutator
}

/// Stops the world of a table `times` times; [`Table::stats`] does little else. There are this
/// many mutators, none of them at work.
pub fn stops_of_idle(mutators: usize, times: usize) -> Reading {
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

/// The same while a mutator is at work in another thread.
pub fn stops_of_busy(times: usize) -> Reading {
    let (table, done) = (table(), AtomicBool::new(false));
    // Relaxed, both: it says when to end, and nothing else.
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
