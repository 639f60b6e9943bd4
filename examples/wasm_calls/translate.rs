//! The translation of WebAssembly's operators into Cranelift's instructions, function by function.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{
    AbiParam, Block, BlockArg, InstBuilder, JumpTableData, Signature as Abi, Type, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, Variable};
use wasmparser::{BlockType, FunctionBody, MemArg, Operator};

use crate::calls::{Emit, TRUSTED, abi, abi_type};
use crate::compile::Plan;
use crate::numeric;
use crate::runtime::{Trap, offsets};

/// A construct that a branch can leave.
struct Frame {
    /// The target of a branch.
    target: Block,
    /// The block after the construct.
    exit: Block,
    /// The other side of an `if`, until its `else` or `end`.
    otherwise: Option<Block>,
    /// The number of values that a branch carries.
    arity: usize,
    results: usize,
    /// The height of the stack below the construct's values.
    height: usize,
}

/// A function that is being translated.
pub struct Translator<'f, 'p> {
    pub builder: FunctionBuilder<'f>,
    pub emit: Emit,
    plan: &'p Plan<'p>,
    locals: Vec<Variable>,
    stack: Vec<Value>,
    frames: Vec<Frame>,
    /// The open constructs of unreachable code; `None` while code is reachable.
    dead: Option<usize>,
}

fn arguments(values: &[Value]) -> Vec<BlockArg> {
    values.iter().map(|&value| value.into()).collect()
}

/// Fills a function with the translation of a body.
pub fn function(
    mut builder: FunctionBuilder<'_>,
    plan: &Plan<'_>,
    number: u32,
    body: &FunctionBody<'_>,
) -> Result<(), String> {
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let params = builder.block_params(entry).to_vec();
    let emit = Emit::new(&mut builder, plan.calls, plan.count, params[0]);
    emit.check_stack(&mut builder);
    let mut locals = Vec::new();
    for &param in &params[1..] {
        let variable = builder.declare_var(builder.func.dfg.value_type(param));
        builder.def_var(variable, param);
        locals.push(variable);
    }
    for local in body.get_locals_reader().map_err(|error| error.to_string())? {
        let (count, ty) = local.map_err(|error| error.to_string())?;
        let ty = abi_type(ty)?;
        let zero = numeric::zero(&mut builder, ty);
        for _ in 0..count {
            let variable = builder.declare_var(ty);
            builder.def_var(variable, zero);
            locals.push(variable);
        }
    }
    let results = plan.module.type_of(number).results();
    let exit = builder.create_block();
    for &result in results {
        builder.append_block_param(exit, abi_type(result)?);
    }
    let frame = Frame {
        target: exit,
        exit,
        otherwise: None,
        arity: results.len(),
        results: results.len(),
        height: 0,
    };
    let (stack, frames) = (Vec::new(), vec![frame]);
    let mut translator = Translator { builder, emit, plan, locals, stack, frames, dead: None };
    for operator in body.get_operators_reader().map_err(|error| error.to_string())? {
        translator.operator(&operator.map_err(|error| error.to_string())?)?;
    }
    let Translator { mut builder, emit, stack, .. } = translator;
    builder.ins().return_(&stack);
    emit.finish(&mut builder);
    builder.seal_all_blocks();
    builder.finalize(plan.frontend);
    Ok(())
}

impl Translator<'_, '_> {
    pub fn pop(&mut self) -> Value {
        self.stack.pop().expect("the module is valid")
    }

    pub fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    fn popped(&mut self, count: usize) -> Vec<Value> {
        self.stack.split_off(self.stack.len() - count)
    }

    fn frame(&self, depth: u32) -> &Frame {
        &self.frames[self.frames.len() - 1 - depth as usize]
    }

    /// Returns the parameter and result types of a construct.
    fn types(&self, ty: BlockType) -> Result<(usize, Vec<Type>), String> {
        match ty {
            BlockType::Empty => Ok((0, vec![])),
            BlockType::Type(ty) => Ok((0, vec![abi_type(ty)?])),
            BlockType::FuncType(_) => Err("blocks with several values: beyond this example".into()),
        }
    }

    fn block(&mut self, types: &[Type]) -> Block {
        let block = self.builder.create_block();
        for &ty in types {
            self.builder.append_block_param(block, ty);
        }
        block
    }

