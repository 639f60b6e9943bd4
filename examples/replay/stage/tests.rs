//! Whole replays, of small traces on a real table.

use super::*;
use crate::options::Threads;

/// Returns a trace of three threads. Each third object lives to the end. Another thread frees half
/// of the others.
fn trace(objects: u32) -> Trace {
    let mut records = Vec::new();
    for object in 0..objects {
        let thread = object % 3;
        records.push(thread << 24 | object);
        if object >= 20 && object % 3 != 0 {
            let old = object - 20;
            let freer = if object % 2 == 0 { thread } else { old % 3 };
            records.push(1 << 31 | freer << 24 | old);
        }
    }
    let mut data = b"SLTRACE1".to_vec();
    data.extend((records.len() as u32).to_le_bytes());
    data.extend(3_u32.to_le_bytes());
    data.extend(records.iter().flat_map(|record| record.to_le_bytes()));
    Trace::parse(&data).unwrap()
}

fn options(threads: Threads, via: Via) -> Options {
    Options { traces: Vec::new(), threads, sweep_every: 100, repeat: 2, via, svg: None }
}

/// Counts the faults of an outcome except resident memory: other tests run concurrently.
fn faults(outcome: &Outcome) -> u64 {
    let others = Fault::ALL.into_iter().filter(|&fault| fault != Fault::Kept);
    others.map(|fault| outcome.faults.count(fault)).sum()
}

#[test]
fn each_schedule_and_each_way_into_the_table_keeps_the_rules() {
    let trace = trace(if cfg!(miri) { 60 } else { 3000 });
    let threads = [1, 2, 3, 7].into_iter().map(Threads::Exactly).chain([Threads::Trace]);
    for threads in threads {
        for via in [Via::Mutator, Via::Table] {
            let outcome = replay("small", &trace, &options(threads, via), 0).unwrap();
            assert_eq!(faults(&outcome), 0, "{:?}", outcome.faults.details());
            assert_eq!(outcome.committed_end, 0);
            // Three rounds, and three comparisons for each object: after its allocation, and twice
            // at its free. An object that lives to the end of a round has a fourth one.
            let frees = trace.records.iter().filter(|record| record.is_free()).count();
            let left = u64::from(trace.objects) - frees as u64;
            assert_eq!(outcome.stamps, 3 * (3 * u64::from(trace.objects) + left));
        }
    }
}

#[test]
fn an_empty_trace_is_replayed() {
    let empty = Trace { records: Vec::new(), threads: 0, objects: 0, live_peak: 0 };
    let outcome = replay("empty", &empty, &options(Threads::Trace, Via::Mutator), 0).unwrap();
    assert_eq!((faults(&outcome), outcome.stamps, outcome.committed_end), (0, 0, 0));
    assert_eq!(outcome.wall_per_event(), None);
}
