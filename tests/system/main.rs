//! What a process may do to itself around the tables that it has: each case in a process of its
//! own.
//!
//! - `barrier`: the process-wide barrier is taken back.
//! - `descriptors`: descriptors run out, are closed, and the size of files is limited.
//! - `dumps`: what a core dump has of a table.
//! - `locked`: memory is locked (`mlockall`).
//! - `maps`: the process can have no more mappings.
//! - `messages`: the limits that errors name.
//! - `reading`: what reading made-up handles costs.
//! - `sealing`: the system refuses to seal read-only segments.
//! - `sequences`: restartable sequences that cannot be restarted.
//! - `cgroup`: a process in a cgroup with little memory.
//! - `ended`: what threads that have ended leave behind.
//! - `exhausted`: memory is refused, at each allocation in turn.
//! - `fork`: the process forks, at rest and with threads at work.
//! - `signals`: a signal handler uses a table that its thread is using.
//! - `small`: many slabs of small capacity.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(any(miri, slotarena_heap))))]

#[path = "../common/alone.rs"]
mod alone;
#[path = "../common/mod.rs"]
mod common;

mod cgroup;
mod ended;
mod exhausted;
mod fork;
mod signals;
mod small;
mod barrier;
mod descriptors;
mod dumps;
mod locked;
mod maps;
mod messages;
mod reading;
mod sealing;
mod sequences;

use slotarena::{CodePointerTable, EntryPoint, Handle, Protection, Signature};

/// Makes a table of a million code pointers, with a dual mapping.
pub fn protected() -> CodePointerTable {
    let builder = CodePointerTable::builder().index_bits(20).protection(Protection::DualMapping);
    builder.build().expect("a table")
}

/// Fills six segments of a table of code pointers, reads them, frees them, and sweeps.
#[track_caller]
pub fn works(table: &CodePointerTable) {
    let signature = Signature::new(1).expect("a small number");
    let entry_point = EntryPoint::new(std::ptr::without_provenance(0x1000)).expect("not null");
    let scope = table.write_scope();
    let all = (0..6 * 8192).map(|_| scope.allocate(entry_point, signature).expect("a slot"));
    let all: Vec<Handle> = all.collect();
    let read = |handle: &Handle| table.entry_point(handle.to_raw(), signature);
    assert!(all.iter().all(|handle| read(handle) == Some(entry_point)));
    all.iter().for_each(|&handle| scope.free(handle).expect("live"));
    let report = scope.sweep(0);
    assert!(report.segments_released >= 6 && report.bytes_refused == 0, "{report:?}");
    assert!(all.iter().all(|handle| read(handle).is_none()));
    table.audit().expect("a sound table");
}

/// Returns the lines of `/proc/self/smaps` about mappings that a range meets: the head of each, and
/// its flags.
pub fn mappings(start: usize, bytes: usize) -> Vec<(String, String)> {
    let text = std::fs::read_to_string("/proc/self/smaps").expect("this process's mappings");
    let mut found = Vec::new();
    let mut head = None;
    for line in text.lines() {
        let range = line.split_once(' ').and_then(|(range, _)| range.split_once('-'));
        let number = |text| usize::from_str_radix(text, 16).ok();
        if let Some((from, to)) = range.and_then(|(from, to)| Some((number(from)?, number(to)?))) {
            head = (start < to && from < start.saturating_add(bytes)).then(|| line.to_owned());
        } else if let (Some(flags), Some(head)) = (line.strip_prefix("VmFlags:"), &head) {
            found.push((head.clone(), flags.to_owned()));
        }
    }
    found
}
