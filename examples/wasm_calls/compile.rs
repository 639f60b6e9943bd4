//! The compiler: from a module to machine code.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use cranelift_codegen::ir::{
    AbiParam, Function, InstBuilder, Signature as Abi, StackSlotData, StackSlotKind, UserFuncName,
    types,
};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa, TargetFrontendConfig};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Module as _};
use slotarena::code::{EntryPoint, Signature};
use wasmparser::{BinaryReader, FuncType, FunctionBody};

use crate::calls::{Calls, Emit, Native, TRUSTED, abi};
use crate::module::Module;
use crate::runtime::offsets;
use crate::translate;

/// The native functions that compiled code calls.
#[derive(Clone, Copy)]
pub struct Natives {
    pub grow: Native,
    pub host_call: Native,
}

/// The effort of the compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    Baseline,
    Optimized,
}

/// The input of a compilation, and its options.
pub struct Plan<'p> {
    pub module: &'p Module,
    pub calls: Calls,
    pub count: bool,
    pub tier: Tier,
    pub natives: Natives,
    /// The number of each of the module's types.
    pub signatures: &'p [Signature],
    pub frontend: TargetFrontendConfig,
}

/// Returns the number of a type in this process: equal for equal types, and for no others.
pub fn signature(ty: &FuncType) -> Result<Signature, String> {
    static NUMBERS: Mutex<Option<HashMap<FuncType, u32>>> = Mutex::new(None);
    let mut numbers = NUMBERS.lock().expect("no panic under the lock");
    let numbers = numbers.get_or_insert_default();
    let next = numbers.len() as u32;
    let number = *numbers.entry(ty.clone()).or_insert(next);
    Signature::new(number).ok_or(format!("more than {} types", Signature::LIMIT))
}

/// Returns the target: this processor, with options.
pub fn target(tier: Tier) -> Result<OwnedTargetIsa, String> {
    static TARGETS: [OnceLock<Result<OwnedTargetIsa, String>>; 2] =
        [OnceLock::new(), OnceLock::new()];
    let make = || {
        let mut flags = settings::builder();
        let level = if tier == Tier::Baseline { "none" } else { "speed" };
        // Entry points are multiples of 16.
        let chosen = [("opt_level", level), ("log2_min_function_alignment", "4")];
        for (name, value) in chosen {
            flags.set(name, value).map_err(|error| error.to_string())?;
        }
        let isa = cranelift_native::builder()?;
        isa.finish(settings::Flags::new(flags)).map_err(|error| error.to_string())
    };
    TARGETS[tier as usize].get_or_init(make).clone()
}

/// Machine code. It is freed when this is dropped.
pub struct Code {
    /// Locked, since it may be sent but not shared.
    module: Mutex<Option<JITModule>>,
    /// The entry point of each function, including host functions' trampolines.
    pub functions: Vec<EntryPoint>,
    /// For each type, a function that calls a function of the type with arguments from an array.
    pub enter: Vec<usize>,
}

impl Drop for Code {
    fn drop(&mut self) {
        let module = self.module.get_mut().map(Option::take);
        if let Ok(Some(module)) = module {
            // SAFETY: a thread that runs the code, or a table with its entry points, keeps this
            // value alive. So neither exists any more.
            unsafe { module.free_memory() };
        }
    }
}

/// A module of machine code under construction.
pub struct Assembly {
    pub jit: JITModule,
    context: FunctionBuilderContext,
}

impl Assembly {
    pub fn new(tier: Tier) -> Result<Self, String> {
        let builder =
            JITBuilder::with_isa(target(tier)?, cranelift_module::default_libcall_names());
        Ok(Self { jit: JITModule::new(builder), context: FunctionBuilderContext::new() })
    }

    pub fn frontend(&self) -> TargetFrontendConfig {
        self.jit.target_config()
    }

