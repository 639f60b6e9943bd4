//! Restartable sequences of Linux ([`rseq(2)`], Linux 4.18), as the C library has registered them
//! for each thread (glibc 2.35).
//!
//! A sequence is a few instructions that end in one store. If the kernel interrupts the thread
//! inside, by a preemption, a signal, or [`restart`](super::membarrier::restart), the thread goes
//! on at the sequence's abort address instead, and the store does not happen.
//!
//! [`rseq(2)`]: https://docs.kernel.org/userspace-api/rseq.html

#[cfg(restartable)]
use core::arch::asm;
#[cfg(restartable)]
use core::ffi::CStr;
#[cfg(restartable)]
use core::ptr::NonNull;

use crate::sync::AtomicU64;
#[cfg(restartable)]
use crate::sync::OnceLock;

/// Where a thread has the area that it shares with the kernel: an offset from its thread
/// pointer, the same for all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area(#[cfg_attr(not(restartable), allow(dead_code))] isize);

impl Area {
    /// Stands for none.
    pub(crate) const NONE: Area = Area(0);
}

/// Returns the area, if the C library has registered one for every thread. What it answers
/// first stays true.
pub(crate) fn probe() -> Option<Area> {
    #[cfg(not(restartable))]
    return None;
    #[cfg(restartable)]
    registered()
}

#[cfg(restartable)]
fn registered() -> Option<Area> {
    static AREA: OnceLock<Option<Area>> = OnceLock::new();
    *AREA.get_or_init(|| {
        // SAFETY: the C library's type, `const unsigned int`.
        let size = unsafe { symbol::<u32>(c"__rseq_size") }?;
        // SAFETY: the C library's type, `const ptrdiff_t`.
        let offset = unsafe { symbol::<isize>(c"__rseq_offset") }?;
        // Where instructions are counted, one thread runs, under an emulator without sequences.
        (size > 0 || cfg!(slotarena_counted)).then_some(Area(offset))
    })
}

/// Reads a constant of the C library. `None` if it has none of that name.
///
/// # Safety
///
/// A symbol of that name has this type, and stays as it is.
#[cfg(restartable)]
unsafe fn symbol<T: Copy>(name: &CStr) -> Option<T> {
    // SAFETY: the name ends in a zero.
    let place = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    // SAFETY: by the contract of this function.
    NonNull::new(place.cast::<T>()).map(|place| unsafe { place.read() })
}

/// What a sequence reads: the phase of the table, what is to be added to it, and the word that
/// must be equal to the sum, the `nth` after `ranges`.
#[derive(Clone, Copy)]
#[cfg_attr(not(restartable), allow(dead_code))]
pub(crate) struct Condition<'a> {
    pub(crate) phase: &'a AtomicU64,
    pub(crate) tag: u64,
    pub(crate) ranges: *const AtomicU64,
    pub(crate) nth: isize,
}

/// A sequence that stores `$new` into a word if the condition is met, and `$test` does not
/// jump to `5`. Gives the word that was there, or 0 if nothing was stored.
#[cfg(all(restartable, target_arch = "x86_64"))]
macro_rules! sequence {
    ($area:expr, $if:expr, $word:expr, $new:expr, [$($test:literal),*] $($operand:tt)*) => {{
        let seen: u64;
        // SAFETY: writes to the thread's area as the kernel's interface has it, and to the
        // word. The descriptor and the abort address, behind the C library's signature, are
        // what the kernel expects. What is interrupted goes on at `5`.
        unsafe {
            asm!(
                // The descriptor: version and flags; start, length, and abort address.
                ".pushsection .data.rel.ro.slotarena_sequence, \"aw\", @progbits",
                ".balign 32",
                "2:",
                ".long 0, 0",
                ".quad 3f, 4f - 3f, 5f",
                ".popsection",
                "lea {sum}, [rip + 2b]",
                "mov qword ptr fs:[{area} + 8], {sum}", // the sequence begins
                "3:",
                "mov {sum}, qword ptr [{phase}]",
                "add {sum}, {tag}",
                "cmp {sum}, qword ptr [{ranges} + 8*{nth}]", // the range is the caller's
                "jne 5f",
                "mov {seen}, qword ptr [{word}]",
                $($test,)*
                "mov qword ptr [{word}], {new}", // the only commit
                "4:",
                "jmp 6f",
                // An undefined instruction with the signature, so that nothing else leads here.
                // Inside the function, so that it can be unwound from here.
                ".byte 0x0f, 0xb9, 0x3d",
                ".long 0x53053053",
                "5:",
                "xor {seen:e}, {seen:e}",
                "6:",
                // The kernel must not look for a descriptor that has been unloaded.
                "mov qword ptr fs:[{area} + 8], 0",
                area = in(reg) $area.0,
                phase = in(reg) $if.phase,
                tag = in(reg) $if.tag,
                ranges = in(reg) $if.ranges,
                nth = in(reg) $if.nth,
                word = in(reg) $word,
                new = in(reg) $new,
                sum = out(reg) _,
                seen = out(reg) seen,
                $($operand)*
                options(nostack),
            );
        }
        seen
    }};
}

