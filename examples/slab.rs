//! A slab of strings, shared by threads: insert, look up under a guard, remove.
//!
//! ```text
//! cargo run --example slab
//! ```

use std::thread;

use slotarena::{Key, Slab};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let slab = Slab::<String>::builder().capacity(1000).build()?;
    let key = slab.insert("first".to_owned())?;

    // A value found under a guard stays until the guard is dropped, also if it is removed.
    let guard = slab.pin();
    let value = guard.get(key).expect("a value");
    let removed = thread::scope(|scope| scope.spawn(|| slab.remove(key)).join());
    assert!(removed.expect("no panic"));
    assert_eq!(value, "first");
    assert_eq!(guard.get(key), None);
    println!("still readable after its removal: {value}");
    drop(guard);

    // The slot is used again under another key. The old key does not come back.
    slab.flush();
    let keys: Vec<Key> = (0..1000).map_while(|_| slab.insert("next".to_owned()).ok()).collect();
    let other = keys.iter().find(|other| other.index() == key.index()).expect("the slot again");
    assert_ne!(*other, key);
    assert!(!slab.contains(key) && !slab.remove(key));
    println!("its slot is used again: {key:?} is gone, {other:?} is there");
    Ok(())
}
