//! The translation of operators on numbers and on the memory.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use wasmparser::Operator;

use crate::runtime::Trap;
use crate::translate::Translator;

/// A checked access to the sandbox's memory, of any alignment.
const MEMORY: MemFlagsData = MemFlagsData::new().with_notrap();

pub fn zero(builder: &mut FunctionBuilder<'_>, ty: Type) -> Value {
    match ty {
        types::F32 => builder.ins().f32const(0.0),
        types::F64 => builder.ins().f64const(0.0),
        ty => builder.ins().iconst(ty, 0),
    }
}

/// Pops two values, and pushes the result of an instruction.
macro_rules! binary {
    ($t:ident, $name:ident) => {{
        let (b, a) = ($t.pop(), $t.pop());
        let value = $t.builder.ins().$name(a, b);
        $t.push(value);
    }};
}

macro_rules! unary {
    ($t:ident, $name:ident $(, $ty:ident)?) => {{
        let a = $t.pop();
        let value = $t.builder.ins().$name($(types::$ty,)? a);
        $t.push(value);
    }};
}

macro_rules! load {
    ($t:ident, $memarg:ident, $bytes:expr, $name:ident, $ty:ident) => {{
        let at = $t.address($memarg, $bytes);
        let value = $t.builder.ins().$name(types::$ty, MEMORY, at, 0);
        $t.push(value);
    }};
    ($t:ident, $memarg:ident, $bytes:expr, $name:ident) => {{
        let at = $t.address($memarg, $bytes);
        let value = $t.builder.ins().$name(MEMORY, at, 0);
        $t.push(value);
    }};
}

macro_rules! store {
    ($t:ident, $memarg:ident, $bytes:expr, $name:ident) => {{
        let value = $t.pop();
        let at = $t.address($memarg, $bytes);
        $t.builder.ins().$name(MEMORY, value, at, 0);
    }};
}

/// Compares, and pushes 0 or 1.
macro_rules! compare {
    ($t:ident, $name:ident, $condition:expr) => {{
        let (b, a) = ($t.pop(), $t.pop());
        let truth = $t.builder.ins().$name($condition, a, b);
        let value = $t.builder.ins().uextend(types::I32, truth);
        $t.push(value);
    }};
}

