//! Calls in compiled code: through the table, with a checked signature. For comparison, also by a
//! plain pointer.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{
    AbiParam, Block, InstBuilder, MemFlagsData, SigRef, Signature as Abi, Value, types,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::FunctionBuilder;
use slotarena::code::{EntryLayout, Signature};
use wasmparser::{FuncType, ValType};

use crate::runtime::{Trap, offsets, trap_address};

/// The way of calls.
#[derive(Clone, Copy)]
pub enum Calls {
    /// By handles, through the table.
    Table(EntryLayout),
    /// By pointers, unchecked.
    Pointers,
}

/// An access to memory that always exists.
pub const TRUSTED: MemFlagsData = MemFlagsData::trusted();

/// The Cranelift type of a WebAssembly one.
pub fn abi_type(ty: ValType) -> Result<cranelift_codegen::ir::Type, String> {
    match ty {
        ValType::I32 => Ok(types::I32),
        ValType::I64 => Ok(types::I64),
        ValType::F32 => Ok(types::F32),
        ValType::F64 => Ok(types::F64),
        other => Err(format!("the type {other}: beyond this example")),
    }
}

/// Returns the calling convention of a function of this type: the context comes first.
pub fn abi(ty: &FuncType) -> Result<Abi, String> {
    let mut abi = Abi::new(CallConv::SystemV);
    abi.params.push(AbiParam::new(types::I64));
    for &param in ty.params() {
        abi.params.push(AbiParam::new(abi_type(param)?));
    }
    for &result in ty.results() {
        abi.returns.push(AbiParam::new(abi_type(result)?));
    }
    Ok(abi)
}

/// The state for emitting one function's calls and traps.
pub struct Emit {
    pub calls: Calls,
    /// Whether calls are counted.
    pub count: bool,
    pub context: Value,
    /// The block for an entry of another signature, which is its argument.
    wrong_entry: Block,
    /// The block that traps. The trap code is its argument.
    trap: Block,
}

impl Emit {
    pub fn new(
        builder: &mut FunctionBuilder<'_>,
        calls: Calls,
        count: bool,
        context: Value,
    ) -> Self {
        let (wrong_entry, trap) = (builder.create_block(), builder.create_block());
        builder.append_block_param(wrong_entry, types::I64);
        builder.append_block_param(trap, types::I32);
        builder.set_cold_block(wrong_entry);
        builder.set_cold_block(trap);
        Self { calls, count, context, wrong_entry, trap }
    }

    /// Traps if the condition holds.
    pub fn trap_if(&self, builder: &mut FunctionBuilder<'_>, condition: Value, trap: Trap) {
        let code = builder.ins().iconst(types::I32, trap as i64);
        let next = builder.create_block();
        builder.ins().brif(condition, self.trap, &[code.into()], next, &[]);
        builder.switch_to_block(next);
    }

    /// Traps. The block is filled after it.
    pub fn trap(&self, builder: &mut FunctionBuilder<'_>, trap: Trap) {
        let code = builder.ins().iconst(types::I32, trap as i64);
        builder.ins().jump(self.trap, &[code.into()]);
    }

    /// **The recipe**: from a handle, any 32-bit number at all, to an entry point that was stored
    /// under this tag.
    ///
    /// ```text
    ///   mov    eax, handle              ; 32 bits: the upper half is zero
    ///   and    eax, mask                ; only for tables of less than full size
    ///   mov    rcx, base
    ///   mov    rax, [rcx + rax*8]       ; one load: the entry point and its signature
    ///   mov    rcx, tag
    ///   xor    rax, rcx                 ; leaves the entry point, or a number with other bits set
    ///   mov    rcx, rax
    ///   rol    rcx, 16
    ///   test   ecx, 0xfffff             ; the bits of the mask
    ///   jne    wrong
    ///   call   rax
    /// ```
    fn entry_point(
        &self,
        builder: &mut FunctionBuilder<'_>,
        recipe: EntryLayout,
        handle: Value,
        tag: u64,
        mask: u64,
    ) -> Value {
        let index = match recipe.mask {
            u32::MAX => handle,
            mask => builder.ins().band_imm_u(handle, i64::from(mask)),
        };
        let index = builder.ins().uextend(types::I64, index);
        let offset = builder.ins().ishl_imm_u(index, i64::from(EntryLayout::ENTRY_SHIFT));
        let base = builder.ins().iconst(types::I64, recipe.base as i64);
        let at = builder.ins().iadd(base, offset);
        let entry = builder.ins().load(types::I64, TRUSTED, at, 0);
        let tag = builder.ins().iconst(types::I64, tag as i64);
        let rest = builder.ins().bxor(entry, tag);
        // So that the mask is a short constant.
        let turned = builder.ins().rotl_imm_u(rest, 16);
        let wrong = builder.ins().band_imm_u(turned, mask.rotate_left(16) as i64);
        let next = builder.create_block();
        builder.ins().brif(wrong, self.wrong_entry, &[entry.into()], next, &[]);
        builder.switch_to_block(next);
        rest
    }

