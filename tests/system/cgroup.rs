//! A memory cgroup: reserved addresses are not charged, and what a sweep returns is free again.

use std::fs;
use std::path::{Path, PathBuf};

use slotarena::{Slab, Table};

use crate::alone::alone;
use crate::common::check_empty;

const LIMIT: u64 = 96 << 20;

/// A cgroup of this process alone, with a limit on memory. `None` where it cannot be made.
struct Cgroup {
    parent: PathBuf,
    own: PathBuf,
}

impl Cgroup {
    fn new() -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        let (mount, file) = match Path::new("/sys/fs/cgroup/memory").exists() {
            true => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            false => ("/sys/fs/cgroup", "memory.max"),
        };
        let mut fields = groups.lines().map(|line| line.splitn(3, ':').collect::<Vec<_>>());
        let group = fields.find(|fields| ["memory", ""].contains(&fields[1]))?[2].to_owned();
        let inside = Path::new(mount).join(group.trim_start_matches('/'));
        let parent = if inside.exists() { inside } else { mount.into() };
        let own = parent.join(format!("slotarena-{}", std::process::id()));
        fs::create_dir(&own).ok()?;
        let all = Self { parent, own };
        fs::write(all.own.join(file), LIMIT.to_string()).ok()?;
        fs::write(all.own.join("cgroup.procs"), std::process::id().to_string()).ok()?;
        Some(all)
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Where it was made in part, this undoes the part.
        let _ = fs::write(self.parent.join("cgroup.procs"), std::process::id().to_string());
        let _ = fs::remove_dir(&self.own);
    }
}

/// Of 96 MiB, tables take 60 at a time, several times over.
#[test]
fn a_process_with_little_memory_uses_what_sweeps_return() {
    alone("cgroup::a_process_with_little_memory_uses_what_sweeps_return", || {
        let Some(_cgroup) = Cgroup::new() else {
            println!("skipped: no cgroup can be made here");
            return;
        };
        let tables: Vec<_> = (0..4).map(|_| Table::<u64>::new().expect("a table")).collect();
        let reserved: usize = tables.iter().map(Table::reserved_bytes).sum();
        assert!(reserved as u64 > 10 * LIMIT, "{reserved}: too small to tell");
        for table in &tables {
            let handles: Vec<_> =
                (0..3_800_000).map(|n| table.allocate(n).expect("a slot")).collect();
            for handle in handles {
                table.free(handle).expect("live");
            }
            let report = table.sweep(0);
            assert!(report.segments_released > 400 && report.bytes_refused == 0, "{report:?}");
            check_empty(table);
        }
        let slab = Slab::<[u64; 8]>::new().expect("a slab");
        for n in 0..4 {
            let keys: Vec<_> = (0..500_000).map(|_| slab.insert([n; 8]).expect("a slot")).collect();
            assert!(keys.into_iter().all(|key| slab.remove(key)));
            slab.sweep(0);
        }
    });
}
