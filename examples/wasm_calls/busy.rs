//! What goes on in the table while a module runs: other threads swap its entry points for those of
//! recompiled bodies, and allocate, free and sweep other modules' entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;

use slotarena::{CodePointerTable, Handle};

use crate::compile::Code;
use crate::instance::Prepared;
use crate::jobs::Random;

/// How much went on.
#[derive(Default)]
pub struct Busy {
    done: AtomicBool,
    pub swaps: AtomicU64,
    pub compilations: AtomicU64,
    pub entries: AtomicU64,
    pub sweeps: AtomicU64,
    pub released: AtomicU64,
}

/// How many bodies of each function are compiled before they are used again.
const COPIES: usize = 4;

impl Busy {
    /// Starts the threads. `recompile` makes new bodies, the number of the copy in hand. What the
    /// entries lead to is kept until all has ended.
    pub fn start<'s>(
        &'s self,
        scope: &'s Scope<'s, '_>,
        table: &'s CodePointerTable,
        prepared: &'s Prepared,
        own: &'s [Handle],
        current: Arc<Code>,
        recompile: impl Fn(usize) -> Result<Arc<Code>, String> + Send + 's,
    ) {
        let other = current.clone();
        scope.spawn(move || {
            let mut copies = vec![current];
            for round in 1.. {
                if self.done.load(Ordering::Relaxed) {
                    break;
                }
                if copies.len() < COPIES {
                    copies.push(recompile(round).expect("it was compiled before"));
                    self.compilations.fetch_add(1, Ordering::Relaxed);
                }
                let code = &copies[round % copies.len()];
                // One scope for all: a batch.
                let scope = table.write_scope();
                for (number, (&handle, &entry_point)) in own.iter().zip(&code.functions).enumerate()
                {
                    let signature = prepared.signature_of(number as u32);
                    scope.set(handle, entry_point, signature).expect("its own signature");
                    self.swaps.fetch_add(1, Ordering::Relaxed);
                }
                drop(scope);
                std::thread::yield_now();
            }
            // The entries lead to the first copy again, before the others go.
            let scope = table.write_scope();
            for (number, (&handle, &entry_point)) in
                own.iter().zip(&copies[0].functions).enumerate()
            {
                let signature = prepared.signature_of(number as u32);
                scope.set(handle, entry_point, signature).expect("its own signature");
            }
            // The module may still run in them.
            while !self.done.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
        scope.spawn(move || {
            let mut random = Random(7);
            let mut held: Vec<Handle> = Vec::new();
            while !self.done.load(Ordering::Relaxed) {
                let scope = table.write_scope();
                for _ in 0..random.below(20_000) {
                    let number = random.below(other.functions.len() as u64) as u32;
                    let entry_point = other.functions[number as usize];
                    let handle = scope.allocate(entry_point, prepared.signature_of(number));
                    held.push(handle.expect("there is room"));
                    self.entries.fetch_add(1, Ordering::Relaxed);
                }
                let kept = random.below(held.len() as u64 + 1) as usize;
                for handle in held.drain(kept..) {
                    scope.free(handle).expect("its own");
                }
                let report = scope.sweep(CodePointerTable::SWEEP_THRESHOLD);
                self.sweeps.fetch_add(report.swept.into(), Ordering::Relaxed);
                self.released.fetch_add(report.segments_released, Ordering::Relaxed);
            }
            let scope = table.write_scope();
            held.into_iter().for_each(|handle| scope.free(handle).expect("its own"));
        });
    }

    /// Ends it. Call when nothing is run any more.
    pub fn end(&self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