    /// Defines a function. `fill` builds its body and finishes it.
    pub fn define(
        &mut self,
        abi: Abi,
        fill: impl FnOnce(FunctionBuilder<'_>) -> Result<(), String>,
    ) -> Result<FuncId, String> {
        let id = self.jit.declare_anonymous_function(&abi).map_err(|error| error.to_string())?;
        let mut context = self.jit.make_context();
        context.func = Function::with_name_signature(UserFuncName::user(0, id.as_u32()), abi);
        fill(FunctionBuilder::new(&mut context.func, &mut self.context))?;
        self.jit.define_function(id, &mut context).map_err(|error| format!("{error:?}"))?;
        Ok(id)
    }
}

/// Compiles all functions of a module.
pub fn compile(plan: &Plan<'_>) -> Result<Arc<Code>, String> {
    let (module, mut assembly) = (plan.module, Assembly::new(plan.tier)?);
    let mut functions = Vec::new();
    for (number, (_, _, ty)) in module.imports.iter().enumerate() {
        let ty = &module.types[*ty as usize];
        let fill = |builder: FunctionBuilder<'_>| import(builder, plan, number as u32, ty);
        functions.push(assembly.define(abi(ty)?, fill)?);
    }
    for (number, range) in (module.imports.len() as u32..).zip(&module.bodies) {
        let body = BinaryReader::new(&module.bytes[range.clone()], range.start as u64);
        let body = FunctionBody::new(body);
        let fill = |builder: FunctionBuilder<'_>| translate::function(builder, plan, number, &body);
        let id = assembly.define(abi(module.type_of(number))?, fill);
        functions.push(id.map_err(|error| format!("function {number}: {error}"))?);
    }
    let mut enter = Vec::new();
    for (ty, &signature) in module.types.iter().zip(plan.signatures) {
        enter.push(define_enter(&mut assembly, plan, ty, signature, By::Callee)?);
    }
    finish(assembly, &functions, &enter)
}

/// An imported function: stores its arguments, and calls the host.
fn import(
    mut builder: FunctionBuilder<'_>,
    plan: &Plan<'_>,
    number: u32,
    ty: &FuncType,
) -> Result<(), String> {
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let params = builder.block_params(entry).to_vec();
    let emit = Emit::new(&mut builder, plan.calls, plan.count, params[0]);
    let bytes = 8 * params.len() as u32;
    let slot = StackSlotData::new(StackSlotKind::ExplicitSlot, bytes, 3);
    let slot = builder.create_sized_stack_slot(slot);
    let array = builder.ins().stack_addr(types::I64, slot, 0);
    let zero = builder.ins().iconst(types::I64, 0);
    for (place, &param) in (0..).zip(&params[1..]) {
        // The upper half of a narrow one is zero.
        builder.ins().store(TRUSTED, zero, array, 8 * place);
        builder.ins().store(TRUSTED, param, array, 8 * place);
    }
    let mut host = Abi::new(CallConv::SystemV);
    host.params = [types::I64, types::I32, types::I64].map(AbiParam::new).to_vec();
    let host = builder.import_signature(host);
    let number = builder.ins().iconst(types::I32, i64::from(number));
    let passed = [params[0], number, array];
    emit.call_native(&mut builder, plan.natives.host_call, host, &passed);
    let mut results = Vec::new();
    for &result in ty.results() {
        let result = crate::calls::abi_type(result)?;
        results.push(builder.ins().load(result, TRUSTED, array, 0));
    }
    builder.ins().return_(&results);
    emit.finish(&mut builder);
    builder.seal_all_blocks();
    builder.finalize(plan.frontend);
    Ok(())
}

/// The way in which a call from outside names the function.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// Its handle, or its address.
    Callee,
    /// Its number, as the module's direct calls do.
    Function,
    /// Which element of the module's own table it is, as the module's indirect calls do.
    Element,
}