/// Translates an operator that is neither control nor state.
pub fn operator(t: &mut Translator<'_, '_>, operator: &Operator<'_>) -> Result<(), String> {
    use Operator::*;
    match operator {
        I32Const { value } => {
            let value = t.builder.ins().iconst(types::I32, i64::from(*value as u32));
            t.push(value);
        }
        I64Const { value } => {
            let value = t.builder.ins().iconst(types::I64, *value);
            t.push(value);
        }
        F32Const { value } => {
            let bits = cranelift_codegen::ir::immediates::Ieee32::with_bits(value.bits());
            let value = t.builder.ins().f32const(bits);
            t.push(value);
        }
        F64Const { value } => {
            let bits = cranelift_codegen::ir::immediates::Ieee64::with_bits(value.bits());
            let value = t.builder.ins().f64const(bits);
            t.push(value);
        }

        I32Load { memarg } => load!(t, memarg, 4, load, I32),
        I64Load { memarg } => load!(t, memarg, 8, load, I64),
        F32Load { memarg } => load!(t, memarg, 4, load, F32),
        F64Load { memarg } => load!(t, memarg, 8, load, F64),
        I32Load8S { memarg } => load!(t, memarg, 1, sload8, I32),
        I32Load8U { memarg } => load!(t, memarg, 1, uload8, I32),
        I32Load16S { memarg } => load!(t, memarg, 2, sload16, I32),
        I32Load16U { memarg } => load!(t, memarg, 2, uload16, I32),
        I64Load8S { memarg } => load!(t, memarg, 1, sload8, I64),
        I64Load8U { memarg } => load!(t, memarg, 1, uload8, I64),
        I64Load16S { memarg } => load!(t, memarg, 2, sload16, I64),
        I64Load16U { memarg } => load!(t, memarg, 2, uload16, I64),
        I64Load32S { memarg } => load!(t, memarg, 4, sload32),
        I64Load32U { memarg } => load!(t, memarg, 4, uload32),
        I32Store { memarg } | F32Store { memarg } => store!(t, memarg, 4, store),
        I64Store { memarg } | F64Store { memarg } => store!(t, memarg, 8, store),
        I32Store8 { memarg } | I64Store8 { memarg } => store!(t, memarg, 1, istore8),
        I32Store16 { memarg } | I64Store16 { memarg } => store!(t, memarg, 2, istore16),
        I64Store32 { memarg } => store!(t, memarg, 4, istore32),

        I32Eqz | I64Eqz => {
            let a = t.pop();
            let truth = t.builder.ins().icmp_imm_s(IntCC::Equal, a, 0);
            let value = t.builder.ins().uextend(types::I32, truth);
            t.push(value);
        }
        I32Eq | I64Eq => compare!(t, icmp, IntCC::Equal),
        I32Ne | I64Ne => compare!(t, icmp, IntCC::NotEqual),
        I32LtS | I64LtS => compare!(t, icmp, IntCC::SignedLessThan),
        I32LtU | I64LtU => compare!(t, icmp, IntCC::UnsignedLessThan),
        I32GtS | I64GtS => compare!(t, icmp, IntCC::SignedGreaterThan),
        I32GtU | I64GtU => compare!(t, icmp, IntCC::UnsignedGreaterThan),
        I32LeS | I64LeS => compare!(t, icmp, IntCC::SignedLessThanOrEqual),
        I32LeU | I64LeU => compare!(t, icmp, IntCC::UnsignedLessThanOrEqual),
        I32GeS | I64GeS => compare!(t, icmp, IntCC::SignedGreaterThanOrEqual),
        I32GeU | I64GeU => compare!(t, icmp, IntCC::UnsignedGreaterThanOrEqual),
        F32Eq | F64Eq => compare!(t, fcmp, FloatCC::Equal),
        F32Ne | F64Ne => compare!(t, fcmp, FloatCC::NotEqual),
        F32Lt | F64Lt => compare!(t, fcmp, FloatCC::LessThan),
        F32Gt | F64Gt => compare!(t, fcmp, FloatCC::GreaterThan),
        F32Le | F64Le => compare!(t, fcmp, FloatCC::LessThanOrEqual),
        F32Ge | F64Ge => compare!(t, fcmp, FloatCC::GreaterThanOrEqual),

        I32Clz | I64Clz => unary!(t, clz),
        I32Ctz | I64Ctz => unary!(t, ctz),
        I32Popcnt | I64Popcnt => unary!(t, popcnt),
        I32Add | I64Add => binary!(t, iadd),
        I32Sub | I64Sub => binary!(t, isub),
        I32Mul | I64Mul => binary!(t, imul),
        I32DivS | I64DivS => {
            check_division(t, true);
            binary!(t, sdiv);
        }
        I32DivU | I64DivU => {
            check_division(t, false);
            binary!(t, udiv);
        }
        I32RemS | I64RemS => {
            check_division(t, false);
            binary!(t, srem);
        }
        I32RemU | I64RemU => {
            check_division(t, false);
            binary!(t, urem);
        }
        I32And | I64And => binary!(t, band),
        I32Or | I64Or => binary!(t, bor),
        I32Xor | I64Xor => binary!(t, bxor),
        I32Shl | I64Shl => binary!(t, ishl),
        I32ShrS | I64ShrS => binary!(t, sshr),
        I32ShrU | I64ShrU => binary!(t, ushr),
        I32Rotl | I64Rotl => binary!(t, rotl),
        I32Rotr | I64Rotr => binary!(t, rotr),

        F32Abs | F64Abs => unary!(t, fabs),
        F32Neg | F64Neg => unary!(t, fneg),
        F32Ceil | F64Ceil => unary!(t, ceil),
        F32Floor | F64Floor => unary!(t, floor),
        F32Trunc | F64Trunc => unary!(t, trunc),
        F32Nearest | F64Nearest => unary!(t, nearest),
        F32Sqrt | F64Sqrt => unary!(t, sqrt),
        F32Add | F64Add => binary!(t, fadd),
        F32Sub | F64Sub => binary!(t, fsub),
        F32Mul | F64Mul => binary!(t, fmul),
        F32Div | F64Div => binary!(t, fdiv),
        F32Min | F64Min => binary!(t, fmin),
        F32Max | F64Max => binary!(t, fmax),
        F32Copysign | F64Copysign => binary!(t, fcopysign),

        I32WrapI64 => unary!(t, ireduce, I32),
        I64ExtendI32S => unary!(t, sextend, I64),
        I64ExtendI32U => unary!(t, uextend, I64),
        F32ConvertI32S | F32ConvertI64S => unary!(t, fcvt_from_sint, F32),
        F32ConvertI32U | F32ConvertI64U => unary!(t, fcvt_from_uint, F32),
        F64ConvertI32S | F64ConvertI64S => unary!(t, fcvt_from_sint, F64),
        F64ConvertI32U | F64ConvertI64U => unary!(t, fcvt_from_uint, F64),
        F32DemoteF64 => unary!(t, fdemote, F32),
        F64PromoteF32 => unary!(t, fpromote, F64),
        I32ReinterpretF32 => reinterpret(t, types::I32),
        I64ReinterpretF64 => reinterpret(t, types::I64),
        F32ReinterpretI32 => reinterpret(t, types::F32),
        F64ReinterpretI64 => reinterpret(t, types::F64),
        I32TruncSatF32S | I32TruncSatF64S => unary!(t, fcvt_to_sint_sat, I32),
        I32TruncSatF32U | I32TruncSatF64U => unary!(t, fcvt_to_uint_sat, I32),
        I64TruncSatF32S | I64TruncSatF64S => unary!(t, fcvt_to_sint_sat, I64),
        I64TruncSatF32U | I64TruncSatF64U => unary!(t, fcvt_to_uint_sat, I64),
        I32TruncF32S | I32TruncF64S => {
            check_range(t, -2_147_483_649.0, 2_147_483_648.0, true);
            unary!(t, fcvt_to_sint_sat, I32);
        }
        I32TruncF32U | I32TruncF64U => {
            check_range(t, -1.0, 4_294_967_296.0, true);
            unary!(t, fcvt_to_uint_sat, I32);
        }
        I64TruncF32S | I64TruncF64S => {
            check_range(t, -9_223_372_036_854_775_808.0, 9_223_372_036_854_775_808.0, false);
            unary!(t, fcvt_to_sint_sat, I64);
        }
        I64TruncF32U | I64TruncF64U => {
            check_range(t, -1.0, 18_446_744_073_709_551_616.0, true);
            unary!(t, fcvt_to_uint_sat, I64);
        }

        I32Extend8S => extend(t, types::I8, types::I32),
        I32Extend16S => extend(t, types::I16, types::I32),
        I64Extend8S => extend(t, types::I8, types::I64),
        I64Extend16S => extend(t, types::I16, types::I64),
        I64Extend32S => extend(t, types::I32, types::I64),
        other => return Err(format!("the operator {other:?}: beyond this example")),
    }
    Ok(())
}

