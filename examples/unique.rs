//! A table whose slots have owners: an owner frees its slot, other threads read by handle.
//!
//! ```text
//! cargo run --example unique
//! ```

use std::thread;

use slotarena::UniqueTable;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = UniqueTable::<u64>::new()?;

    // The owner cannot be copied. Its handle can.
    let mut owner = table.allocate(7)?;
    let handle = owner.handle();
    let read = || thread::scope(|scope| scope.spawn(|| table.get(handle)).join());
    assert_eq!(read().expect("no panic"), Some(7));
    println!("another thread reads {:?}", table.get(handle));

    // Only the owner changes the entry.
    assert_eq!(owner.set(8)?, 7);
    assert_eq!(read().expect("no panic"), Some(8));

    // Only the owner frees the slot. A second free does not compile: `free` consumes the owner.
    assert_eq!(owner.free(), 8);
    assert_eq!(read().expect("no panic"), None);
    println!("after the free it reads {:?}", table.get(handle));

    // An owner that is dropped frees its slot, too.
    let handle = table.allocate(9)?.handle();
    assert_eq!(table.get(handle), None);
    Ok(())
}
