//! The recorded traces, replayed in the order of their files.

use super::peers::{Hand, Peer};
use super::work::{Reading, alone};

/// After how many events there is a sweep.
const SWEEP_EVERY: usize = 10_000;

/// A trace, as `traces/README.md` says; the example `replay` checks that files keep to it.
pub struct Trace {
    /// Bit 31: a free; bits 24 to 30: the thread; the others: the object.
    pub events: Vec<u32>,
    threads: u32,
    objects: usize,
}

/// The trace of this name.
pub fn read(name: &str) -> Trace {
    let path = format!("{}/traces/{name}.sltrace", env!("CARGO_MANIFEST_DIR"));
    let data = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut words =
        data.chunks_exact(4).map(|word| u32::from_le_bytes([0, 1, 2, 3].map(|i| word[i])));
    let threads = words.nth(3).expect("a header");
    let events: Vec<u32> = words.collect();
    let objects = events.iter().filter(|&event| event >> 31 == 0).count();
    Trace { events, threads, objects }
}

/// All events, one after the other, each with the hand of its thread; sweeps on the way.
pub fn replay<P: Peer>(trace: &Trace) -> Reading {
    let peer = P::new(trace.objects);
    let mut hands: Vec<_> = (0..trace.threads).map(|_| peer.hand()).collect();
    let mut keys: Vec<Option<P::Key>> = vec![None; trace.objects];
    let reading = alone(|| {
        for events in trace.events.chunks(SWEEP_EVERY) {
            for event in events {
                let object = event & 0xff_ffff;
                let hand = &mut hands[(event >> 24 & 0x7f) as usize];
                let key = &mut keys[object as usize];
                if event >> 31 != 0 {
                    hand.remove(key.take().expect("allocated before"));
                } else {
                    *key = Some(hand.insert(u64::from(object)));
                }
            }
            peer.sweep();
        }
    });
    for key in keys.into_iter().flatten() {
        hands[0].remove(key);
    }
    reading
}