    fn counted(&self, builder: &mut FunctionBuilder<'_>) {
        if self.count {
            let calls = builder.ins().load(types::I64, TRUSTED, self.context, offsets::CALLS);
            let calls = builder.ins().iadd_imm_s(calls, 1);
            builder.ins().store(TRUSTED, calls, self.context, offsets::CALLS);
        }
    }

    /// Emits a call of the function that a handle or a pointer names.
    pub fn call(
        &self,
        builder: &mut FunctionBuilder<'_>,
        callee: Value,
        signature: Signature,
        abi: SigRef,
        arguments: &[Value],
    ) -> Vec<Value> {
        self.counted(builder);
        let entry_point = match self.calls {
            Calls::Pointers => callee,
            Calls::Table(recipe) => {
                self.entry_point(builder, recipe, callee, signature.tag(), Signature::MASK)
            }
        };
        let call = builder.ins().call_indirect(abi, entry_point, arguments);
        builder.inst_results(call).to_vec()
    }

    /// Emits a call of a native function, by its handle if there is a table.
    pub fn call_native(
        &self,
        builder: &mut FunctionBuilder<'_>,
        native: Native,
        abi: SigRef,
        arguments: &[Value],
    ) -> Vec<Value> {
        self.counted(builder);
        let entry_point = match self.calls {
            Calls::Pointers => builder.ins().iconst(types::I64, native.address as i64),
            Calls::Table(recipe) => {
                let handle = builder.ins().iconst(types::I32, i64::from(native.handle));
                let (tag, mask) = (Signature::NATIVE_TAG, Signature::NATIVE_MASK);
                self.entry_point(builder, recipe, handle, tag, mask)
            }
        };
        let call = builder.ins().call_indirect(abi, entry_point, arguments);
        builder.inst_results(call).to_vec()
    }

    /// Loads the handle or the pointer of a function or of an element.
    pub fn callee(
        &self,
        builder: &mut FunctionBuilder<'_>,
        number: Value,
        of: (i32, i32),
    ) -> Value {
        let (handles, pointers) = of;
        let (field, shift, ty) = match self.calls {
            Calls::Table(_) => (handles, 2, types::I32),
            Calls::Pointers => (pointers, 3, types::I64),
        };
        let array = builder.ins().load(types::I64, TRUSTED, self.context, field);
        let offset = builder.ins().ishl_imm_u(number, shift);
        let at = builder.ins().iadd(array, offset);
        builder.ins().load(ty, TRUSTED, at, 0)
    }

    /// Traps if the stack is used up.
    pub fn check_stack(&self, builder: &mut FunctionBuilder<'_>) {
        let here = builder.ins().get_stack_pointer(types::I64);
        let limit = builder.ins().load(types::I64, TRUSTED, self.context, offsets::STACK_LIMIT);
        let over = builder.ins().icmp(IntCC::UnsignedLessThan, here, limit);
        self.trap_if(builder, over, Trap::Stack);
    }

    /// Fills the blocks of the traps.
    pub fn finish(self, builder: &mut FunctionBuilder<'_>) {
        builder.switch_to_block(self.wrong_entry);
        // The table's own bit: is there an entry at all?
        let entry = builder.block_params(self.wrong_entry)[0];
        let live = builder.ins().icmp_imm_s(IntCC::SignedLessThan, entry, 0);
        let signature = builder.ins().iconst(types::I32, Trap::Signature as i64);
        let null = builder.ins().iconst(types::I32, Trap::Null as i64);
        let code = builder.ins().select(live, signature, null);
        builder.ins().jump(self.trap, &[code.into()]);

        builder.switch_to_block(self.trap);
        let code = builder.block_params(self.trap)[0];
        let mut abi = Abi::new(CallConv::SystemV);
        abi.params = vec![AbiParam::new(types::I64), AbiParam::new(types::I32)];
        let abi = builder.import_signature(abi);
        // Part of the machinery, as the check itself is; it must not depend on the table.
        let trap = builder.ins().iconst(types::I64, trap_address() as i64);
        builder.ins().call_indirect(abi, trap, &[self.context, code]);
        builder.ins().trap(cranelift_codegen::ir::TrapCode::unwrap_user(1));
    }
}

/// A function of the host that is reached by its address.
#[derive(Clone, Copy)]
pub struct Native {
    pub address: usize,
    pub handle: u32,
}
