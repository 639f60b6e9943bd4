//! The price of the table: checked calls through the table, compared with calls by a plain pointer
//! from memory. The functions do next to nothing.
//!
//! Times are the thread's own: the time of other programs is left out.
//!
//! With one function the processor predicts the target of each call and works ahead of the check.
//! With many functions in an unpredictable order it has to wait for the entry point.

use std::hint::black_box;

use cpu_time::ThreadTime;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{AbiParam, InstBuilder, Signature as Abi, types};
use cranelift_codegen::isa::CallConv;
use slotarena::CodePointerTable;
use slotarena::code::{EntryPoint, Signature};

use crate::calls::{Calls, Emit};
use crate::compile::{Assembly, Tier};
use crate::runtime::{Context, enter, offsets};

const CALLS: u64 = 2_000_000;
const ROUNDS: usize = 31;

/// Nanoseconds per call: unchecked, checked, and the median of the differences of each round.
pub struct Price {
    pub pointer: f64,
    pub table: f64,
    pub difference: f64,
}

/// Compiles a power of two of functions `(context, number) -> number + 1`, and a function that
/// calls a given number of them.
fn loops(calls: Calls, targets: u32) -> Result<(Assembly, Vec<EntryPoint>, usize), String> {
    let mut assembly = Assembly::new(Tier::Optimized)?;
    let frontend = assembly.frontend();
    let mut leaf = Abi::new(CallConv::SystemV);
    leaf.params = [types::I64; 2].map(AbiParam::new).to_vec();
    leaf.returns = vec![AbiParam::new(types::I64)];
    let mut leaves = Vec::new();
    for _ in 0..targets {
        leaves.push(assembly.define(leaf.clone(), |mut builder| {
            let entry = builder.create_block();
            builder.append_block_params_for_function_params(entry);
            builder.switch_to_block(entry);
            let number = builder.block_params(entry)[1];
            let number = builder.ins().iadd_imm_s(number, 1);
            builder.ins().return_(&[number]);
            builder.seal_all_blocks();
            builder.finalize(frontend);
            Ok(())
        })?);
    }
    let mut own = Abi::new(CallConv::SystemV);
    own.params = [types::I64; 3].map(AbiParam::new).to_vec();
    let caller = assembly.define(own, |mut builder| {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let [context, times, _] = builder.block_params(entry)[..] else { unreachable!() };
        let emit = Emit::new(&mut builder, calls, false, context);
        let leaf = builder.import_signature(leaf);
        let zero = builder.ins().iconst(types::I64, 0);
        let (head, end) = (builder.create_block(), builder.create_block());
        let number = builder.append_block_param(head, types::I64);
        builder.ins().jump(head, &[zero.into()]);
        builder.switch_to_block(head);
        // Scattered, by a multiplication.
        let place = builder.ins().imul_imm_s(number, 0x9e37_79b9_7f4a_7c15u64 as i64);
        let place = builder.ins().ushr_imm_u(place, 40);
        let place = builder.ins().band_imm_u(place, i64::from(targets - 1));
        let of = (offsets::ELEMENTS, offsets::ELEMENT_POINTERS);
        let callee = emit.callee(&mut builder, place, of);
        let signature = Signature::new(1).expect("a small number");
        let next = emit.call(&mut builder, callee, signature, leaf, &[context, number])[0];
        let more = builder.ins().icmp(IntCC::UnsignedLessThan, next, times);
        builder.ins().brif(more, head, &[next.into()], end, &[]);
        builder.switch_to_block(end);
        builder.ins().return_(&[]);
        emit.finish(&mut builder);
        builder.seal_all_blocks();
        builder.finalize(frontend);
        Ok(())
    })?;
    assembly.jit.finalize_definitions().map_err(|error| error.to_string())?;
    let at = |&id: &_| EntryPoint::new(assembly.jit.get_finalized_function(id)).expect("not null");
    let leaves = leaves.iter().map(at).collect();
    let caller = assembly.jit.get_finalized_function(caller) as usize;
    Ok((assembly, leaves, caller))
}

/// Returns the nanoseconds that this thread has spent on a processor.
pub fn own_time() -> f64 {
    ThreadTime::now().as_duration().as_nanos() as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Measures the price with `targets` functions, a power of two.
pub fn price(table: &CodePointerTable, targets: u32) -> Result<Price, String> {
    let (_kept, leaves, plain) = loops(Calls::Pointers, targets)?;
    let (_kept_too, other_leaves, checked) = loops(Calls::Table(table.entry_layout()), targets)?;
    let signature = Signature::new(1).expect("a small number");
    let scope = table.write_scope();
    let handles: Result<Vec<_>, _> =
        other_leaves.iter().map(|&leaf| scope.allocate(leaf, signature)).collect();
    drop(scope);
    let handles = handles.map_err(|error| error.to_string())?;
    let raw: Vec<u32> = handles.iter().map(|handle| handle.to_raw()).collect();
    let pointers: Vec<usize> = leaves.iter().map(|leaf| leaf.address()).collect();
    // SAFETY: all fields are numbers and pointers, for which zeros are a value.
    let mut context: Box<Context> = unsafe { Box::new(std::mem::zeroed()) };
    context.elements = raw.as_ptr();
    context.element_pointers = pointers.as_ptr();
    let mut time = |caller: usize| {
        let start = own_time();
        let context = &raw mut *context;
        // SAFETY: compiled above, to be called so; `callee` is the number of calls.
        let ended = unsafe { enter(context, caller as *const u8, CALLS as usize, &mut []) };
        black_box(ended).map_err(|trap| trap.to_string())?;
        Ok::<f64, String>((own_time() - start) / CALLS as f64)
    };
    let (mut with, mut without) = (Vec::new(), Vec::new());
    time(plain)?;
    time(checked)?;
    for _ in 0..ROUNDS {
        without.push(time(plain)?);
        with.push(time(checked)?);
    }
    let scope = table.write_scope();
    handles.into_iter().for_each(|handle| scope.free(handle).expect("its own"));
    drop(scope);
    let differences = with.iter().zip(&without).map(|(with, without)| with - without).collect();
    let (pointer, table, difference) = (median(without), median(with), median(differences));
    Ok(Price { pointer, table, difference })
}
