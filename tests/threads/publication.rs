//! A thread that reads an entry also sees all writes made before the entry was stored.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use slotarena::Table;

use crate::Deadline;
use crate::common::{cases, check_empty, mix};

/// Letters that one thread writes once each, and that others read once they have the number.
struct Letters(Box<[UnsafeCell<u64>]>);

// SAFETY: a letter is written before its number is stored in the table, and read after the number
// was found there. The test is that this orders the two.
unsafe impl Sync for Letters {}

impl Letters {
    fn write(&self, number: u64) {
        // SAFETY: no other thread has this number yet.
        unsafe { *self.0[number as usize].get() = mix(number) };
    }

    fn read(&self, number: u64) -> u64 {
        // SAFETY: the number was found in the table, so the letter was written before.
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
fn writes_before_an_entry_are_seen_by_its_readers() {
    const LETTERS: u64 = 1 << 21;
    const READERS: usize = 2;
    let letters = Letters((0..LETTERS).map(|_| UnsafeCell::new(0)).collect());
    let table = Table::<u64>::builder().capacity(1000).build().expect("a table");
    let deadline = Deadline::after(4.0);
    let fixed = table.allocate(0).expect("a slot");
    letters.write(0);
    // Relaxed: it orders nothing by itself.
    let latest = AtomicU32::new(fixed.to_raw());
    let ended = AtomicBool::new(false);
    let read: u64 = std::thread::scope(|scope| {
        let read_all = || {
            let (mut read, mut newest) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                // Stored by `set`: a newer number is never followed by an older one.
                let number = table.get(fixed).expect("never freed");
                assert!(number >= newest, "{number} after {newest}");
                assert!(number == 0 || letters.read(number) == mix(number), "letter {number}");
                newest = number;
                // Stored by `allocate`, and perhaps freed since.
                if let Some(number) = table.get_raw(latest.load(Ordering::Relaxed)) {
                    assert!(number == 0 || letters.read(number) == mix(number), "letter {number}");
                    read += 1;
                }
                read += 1;
            }
            read
        };
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read_all)).collect();
        // The readers end even if this loop panics.
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
    cases("reads of published letters", read);
}
