//! The attack: this thread and another one overwrite handles in the sandbox's memory at random
//! while compiled code calls them. Each call must reach a function of the expected signature, or
//! end in a trap that tells why not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use fastrand::Rng;
use slotarena::CodePointerTable;

use crate::busy::Busy;
use crate::calls::Calls;
use crate::compile::{Tier, probes};
use crate::instance::{Instance, Prepared};
use crate::runtime::{Trap, enter};

const CALLS: u64 = 1_000_000;

/// The handles in the sandbox.
const TARGETS: usize = 64;

/// Returns what an attacker writes: any number, or a number that is likely to be a handle.
fn forged(random: &mut Rng, handles: &[u32]) -> u32 {
    let known = handles[random.usize(..handles.len())];
    match random.u32(..8) {
        0 => random.u32(..),
        1 => 0,
        2 => u32::MAX - random.u32(..3),
        3 => random.u32(..100_000),
        4 => known ^ 1 << random.u32(..32),
        // Another function's handle, whose signature may differ.
        _ => known,
    }
}

/// Makes the calls, and prints their outcomes.
pub fn attack(prepared: &Prepared, table: &CodePointerTable) -> Result<(), String> {
    let mut instance = Instance::new(prepared, Some(table), false)?;
    let plan = prepared.plan(Calls::Table(table.entry_layout()), Tier::Baseline, false)?;
    let code = probes(&plan)?;
    // Every entry leads to its probe from now on.
    let scope = table.write_scope();
    for (number, (&handle, &probe)) in instance.trusted.iter().zip(&code.functions).enumerate() {
        let signature = prepared.signature_of(number as u32);
        scope.set(handle, probe, signature).map_err(|error| error.to_string())?;
    }
    drop(scope);

    let handles: Vec<u32> = instance.trusted.iter().map(|handle| handle.to_raw()).collect();
    let sandbox: Box<[AtomicU32]> =
        (0..TARGETS).map(|n| AtomicU32::new(handles[n % handles.len()])).collect();
    instance.context.handles = sandbox.as_ptr().cast();
    instance.context.elements = sandbox.as_ptr().cast();
    instance.context.elements_length = TARGETS as u64;
    let (busy, done) = (Busy::default(), AtomicBool::new(false));
    let own = instance.trusted.clone();
    let context = &raw mut *instance.context;
    let counts = std::thread::scope(|scope| {
        let recompile = |_| probes(&plan);
        busy.start(scope, table, prepared, &own, code.clone(), recompile);
        scope.spawn(|| {
            let mut random = Rng::with_seed(3);
            while !done.load(Ordering::Relaxed) {
                let place = &sandbox[random.usize(..TARGETS)];
                place.store(forged(&mut random, &handles), Ordering::Relaxed);
            }
        });
        let counts = (|| {
            let (mut random, mut counts) = (Rng::with_seed(5), [0u64; 3]);
            let mut array = [0u64; 32];
            for call in 0..CALLS {
                let place = random.usize(..TARGETS);
                sandbox[place].store(forged(&mut random, &handles), Ordering::Relaxed);
                let ty = random.usize(..prepared.signatures.len());
                // SAFETY: only this thread and the code that it calls use the context.
                unsafe { (*context).reached = 0 };
                // The handle is read as by a direct call, or as by an indirect one.
                let kind = random.usize(..2) * prepared.signatures.len();
                let trampoline = code.enter[kind + ty] as *const u8;
                // SAFETY: the trampoline was compiled for this type, the array has room for its
                // arguments, and `place` is the number of a handle in the sandbox.
                let ended = unsafe { enter(context, trampoline, place, &mut array) };
                // SAFETY: only this thread and the code that it calls use the context.
                let reached = unsafe { (*context).reached };
                let right = |function: u64| {
                    prepared.signature_of(function as u32) == prepared.signatures[ty]
                };
                match (ended, reached) {
                    (Ok(()), 1..) if right(reached - 1) => counts[0] += 1,
                    (Err(Trap::Signature), 0) => counts[1] += 1,
                    (Err(Trap::Null), 0) => counts[2] += 1,
                    other => return Err(format!("call {call} came to {other:?}")),
                }
            }
            Ok(counts)
        })();
        done.store(true, Ordering::Relaxed);
        busy.end();
        counts
    })?;
    println!(
        "  {CALLS} calls by handles that were overwritten: {} of a function of the right \
         signature, {} signature traps, {} null traps, nothing else",
        counts[0], counts[1], counts[2]
    );
    println!(
        "  in the meantime {} entry points swapped, {} entries allocated and freed, {} sweeps",
        busy.swaps.load(Ordering::Relaxed),
        busy.entries.load(Ordering::Relaxed),
        busy.sweeps.load(Ordering::Relaxed)
    );
    if counts.contains(&0) {
        return Err("one of the three outcomes never occurred".into());
    }
    Ok(())
}
