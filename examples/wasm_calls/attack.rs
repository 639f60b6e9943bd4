//! The attack: handles in the sandbox's memory are overwritten at random, by another thread too,
//! while they are called. Each call must end in a function of the signature that it was made for,
//! or in a trap that says why not.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use slotarena::CodePointerTable;

use crate::busy::Busy;
use crate::calls::Calls;
use crate::compile::{Tier, probes};
use crate::instance::{Instance, Prepared};
use crate::jobs::Random;
use crate::runtime::{Trap, enter};

const CALLS: u64 = 1_000_000;

/// How many handles lie in the sandbox.
const TARGETS: usize = 64;

/// What an attacker writes: anything, and what is likely to lead somewhere.
fn forged(random: &mut Random, handles: &[u32]) -> u32 {
    let known = handles[random.below(handles.len() as u64) as usize];
    match random.below(8) {
        0 => random.next() as u32,
        1 => 0,
        2 => u32::MAX - random.below(3) as u32,
        3 => random.below(100_000) as u32,
        4 => known ^ 1 << random.below(32),
        // Somebody else's, whose signature may be another.
        _ => known,
    }
}

/// Makes the calls, and says what they came to.
pub fn attack(prepared: &Prepared, table: &CodePointerTable) -> Result<(), String> {
    let mut instance = Instance::new(prepared, Some(table), false)?;
    let plan = prepared.plan(Calls::Table(table.recipe()), Tier::Baseline, false)?;
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
            let mut random = Random(3);
            while !done.load(Ordering::Relaxed) {
                let place = &sandbox[random.below(TARGETS as u64) as usize];
                place.store(forged(&mut random, &handles), Ordering::Relaxed);
            }
        });
        let counts = (|| {
            let (mut random, mut counts) = (Random(5), [0u64; 3]);
            let mut array = [0u64; 32];
            for call in 0..CALLS {
                let place = random.below(TARGETS as u64) as usize;
                sandbox[place].store(forged(&mut random, &handles), Ordering::Relaxed);
                let ty = random.below(prepared.signatures.len() as u64) as usize;
                // SAFETY: this thread's own, but for what compiled code does with it.
                unsafe { (*context).reached = 0 };
                // As a direct call reads its handle, or as an indirect one does.
                let kind = random.below(2) as usize * prepared.signatures.len();
                let trampoline = code.enter[kind + ty] as *const u8;
                // SAFETY: compiled for this type, with room for its arguments; the number is that
                // of one of those in the sandbox.
                let ended = unsafe { enter(context, trampoline, place, &mut array) };
                // SAFETY: as above.
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
        "  meanwhile {} entry points swapped, {} entries come and gone, {} sweeps",
        busy.swaps.load(Ordering::Relaxed),
        busy.entries.load(Ordering::Relaxed),
        busy.sweeps.load(Ordering::Relaxed)
    );
    if counts.contains(&0) {
        return Err("one of the three ends never came".into());
    }
    Ok(())
}
