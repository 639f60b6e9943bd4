//! Writers allocate, set, and free entries while a sweep releases segments and readers try every
//! number. An entry found under a signature was stored under it.

use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use slotarena::code::Signature;
use slotarena::{CodePointerTable, Handle};

use crate::common::cases;
use crate::{check_empty, entry_point, signature, stored_under, tables};

const SIGNATURES: u32 = 5;
/// Four segments, so that each slot is used many times.
const INDEX_BITS: u32 = 15;

fn write(table: &CodePointerTable, seed: u64, steps: usize) {
    let mut random = Rng::with_seed(seed);
    let mut held: Vec<(Handle, Signature)> = Vec::new();
    let mut version = 0;
    for step in 0..steps {
        let scope = table.write_scope();
        // The table fills, then empties, so that sweeps find free segments.
        let grow = step / 4000 % 2 == 0;
        version = (version + 1) % 60_000;
        match random.usize(..8) {
            0..=2 if grow => {
                let s = signature(random.usize(..SIGNATURES as usize) as u32 * 16);
                held.push((scope.allocate(entry_point(s, version), s).expect("a slot"), s));
            }
            3 if grow => {
                let s = signature(random.usize(..SIGNATURES as usize) as u32 * 16);
                let handle = scope.allocate_uninitialized().expect("a slot");
                scope.publish(handle, entry_point(s, version), s).expect("it has no entry");
                held.push((handle, s));
            }
            0..=3 => {
                if let Some((handle, _)) = held.pop() {
                    scope.free(handle).expect("this thread's");
                }
            }
            4..=6 if !held.is_empty() => {
                let (handle, s) = held[random.usize(..held.len())];
                let old = scope.set(handle, entry_point(s, version), s).expect("this thread's");
                assert_eq!(stored_under(old), s.number());
                let other = signature((s.number() + 16) % (SIGNATURES * 16));
                assert!(scope.set(handle, entry_point(other, version), other).is_err());
            }
            _ if random.usize(..400) == 0 => {
                scope.sweep(0);
            }
            _ => {}
        }
    }
    let scope = table.write_scope();
    held.into_iter().for_each(|(handle, _)| scope.free(handle).expect("this thread's"));
}

#[test]
fn a_reader_gets_what_was_stored_under_its_signature() {
    for table in tables(INDEX_BITS) {
        let (done, is_found) = (AtomicBool::new(false), AtomicBool::new(false));
        let reads = std::thread::scope(|threads| {
            let readers: Vec<_> = (0..2)
                .map(|number| {
                    let (table, done, is_found) = (&table, &done, &is_found);
                    threads.spawn(move || {
                        let mut reads = 0u64;
                        while !done.load(Ordering::Relaxed) {
                            for raw in (0..1 << 14).chain([1 << 15, u32::MAX]) {
                                let s = signature((raw % SIGNATURES + number) % SIGNATURES * 16);
                                if let Some(got) = table.entry_point(raw, s) {
                                    is_found.store(true, Ordering::Relaxed);
                                    assert_eq!(stored_under(got), s.number());
                                }
                                reads += 1;
                            }
                        }
                        reads
                    })
                })
                .collect();
            let writers: Vec<_> = (0..3)
                .map(|seed| {
                    let (table, is_found) = (&table, &is_found);
                    threads.spawn(move || {
                        write(table, seed, 40_000);
                        // On a busy machine the readers may come late.
                        for _ in 0..10_000 {
                            if is_found.load(Ordering::Relaxed) {
                                break;
                            }
                            write(table, seed, 1_000);
                        }
                    })
                })
                .collect();
            writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
            done.store(true, Ordering::Relaxed);
            readers.into_iter().map(|reader| reader.join().expect("a reader")).sum::<u64>()
        });
        assert!(is_found.into_inner(), "some were found");
        cases("reads by signature", reads);
        check_empty(&table);
        assert_eq!(table.close(), Ok(()));
    }
}
