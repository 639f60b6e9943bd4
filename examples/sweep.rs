//! A small collector: it marks live handles, frees the rest, and sweeps.
//!
//! ```text
//! cargo run --example sweep
//! ```

use std::collections::HashSet;

use slotarena::{Handle, Table};

const ENTRIES: u64 = 100_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let table = Table::<u64>::new()?;
    let handles: Vec<Handle> =
        (0..ENTRIES).map(|entry| table.allocate(entry)).collect::<Result<_, _>>()?;
    let before = table.stats();
    println!("before: {} live slots, {} bytes", before.live, before.bytes_committed);

    // Mark: the first thousand handles are reachable.
    let marked: HashSet<Handle> = handles[..1000].iter().copied().collect();

    // The walk stops all threads, so it only collects the dead handles.
    let mut dead = Vec::new();
    table.for_each_live(|handle, _| dead.extend((!marked.contains(&handle)).then_some(handle)));
    table.free_many(&dead)?;

    // The sweep returns whole free segments to the system. The threshold 0 asks for any gain.
    let report = table.sweep_stopped(0);
    println!("sweep: {} bytes returned, pause {:?}", report.bytes_released, report.pause);
    let after = table.stats();
    println!("after: {} live slots, {} bytes", after.live, after.bytes_committed);

    assert!(report.swept && report.segments_released > 0);
    assert_eq!(after.live, 1000);
    assert!(after.bytes_committed < before.bytes_committed);
    Ok(())
}