fn reinterpret(t: &mut Translator<'_, '_>, ty: Type) {
    let a = t.pop();
    let value = t.builder.ins().bitcast(ty, MemFlagsData::new(), a);
    t.push(value);
}

fn extend(t: &mut Translator<'_, '_>, from: Type, to: Type) {
    let a = t.pop();
    let value = t.builder.ins().ireduce(from, a);
    let value = t.builder.ins().sextend(to, value);
    t.push(value);
}

/// Traps if the division by the value on top is undefined: a division by zero, or a signed division
/// of the least number by -1.
fn check_division(t: &mut Translator<'_, '_>, signed: bool) {
    let (b, a) = (t.pop(), t.pop());
    let zero = t.builder.ins().icmp_imm_s(IntCC::Equal, b, 0);
    t.emit.trap_if(&mut t.builder, zero, Trap::Division);
    if signed {
        let least = match t.builder.func.dfg.value_type(a) {
            types::I32 => t.builder.ins().iconst(types::I32, i64::from(i32::MIN as u32)),
            _ => t.builder.ins().iconst(types::I64, i64::MIN),
        };
        let least = t.builder.ins().icmp(IntCC::Equal, a, least);
        let minus_one = t.builder.ins().icmp_imm_s(IntCC::Equal, b, -1);
        let both = t.builder.ins().band(least, minus_one);
        t.emit.trap_if(&mut t.builder, both, Trap::Division);
    }
    t.push(a);
    t.push(b);
}

/// Traps unless the float on top lies in a range.
fn check_range(t: &mut Translator<'_, '_>, least: f64, end: f64, open: bool) {
    let a = t.pop();
    let wide = match t.builder.func.dfg.value_type(a) {
        types::F32 => t.builder.ins().fpromote(types::F64, a),
        _ => a,
    };
    t.check_between(wide, least, end, open);
    t.push(a);
}