/// `enter(context, callee, arguments)`: calls a function of this type, and stores its result as the
/// first argument. A call like any other, with the handle checked.
fn define_enter(
    assembly: &mut Assembly,
    plan: &Plan<'_>,
    ty: &FuncType,
    signature: Signature,
    by: By,
) -> Result<FuncId, String> {
    let mut own = Abi::new(CallConv::SystemV);
    own.params = [types::I64; 3].map(AbiParam::new).to_vec();
    assembly.define(own, |mut builder| {
        let entry = builder.create_block();
        builder.append_block_params_for_function_params(entry);
        builder.switch_to_block(entry);
        let [context, callee, array] = builder.block_params(entry)[..] else { unreachable!() };
        let emit = Emit::new(&mut builder, plan.calls, plan.count, context);
        let mut passed = vec![context];
        for (place, &param) in (0..).zip(ty.params()) {
            let param = crate::calls::abi_type(param)?;
            passed.push(builder.ins().load(param, TRUSTED, array, 8 * place));
        }
        let functions = (offsets::HANDLES, offsets::POINTERS);
        let elements = (offsets::ELEMENTS, offsets::ELEMENT_POINTERS);
        let callee = match (by, plan.calls) {
            (By::Function, _) => emit.callee(&mut builder, callee, functions),
            (By::Element, _) => emit.callee(&mut builder, callee, elements),
            (By::Callee, Calls::Table(_)) => builder.ins().ireduce(types::I32, callee),
            (By::Callee, Calls::Pointers) => callee,
        };
        let abi = builder.import_signature(abi(ty)?);
        let results = emit.call(&mut builder, callee, signature, abi, &passed);
        for &result in &results {
            builder.ins().store(TRUSTED, result, array, 0);
        }
        builder.ins().return_(&[]);
        emit.finish(&mut builder);
        builder.seal_all_blocks();
        builder.finalize(plan.frontend);
        Ok(())
    })
}

/// For each function of a module, one of the same type that says which one it stands for, and does
/// nothing else. They are called by a number: that of a function by the first half of `enter`, that
/// of an element by the second.
pub fn probes(plan: &Plan<'_>) -> Result<Arc<Code>, String> {
    let (module, mut assembly) = (plan.module, Assembly::new(plan.tier)?);
    let mut functions = Vec::new();
    for number in 0..module.functions.len() as u32 {
        let ty = module.type_of(number);
        functions.push(assembly.define(abi(ty)?, |mut builder| {
            let entry = builder.create_block();
            builder.append_block_params_for_function_params(entry);
            builder.switch_to_block(entry);
            let context = builder.block_params(entry)[0];
            let reached = builder.ins().iconst(types::I64, i64::from(number) + 1);
            builder.ins().store(TRUSTED, reached, context, offsets::REACHED);
            let mut results = Vec::new();
            for &result in ty.results() {
                let result = crate::calls::abi_type(result)?;
                results.push(crate::numeric::zero(&mut builder, result));
            }
            builder.ins().return_(&results);
            builder.seal_all_blocks();
            builder.finalize(plan.frontend);
            Ok(())
        })?);
    }
    let mut enter = Vec::new();
    for by in [By::Function, By::Element] {
        for (ty, &signature) in module.types.iter().zip(plan.signatures) {
            enter.push(define_enter(&mut assembly, plan, ty, signature, by)?);
        }
    }
    finish(assembly, &functions, &enter)
}

fn finish(
    mut assembly: Assembly,
    functions: &[FuncId],
    enter: &[FuncId],
) -> Result<Arc<Code>, String> {
    assembly.jit.finalize_definitions().map_err(|error| error.to_string())?;
    let at = |id: &FuncId| assembly.jit.get_finalized_function(*id);
    let enter = enter.iter().map(|id| at(id) as usize).collect();
    let functions = functions.iter().map(|id| EntryPoint::new(at(id)).expect("not null")).collect();
    Ok(Arc::new(Code { module: Mutex::new(Some(assembly.jit)), functions, enter }))
}
