//! Concurrent work on the table while a module runs. One thread swaps the module's entry points for
//! those of recompiled bodies. Another allocates, frees, and sweeps other modules' entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;

use fastrand::Rng;
use slotarena::{CodePointerTable, Handle};

use crate::compile::Code;
use crate::instance::Prepared;

/// The amount of concurrent work.
#[derive(Default)]
pub struct Busy {
    done: AtomicBool,
    pub swaps: AtomicU64,
    pub compilations: AtomicU64,
    pub entries: AtomicU64,
    pub sweeps: AtomicU64,
    pub released: AtomicU64,
}

/// The bodies of each function. They are then used again in turn.
const COPIES: usize = 4;

impl Busy {
    /// Starts the threads. `recompile` compiles new bodies, given the number of the copy. All
    /// bodies are kept until the end.
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
                // One scope for all functions: a batch.
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
            // The entries lead to the first copy again before the others are dropped.
            let scope = table.write_scope();
            for (number, (&handle, &entry_point)) in
                own.iter().zip(&copies[0].functions).enumerate()
            {
                let signature = prepared.signature_of(number as u32);
                scope.set(handle, entry_point, signature).expect("its own signature");
            }
            // The module may still run in the copies.
            while !self.done.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
        });
        scope.spawn(move || {
            let mut random = Rng::with_seed(7);
            let mut held: Vec<Handle> = Vec::new();
            while !self.done.load(Ordering::Relaxed) {
                let scope = table.write_scope();
                for _ in 0..random.u32(..20_000) {
                    let number = random.u32(..other.functions.len() as u32);
                    let entry_point = other.functions[number as usize];
                    let handle = scope.allocate(entry_point, prepared.signature_of(number));
                    held.push(handle.expect("there is room"));
                    self.entries.fetch_add(1, Ordering::Relaxed);
                }
                let kept = random.usize(..=held.len());
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

    /// Ends the work. The module must not run any more.
    pub fn end(&self) {
        self.done.store(true, Ordering::Relaxed);
    }
}