    fn operator(&mut self, operator: &Operator<'_>) -> Result<(), String> {
        if let Some(open) = self.dead {
            match operator {
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    self.dead = Some(open + 1);
                }
                Operator::End if open > 0 => self.dead = Some(open - 1),
                Operator::End => self.end(),
                Operator::Else if open == 0 => self.otherwise(),
                _ => {}
            }
            return Ok(());
        }
        match operator {
            Operator::Nop => {}
            Operator::Unreachable => {
                self.emit.trap(&mut self.builder, Trap::Unreachable);
                self.dead = Some(0);
            }
            Operator::Block { blockty } => {
                let (_, results) = self.types(*blockty)?;
                let exit = self.block(&results);
                self.enter(exit, exit, None, results.len(), results.len());
            }
            Operator::Loop { blockty } => {
                let (_, results) = self.types(*blockty)?;
                let (head, exit) = (self.block(&[]), self.block(&results));
                self.builder.ins().jump(head, &[]);
                self.builder.switch_to_block(head);
                self.enter(head, exit, None, 0, results.len());
            }
            Operator::If { blockty } => {
                let (_, results) = self.types(*blockty)?;
                let condition = self.pop();
                let (then, otherwise) = (self.block(&[]), self.block(&[]));
                let exit = self.block(&results);
                self.builder.ins().brif(condition, then, &[], otherwise, &[]);
                self.builder.switch_to_block(then);
                self.enter(exit, exit, Some(otherwise), results.len(), results.len());
            }
            Operator::Else => {
                self.leave();
                self.otherwise();
            }
            Operator::End => {
                self.leave();
                self.end();
            }
            Operator::Br { relative_depth } => self.branch(*relative_depth),
            Operator::Return => self.branch(self.frames.len() as u32 - 1),
            Operator::BrIf { relative_depth } => {
                let condition = self.pop();
                let Frame { target, arity, .. } = *self.frame(*relative_depth);
                let values = arguments(&self.stack[self.stack.len() - arity..]);
                let next = self.builder.create_block();
                self.builder.ins().brif(condition, target, &values, next, &[]);
                self.builder.switch_to_block(next);
            }
            Operator::BrTable { targets } => {
                let index = self.pop();
                let arity = self.frame(targets.default()).arity;
                let values = arguments(&self.popped(arity));
                let depths: Result<Vec<u32>, _> = targets.targets().collect();
                let depths = depths.map_err(|error| error.to_string())?;
                let mut call = |depth: u32| {
                    let target = self.frames[self.frames.len() - 1 - depth as usize].target;
                    self.builder.func.dfg.block_call(target, &values)
                };
                let calls: Vec<_> = depths.into_iter().map(&mut call).collect();
                let table = JumpTableData::new(call(targets.default()), &calls);
                let table = self.builder.create_jump_table(table);
                self.builder.ins().br_table(index, table);
                self.dead = Some(0);
            }
            Operator::Call { function_index } => {
                let number = self.builder.ins().iconst(types::I64, i64::from(*function_index));
                let of = (offsets::HANDLES, offsets::POINTERS);
                let callee = self.emit.callee(&mut self.builder, number, of);
                self.call(callee, self.plan.module.functions[*function_index as usize])?;
            }
            Operator::CallIndirect { type_index, .. } => {
                let index = self.pop();
                let index = self.builder.ins().uextend(types::I64, index);
                let length = self.field(types::I64, offsets::ELEMENTS_LENGTH);
                let builder = &mut self.builder;
                let outside = builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, index, length);
                self.emit.trap_if(builder, outside, Trap::Element);
                let of = (offsets::ELEMENTS, offsets::ELEMENT_POINTERS);
                let callee = self.emit.callee(builder, index, of);
                self.call(callee, *type_index)?;
            }
            Operator::Drop => drop(self.pop()),
            Operator::Select => {
                let (condition, other, value) = (self.pop(), self.pop(), self.pop());
                let chosen = self.builder.ins().select(condition, value, other);
                self.push(chosen);
            }
            Operator::LocalGet { local_index } => {
                let value = self.builder.use_var(self.locals[*local_index as usize]);
                self.push(value);
            }
            Operator::LocalSet { local_index } => {
                let value = self.pop();
                self.builder.def_var(self.locals[*local_index as usize], value);
            }
            Operator::LocalTee { local_index } => {
                let value = self.pop();
                self.builder.def_var(self.locals[*local_index as usize], value);
                self.push(value);
            }
            Operator::GlobalGet { global_index } => {
                let ty = abi_type(self.plan.module.globals[*global_index as usize].0)?;
                let globals = self.field(types::I64, offsets::GLOBALS);
                let value = self.builder.ins().load(ty, TRUSTED, globals, *global_index as i32 * 8);
                self.push(value);
            }
            Operator::GlobalSet { global_index } => {
                let value = self.pop();
                let globals = self.field(types::I64, offsets::GLOBALS);
                self.builder.ins().store(TRUSTED, value, globals, *global_index as i32 * 8);
            }
            Operator::MemorySize { .. } => {
                let bytes = self.field(types::I64, offsets::MEMORY_BYTES);
                let pages = self.builder.ins().ushr_imm_u(bytes, 16);
                let pages = self.builder.ins().ireduce(types::I32, pages);
                self.push(pages);
            }
            Operator::MemoryGrow { .. } => {
                let pages = self.pop();
                let mut abi = Abi::new(CallConv::SystemV);
                abi.params = vec![AbiParam::new(types::I64), AbiParam::new(types::I32)];
                abi.returns = vec![AbiParam::new(types::I32)];
                let abi = self.builder.import_signature(abi);
                let passed = [self.emit.context, pages];
                let grow = self.plan.natives.grow;
                let results = self.emit.call_native(&mut self.builder, grow, abi, &passed);
                self.push(results[0]);
            }
            _ => return numeric::operator(self, operator),
        }
        Ok(())
    }

    fn enter(
        &mut self,
        target: Block,
        exit: Block,
        otherwise: Option<Block>,
        arity: usize,
        results: usize,
    ) {
        let height = self.stack.len();
        self.frames.push(Frame { target, exit, otherwise, arity, results, height });
    }

    /// Goes to the end of the innermost construct, with its results.
    fn leave(&mut self) {
        let Frame { exit, results, .. } = *self.frame(0);
        let values = arguments(&self.popped(results));
        self.builder.ins().jump(exit, &values);
    }

    /// Continues with the other side of an `if`.
    fn otherwise(&mut self) {
        let frame = self.frames.last_mut().expect("the module is valid");
        let otherwise = frame.otherwise.take().expect("the module is valid");
        self.stack.truncate(frame.height);
        self.builder.switch_to_block(otherwise);
        self.dead = None;
    }

    /// Continues after the innermost construct.
    fn end(&mut self) {
        let frame = self.frames.pop().expect("the module is valid");
        if let Some(otherwise) = frame.otherwise {
            // Without an `else` there are no results.
            self.builder.switch_to_block(otherwise);
            self.builder.ins().jump(frame.exit, &[]);
        }
        self.stack.truncate(frame.height);
        self.builder.switch_to_block(frame.exit);
        let results = self.builder.block_params(frame.exit).to_vec();
        self.stack.extend(results);
        self.dead = None;
    }

    fn branch(&mut self, depth: u32) {
        let Frame { target, arity, .. } = *self.frame(depth);
        let values = arguments(&self.popped(arity));
        self.builder.ins().jump(target, &values);
        self.dead = Some(0);
    }

    fn call(&mut self, callee: Value, type_index: u32) -> Result<(), String> {
        let ty = &self.plan.module.types[type_index as usize];
        let abi = self.builder.import_signature(abi(ty)?);
        let mut passed = vec![self.emit.context];
        passed.extend(self.popped(ty.params().len()));
        let signature = self.plan.signatures[type_index as usize];
        let results = self.emit.call(&mut self.builder, callee, signature, abi, &passed);
        self.stack.extend(results);
        Ok(())
    }

    /// A field of the context.
    fn field(&mut self, ty: Type, offset: i32) -> Value {
        self.builder.ins().load(ty, TRUSTED, self.emit.context, offset)
    }

    /// Returns the address of an access to the memory, after a check.
    pub fn address(&mut self, memarg: &MemArg, bytes: u64) -> Value {
        let index = self.pop();
        let length = self.field(types::I64, offsets::MEMORY_BYTES);
        let base = self.field(types::I64, offsets::MEMORY);
        let builder = &mut self.builder;
        let index = builder.ins().uextend(types::I64, index);
        let end = builder.ins().iadd_imm_s(index, (memarg.offset + bytes) as i64);
        let outside = builder.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        self.emit.trap_if(builder, outside, Trap::Memory);
        let at = builder.ins().iadd(base, index);
        builder.ins().iadd_imm_s(at, memarg.offset as i64)
    }

    /// Traps unless a float lies between two others.
    pub fn check_between(&mut self, value: Value, least: f64, end: f64, open: bool) {
        let builder = &mut self.builder;
        let (least, end) = (builder.ins().f64const(least), builder.ins().f64const(end));
        let above = if open { FloatCC::GreaterThan } else { FloatCC::GreaterThanOrEqual };
        // Neither holds for what is not a number.
        let above = builder.ins().fcmp(above, value, least);
        let below = builder.ins().fcmp(FloatCC::LessThan, value, end);
        let both = builder.ins().band(above, below);
        let wrong = builder.ins().icmp_imm_s(IntCC::Equal, both, 0);
        self.emit.trap_if(builder, wrong, Trap::Conversion);
    }
}
