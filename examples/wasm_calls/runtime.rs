//! The runtime of compiled code: its context, how it is entered, and how it traps.

use std::arch::global_asm;
use std::ffi::c_void;
use std::fmt;

/// The context, which compiled code gets as its first argument. It lies outside the sandbox. Its
/// pointers lead into the sandbox, except `globals`, `pointers`, and `element_pointers`.
#[repr(C)]
pub struct Context {
    /// The stack pointer to which a trap returns.
    stack_pointer: usize,
    pub memory: *mut u8,
    pub memory_bytes: u64,
    /// The handle of every function. In the sandbox: an attacker may write to it.
    pub handles: *const u32,
    /// The module's own table, as handles. Also in the sandbox.
    pub elements: *const u32,
    pub elements_length: u64,
    pub globals: *mut u64,
    /// Below this a function traps instead of running.
    pub stack_limit: usize,
    /// The counted calls.
    pub calls: u64,
    /// For code without the table: entry points by function, and by element.
    pub pointers: *const usize,
    pub element_pointers: *const usize,
    /// For host functions.
    pub host: *mut Host,
    /// The report of a probe.
    pub reached: u64,
}

/// The offsets of a context's fields.
pub mod offsets {
    use super::Context;
    use std::mem::offset_of;

    pub const MEMORY: i32 = offset_of!(Context, memory) as i32;
    pub const MEMORY_BYTES: i32 = offset_of!(Context, memory_bytes) as i32;
    pub const HANDLES: i32 = offset_of!(Context, handles) as i32;
    pub const ELEMENTS: i32 = offset_of!(Context, elements) as i32;
    pub const ELEMENTS_LENGTH: i32 = offset_of!(Context, elements_length) as i32;
    pub const GLOBALS: i32 = offset_of!(Context, globals) as i32;
    pub const STACK_LIMIT: i32 = offset_of!(Context, stack_limit) as i32;
    pub const CALLS: i32 = offset_of!(Context, calls) as i32;
    pub const POINTERS: i32 = offset_of!(Context, pointers) as i32;
    pub const ELEMENT_POINTERS: i32 = offset_of!(Context, element_pointers) as i32;
    pub const REACHED: i32 = offset_of!(Context, reached) as i32;
}

/// The records of host functions.
#[derive(Default)]
pub struct Host {
    /// The number of arguments of each import.
    pub arity: Vec<usize>,
    /// The called imports, with their arguments.
    pub calls: Vec<(u32, Vec<u64>)>,
    /// The greatest number of pages of the memory.
    pub pages_limit: u64,
}

/// Why compiled code stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Trap {
    /// The handle names no entry.
    Null = 1,
    /// The entry has another signature than the call.
    Signature,
    Unreachable,
    Memory,
    Element,
    Division,
    Conversion,
    Stack,
}

impl Trap {
    fn from_code(code: i32) -> Option<Trap> {
        use Trap::*;
        let all = [Null, Signature, Unreachable, Memory, Element, Division, Conversion, Stack];
        all.into_iter().find(|&trap| trap as i32 == code)
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trap: {self:?}")
    }
}

// Both are as the System V ABI has them. `enter(context, trampoline, callee, arguments)` keeps
// where it is in the context, and calls `trampoline(context, callee, arguments)`;
// `trap(context, code)` leaves all frames of compiled code, which hold nothing to be dropped, and
// makes `enter` return the code.
global_asm!(
    ".globl slotarena_example_enter",
    "slotarena_example_enter:",
    "push rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "mov [rdi], rsp",
    "mov rax, rsi",
    "mov rsi, rdx",
    "mov rdx, rcx",
    "call rax",
    "xor eax, eax",
    "2:",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    ".globl slotarena_example_trap",
    "slotarena_example_trap:",
    "mov rsp, [rdi]",
    "mov eax, esi",
    "jmp 2b",
);

unsafe extern "C" {
    fn slotarena_example_enter(
        context: *mut c_void,
        trampoline: *const u8,
        callee: usize,
        arguments: *mut u64,
    ) -> i32;
    fn slotarena_example_trap(context: *mut c_void, code: i32) -> !;
}

/// Returns the address that compiled code calls to trap.
pub fn trap_address() -> usize {
    slotarena_example_trap as *const () as usize
}

/// The bytes of stack for compiled code.
const STACK: usize = 1 << 20;

/// Calls compiled code by a trampoline.
///
/// # Safety
///
/// The trampoline was compiled for this kind of callee and of arguments, and the context is
/// complete.
pub unsafe fn enter(
    context: *mut Context,
    trampoline: *const u8,
    callee: usize,
    arguments: &mut [u64],
) -> Result<(), Trap> {
    let here = 0u8;
    // SAFETY: by the contract of this function.
    unsafe { (*context).stack_limit = std::ptr::from_ref(&here) as usize - STACK };
    // SAFETY: as above.
    let code = unsafe {
        slotarena_example_enter(context.cast(), trampoline, callee, arguments.as_mut_ptr())
    };
    match (code, Trap::from_code(code)) {
        (0, _) => Ok(()),
        (_, Some(trap)) => Err(trap),
        _ => unreachable!("compiled code traps with the codes of `Trap`"),
    }
}

/// `memory.grow`: the size before, in pages, or -1.
pub extern "C" fn grow(context: *mut Context, pages: u32) -> i32 {
    // SAFETY: compiled code passes its own context on.
    let context = unsafe { &mut *context };
    // SAFETY: it lives as long as the context.
    let limit = unsafe { (*context.host).pages_limit };
    let before = context.memory_bytes >> 16;
    let after = before + u64::from(pages);
    if after > limit {
        return -1;
    }
    context.memory_bytes = after << 16;
    before as i32
}

/// An imported function: records the call. `arguments` has room for a result, which is 0.
pub extern "C" fn host_call(context: *mut Context, import: u32, arguments: *mut u64) {
    // SAFETY: compiled code passes its own context on, whose host lives as long.
    let host = unsafe { &mut *(*context).host };
    let arity = host.arity[import as usize];
    // SAFETY: the trampoline has stored so many.
    let noted = unsafe { std::slice::from_raw_parts(arguments, arity) }.to_vec();
    host.calls.push((import, noted));
    // SAFETY: there is room for one at least.
    unsafe { *arguments = 0 };
}
