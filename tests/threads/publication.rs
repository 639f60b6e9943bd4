//! What was written before an entry was put into the table is seen by whoever reads the entry.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use slotarena::Table;

use crate::Deadline;
use crate::common::{cases, check_empty, mix};

/// Texts that are written once each, by one thread, and read by others once they are told.
struct Letters(Box<[UnsafeCell<u64>]>);

// SAFETY: each is written before its number is put into the table, and read by who finds the
// number there. That this orders the two is what is being tested.
unsafe impl Sync for Letters {}

impl Letters {
    fn write(&self, number: u64) {
        // SAFETY: nobody has been told of this one.
        unsafe { *self.0[number as usize].get() = mix(number) };
    }

    fn read(&self, number: u64) -> u64 {
        // SAFETY: the number was found in the table.
        unsafe { *self.0[number as usize].get() }
    }
}

struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn what_was_written_before_is_seen() {
    const LETTERS: u64 = 1 << 21;
    const READERS: usize = 2;
    let letters = Letters((0..LETTERS).map(|_| UnsafeCell::new(0)).collect());
    let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
    let deadline = Deadline::after(4.0);
    let fixed = table.allocate(0).expect("a slot");
    letters.write(0);
    // Carries no ordering of its own.
    let latest = AtomicU32::new(fixed.to_raw());
    let ended = AtomicBool::new(false);
    let read: u64 = std::thread::scope(|scope| {
        let read_all = || {
            let (mut read, mut newest) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                // Put there by `set`: never an older one after a newer one.
                let number = table.get(fixed).expect("never freed");
                assert!(number >= newest, "{number} after {newest}");
                assert!(number == 0 || letters.read(number) == mix(number), "letter {number}");
                newest = number;
                // Put there by `allocate`, and perhaps gone again.
                if let Some(number) = table.get_raw(latest.load(Ordering::Relaxed)) {
                    assert!(number == 0 || letters.read(number) == mix(number), "letter {number}");
                    read += 1;
                }
                read += 1;
            }
            read
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read_all)).collect();
        // Whatever becomes of this loop, the readers end.
        let ending = SetWhenDropped(&ended);
        for number in 1..LETTERS {
            letters.write(number);
            if number % 2 == 0 {
                table.set(fixed, number).expect("live");
            } else {
                let handle = table.allocate(number).expect("a slot");
                latest.store(handle.to_raw(), Ordering::Relaxed);
                assert_eq!(table.free(handle), Ok(number));
            }
            if number % 256 == 0 && deadline.has_come() {
                break;
            }
        }
        drop(ending);
        readers.into_iter().map(|reader| reader.join().expect("no panic")).sum()
    });
    table.free(fixed).expect("live");
    check_empty(&table);
    cases("reads of what was published", read);
}
