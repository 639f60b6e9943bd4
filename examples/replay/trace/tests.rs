//! The parser accepts every file that keeps the rules, reports the broken rule of every other file,
//! and never panics.

use super::*;

const FREE: u32 = 1 << 31;

/// One record.
fn record(free: u32, thread: u32, object: u32) -> u32 {
    free | thread << 24 | object
}

/// A file with these records, and a header that says `threads`.
fn file(threads: u32, records: &[u32]) -> Vec<u8> {
    let mut data = MAGIC.to_vec();
    data.extend((records.len() as u32).to_le_bytes());
    data.extend(threads.to_le_bytes());
    data.extend(records.iter().flat_map(|record| record.to_le_bytes()));
    data
}

/// Two threads, three objects, one of them alive at the end.
fn sound() -> Vec<u8> {
    let records =
        [record(0, 0, 0), record(0, 1, 1), record(FREE, 1, 0), record(0, 0, 2), record(FREE, 0, 2)];
    file(2, &records)
}

/// The damage of a file with these records.
fn damage(threads: u32, records: &[u32]) -> (usize, Rule) {
    let damage = Trace::parse(&file(threads, records)).unwrap_err();
    (damage.offset, damage.rule)
}

#[test]
fn a_sound_file_is_read() {
    let trace = Trace::parse(&sound()).unwrap();
    assert_eq!((trace.threads, trace.objects, trace.live_peak), (2, 3, 2));
    assert_eq!(trace.records.len(), 5);
    let third = trace.records[2];
    assert_eq!((third.is_free(), third.thread(), third.object()), (true, 1, 0));
}

#[test]
fn an_empty_trace_is_one() {
    let trace = Trace::parse(&file(0, &[])).unwrap();
    assert_eq!((trace.threads, trace.objects, trace.live_peak), (0, 0, 0));
}

#[test]
fn the_first_wrong_byte_of_the_magic_is_named() {
    let mut data = sound();
    data[7] = b'2';
    assert_eq!(Trace::parse(&data), Err(Damage { offset: 7, rule: Rule::Magic }));
}

#[test]
fn a_file_shorter_or_longer_than_its_count_is_refused() {
    let data = sound();
    for length in 0..data.len() {
        let damage = Trace::parse(&data[..length]).unwrap_err();
        if length < RECORDS_AT {
            assert_eq!(damage, Damage { offset: length, rule: Rule::Header { length } });
        } else {
            let rule = Rule::Length { count: 5, length };
            assert_eq!(damage, Damage { offset: COUNT_AT, rule });
        }
    }
    let mut longer = data.clone();
    longer.push(0);
    let rule = Rule::Length { count: 5, length: longer.len() };
    assert_eq!(Trace::parse(&longer), Err(Damage { offset: COUNT_AT, rule }));
}

#[test]
fn the_greatest_count_does_not_overflow() {
    let mut data = sound();
    data[COUNT_AT..THREADS_AT].copy_from_slice(&u32::MAX.to_le_bytes());
    let damage = Trace::parse(&data).unwrap_err();
    assert_eq!(damage.offset, COUNT_AT);
    assert!(damage.to_string().contains("17179869196 bytes"), "{damage}");
}

#[test]
fn threads_are_below_their_number_and_in_order() {
    let records = [record(0, 0, 0), record(0, 2, 1)];
    assert_eq!(damage(2, &records), (20, Rule::ThreadNumber { thread: 2, threads: 2 }));
    assert_eq!(damage(3, &records), (20, Rule::ThreadOrder { thread: 2, next: 1 }));
}

#[test]
fn each_thread_of_the_header_has_a_record() {
    let rule = Rule::IdleThread { thread: 1, threads: 3 };
    assert_eq!(damage(3, &[record(0, 0, 0)]), (THREADS_AT, rule));
    let rule = Rule::IdleThread { thread: 0, threads: u32::MAX };
    assert_eq!(damage(u32::MAX, &[]), (THREADS_AT, rule));
}

#[test]
fn objects_are_allocated_in_order() {
    let records = [record(0, 0, 0), record(0, 0, 2)];
    assert_eq!(damage(1, &records), (20, Rule::ObjectOrder { object: 2, next: 1 }));
    let records = [record(0, 0, 0), record(0, 0, 0)];
    assert_eq!(damage(1, &records), (20, Rule::ObjectOrder { object: 0, next: 1 }));
}

#[test]
fn objects_are_freed_after_their_allocation_and_once() {
    let records = [record(FREE, 0, 0), record(0, 0, 0)];
    assert_eq!(damage(1, &records), (16, Rule::FreeBeforeAllocation { object: 0 }));
    let records = [record(0, 0, 0), record(FREE, 0, 0), record(FREE, 0, 0)];
    assert_eq!(damage(1, &records), (24, Rule::FreedTwice { object: 0 }));
}

#[test]
fn flipped_bits_never_panic_and_every_error_lies_in_the_file() {
    // A fixed seed: the same flips in every run.
    let mut random = fastrand::Rng::with_seed(0x5eed);
    for _ in 0..20_000 {
        let mut data = sound();
        for _ in 0..random.usize(1..=4) {
            let at = random.usize(..data.len());
            data[at] ^= 1 << random.u32(..8);
        }
        data.truncate(data.len() - random.usize(..3));
        if let Err(damage) = Trace::parse(&data) {
            assert!(damage.offset <= data.len());
            assert!(damage.to_string().starts_with("damaged at byte"));
        }
    }
}

#[test]
fn each_single_flip_in_the_header_or_in_an_allocated_object_is_found() {
    // The allocations of `sound` are its records 0, 1 and 3; the object has three bytes.
    let objects = [0, 1, 3].map(|n| RECORDS_AT + n * RECORD_BYTES).into_iter();
    for at in (0..RECORDS_AT).chain(objects.flat_map(|at| at..at + 3)) {
        for bit in 0..8 {
            let mut data = sound();
            data[at] ^= 1 << bit;
            assert!(Trace::parse(&data).is_err(), "byte {at}, bit {bit}");
        }
    }
}