/// As on x86-64.
#[cfg(all(restartable, target_arch = "aarch64"))]
macro_rules! sequence {
    ($area:expr, $if:expr, $word:expr, $new:expr, [$($test:literal),*] $($operand:tt)*) => {{
        let seen: u64;
        // SAFETY: as on x86-64.
        unsafe {
            asm!(
                ".pushsection .data.rel.ro.slotarena_sequence, \"aw\", @progbits",
                ".balign 32",
                "2:",
                ".long 0, 0",
                ".quad 3f, 4f - 3f, 5f",
                ".popsection",
                "mrs {at}, tpidr_el0",
                "add {at}, {at}, {area}",
                "adrp {sum}, 2b",
                "add {sum}, {sum}, :lo12:2b",
                "str {sum}, [{at}, #8]", // the sequence begins
                "3:",
                "ldr {sum}, [{phase}]",
                "ldr {seen}, [{ranges}, {nth}, lsl #3]",
                "add {sum}, {sum}, {tag}",
                "cmp {sum}, {seen}", // the range is the caller's
                "b.ne 5f",
                "ldar {seen}, [{word}]",
                $($test,)*
                "stlr {new}, [{word}]", // the only commit
                "4:",
                "b 6f",
                ".inst 0xd428bc00", // the signature, which is an instruction that traps
                "5:",
                "mov {seen}, xzr",
                "6:",
                "str xzr, [{at}, #8]",
                area = in(reg) $area.0,
                phase = in(reg) $if.phase,
                tag = in(reg) $if.tag,
                ranges = in(reg) $if.ranges,
                nth = in(reg) $if.nth,
                word = in(reg) $word,
                new = in(reg) $new,
                at = out(reg) _,
                sum = out(reg) _,
                seen = out(reg) seen,
                $($operand)*
                options(nostack),
            );
        }
        seen
    }};
}

/// Elsewhere nothing is stored. No table has ranges there.
#[cfg(not(restartable))]
macro_rules! sequence {
    ($area:expr, $if:expr, $word:expr, $new:expr, [$($test:literal),*] $($operand:tt)*) => {{
        let _ = ($area, $if, $word, $new);
        0
    }};
}

/// Stores `new` into `word`, if the condition is met and `word` has bit 63. Returns the word
/// that was there, or 0 if nothing was stored: also if the kernel has interrupted the sequence.
///
/// Acquires `word`, and releases to it.
///
/// # Safety
///
/// All can be read, and `word` can be written to.
#[inline(always)]
pub(crate) unsafe fn replace_live(
    area: Area,
    condition: Condition<'_>,
    word: *const AtomicU64,
    new: u64,
) -> u64 {
    #[cfg(not(target_arch = "aarch64"))]
    return sequence!(area, condition, word, new, ["test {seen}, {seen}", "jns 5f"]);
    #[cfg(target_arch = "aarch64")]
    return sequence!(area, condition, word, new, ["tbz {seen}, #63, 5f"]);
}

/// The same, if `word` is `current`, which is not 0.
///
/// # Safety
///
/// Same as [`replace_live`].
#[inline(always)]
pub(crate) unsafe fn replace_equal(
    area: Area,
    condition: Condition<'_>,
    word: *const AtomicU64,
    new: u64,
    current: u64,
) -> u64 {
    let _ = current;
    #[cfg(not(target_arch = "aarch64"))]
    return sequence!(area, condition, word, new, ["cmp {seen}, {current}", "jne 5f"]
        current = in(reg) current,);
    #[cfg(target_arch = "aarch64")]
    return sequence!(area, condition, word, new, ["cmp {seen}, {current}", "b.ne 5f"]
        current = in(reg) current,);
}

#[cfg(all(test, restartable, target_arch = "x86_64"))]
#[path = "../../tests/unit/rseq.rs"]
mod tests;
