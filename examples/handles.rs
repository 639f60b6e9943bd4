//! A table of `u64` entries, used by several threads: allocate, get, free.
//!
//! ```text
//! cargo run --example handles
//! ```

use std::thread;

use slotarena::{AllocError, Handle, Table};

const THREADS: u64 = 4;
const ENTRIES: u64 = 1000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = Table::<u64>::new()?;

    // Any thread may use the table by reference.
    let allocate = |first| (first..first + ENTRIES).map(|entry| table.allocate(entry)).collect();
    let parts: Vec<Result<Vec<Handle>, _>> = thread::scope(|scope| {
        let start = |thread| scope.spawn(move || allocate(thread * ENTRIES));
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let handles = parts.into_iter().collect::<Result<Vec<_>, AllocError>>()?.concat();
    println!("{} entries allocated by {THREADS} threads", handles.len());

    // A handle is a number below 2^32, and leads to its entry.
    let sum: u64 = handles.iter().filter_map(|&handle| table.get(handle)).sum();
    assert_eq!(sum, (0..THREADS * ENTRIES).sum());

    // A free returns the entry. A second free of the same handle is refused.
    let handle = handles[0];
    assert!(table.free(handle).is_ok());
    assert_eq!(table.get(handle), None);
    let refused = table.free(handle).expect_err("freed before");
    println!("second free: {refused}");
    Ok(())
}
