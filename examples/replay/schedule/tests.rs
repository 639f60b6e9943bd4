//! Every schedule assigns all records, in file order, and does not get stuck.

use super::*;

/// A trace of three uneven threads, in which half of the objects are freed by another thread.
fn trace() -> Trace {
    let mut data = b"SLTRACE1".to_vec();
    let mut records = Vec::new();
    for object in 0..300_u32 {
        let thread = if object < 3 { object } else { [0, 0, 0, 0, 1, 2][object as usize % 6] };
        records.push(thread << 24 | object);
        if object % 3 != 0 {
            let freer = if object % 2 == 0 { thread } else { (thread + 1) % 3.min(object + 1) };
            records.push(1 << 31 | freer << 24 | object);
        }
    }
    data.extend((records.len() as u32).to_le_bytes());
    data.extend(3_u32.to_le_bytes());
    data.extend(records.iter().flat_map(|record| record.to_le_bytes()));
    Trace::parse(&data).unwrap()
}

/// Returns thread counts below, equal to, and above the trace's.
fn counts() -> impl Iterator<Item = Threads> {
    [1, 2, 3, 4, 7, 16, 128].into_iter().map(Threads::Exactly).chain([Threads::Trace])
}

#[test]
fn all_records_are_assigned_in_file_order() {
    let trace = trace();
    let place: std::collections::HashMap<u32, usize> =
        trace.records.iter().enumerate().map(|(n, record)| (record.0, n)).collect();
    for threads in counts() {
        let lists = distribute(&trace, threads);
        let mut places: Vec<usize> = Vec::new();
        for list in &lists {
            let own: Vec<usize> = list.iter().map(|record| place[&record.0]).collect();
            assert!(own.is_sorted(), "{threads:?}");
            places.extend(own);
        }
        places.sort_unstable();
        assert!(places.into_iter().eq(0..trace.records.len()), "{threads:?}");
    }
}

#[test]
fn a_schedule_ends_whichever_thread_goes_first() {
    let trace = trace();
    for threads in counts() {
        let lists = distribute(&trace, threads);
        let mut at = vec![0; lists.len()];
        let mut allocated = vec![false; trace.objects as usize];
        let mut done = 0;
        while done < trace.records.len() {
            let before = done;
            // The last thread first, each as far as it gets: about the worst order.
            for (list, at) in lists.iter().zip(&mut at).rev() {
                while let Some(record) = list.get(*at) {
                    if record.is_free() && !allocated[record.object() as usize] {
                        break;
                    }
                    allocated[record.object() as usize] = true;
                    *at += 1;
                    done += 1;
                }
            }
            assert!(done > before, "{threads:?}: stuck after {done} records");
        }
    }
}

#[test]
fn as_many_threads_as_asked_for_have_work() {
    let trace = trace();
    for threads in [1, 2, 3, 4, 7, 16] {
        let lists = distribute(&trace, Threads::Exactly(threads));
        assert_eq!(lists.iter().filter(|list| !list.is_empty()).count(), threads);
    }
}

#[test]
fn the_threads_of_the_trace_stay_as_they_are() {
    let trace = trace();
    for threads in [Threads::Trace, Threads::Exactly(3)] {
        for (n, list) in distribute(&trace, threads).iter().enumerate() {
            assert!(list.iter().all(|record| record.thread() as usize == n));
        }
    }
}

#[test]
fn an_empty_trace_has_one_thread_without_work() {
    let empty = Trace { records: Vec::new(), threads: 0, objects: 0, live_peak: 0 };
    assert_eq!(distribute(&empty, Threads::Trace), [Vec::new()]);
    assert_eq!(distribute(&empty, Threads::Exactly(2)), [Vec::new(), Vec::new()]);
}
