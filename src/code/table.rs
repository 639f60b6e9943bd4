//! The facade: a table of code pointers.

use super::entry_layout::EntryLayout;
use super::error::CodePointerError;
use super::host_functions::HostFunctions;
use super::read_only::ReadOnly;
use super::word::{CodePointer, CodeWord, EntryPoint, Signature};
use crate::allocator::{Audit, AuditError, Builder, Stats};
use crate::arena::Arena;
use crate::bits::geometry::SEGMENT_BYTES;
use crate::bits::handle::{Handle, OperationError};
use crate::error::{AllocError, BuildError, LeakError};
use crate::sweep::SweepReport;
use crate::sys::Protection;
use crate::table::{Table, ops};

/// A table of code pointers for an engine that runs untrusted code in a sandbox.
///
/// An attacker that can write anything into the sandbox can make up handles, but no entry, since
/// the table lies outside. A call goes through the table with the signature that the call site was
/// compiled for. It gets an entry point that was stored under that signature, or nothing. [The
/// sandbox](crate::docs::sandbox) has the threat model, and the instructions for generated code.
///
/// ```
/// use slotarena::code::{CodePointerTable, EntryPoint, Signature};
///
/// let table = CodePointerTable::new()?;
/// let (binary, unary) = (Signature::new(2).unwrap(), Signature::new(1).unwrap());
/// let compiled = EntryPoint::new(0x7000_1000 as *const u8).expect("not null");
///
/// let handle = table.write_scope().allocate(compiled, binary)?;
/// assert_eq!(table.entry_point(handle.to_raw(), binary), Some(compiled));
/// assert_eq!(table.entry_point(handle.to_raw(), unary), None);
/// assert_eq!(table.entry_point(u32::MAX, binary), None);
///
/// let scope = table.write_scope();
/// let optimized = EntryPoint::new(0x7000_2000 as *const u8).expect("not null");
/// assert_eq!(scope.set(handle, optimized, binary)?, compiled);
/// assert!(scope.set(handle, optimized, unary).is_err());
/// scope.free(handle)?;
/// assert_eq!(table.entry_point(handle.to_raw(), binary), None);
/// # drop(scope);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CodePointerTable {
    table: Table<CodeWord>,
    pub(crate) read_only: ReadOnly,
    host_functions: HostFunctions,
}

impl CodePointerTable {
    /// A threshold for [`sweep`](Self::sweep) that suits most programs: the slots of two segments.
    pub const SWEEP_THRESHOLD: u64 = 2 * (SEGMENT_BYTES as u64 / 8);

    /// Makes a table of up to 2^28 - 1 entries, as large as the system allows, with
    /// the strongest protection that the system has.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants no addresses. [`BuildError::ProtectionRefused`]
    /// if it has a protection and refuses it at the moment.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// Returns a builder of tables. All its functions but `build` are `const`.
    pub const fn builder() -> Builder<Self> {
        Builder::new()
    }

    /// Returns the entry point that any number names, if it was stored under this signature.
    /// Wait-free: one load. Needs no scope and no rights.
    ///
    /// `None` for handles that were never handed out, that were freed or have no entry yet, for
    /// entries with another signature, and for native functions.
    #[must_use]
    #[inline]
    pub fn entry_point(&self, raw: u32, signature: Signature) -> Option<EntryPoint> {
        self.table.get_raw(raw)?.under(signature)
    }

    /// Returns the entry point that any number names, if it is a native function's. Wait-free.
    #[must_use]
    #[inline]
    pub fn native_entry_point(&self, raw: u32) -> Option<EntryPoint> {
        self.table.get_raw(raw)?.as_native()
    }

    /// Returns the entry that any number names, whatever its signature. Wait-free.
    ///
    /// For inspection, not for calls: a call must name the signature that it passes arguments for.
    #[must_use]
    pub fn get_raw(&self, raw: u32) -> Option<CodePointer> {
        self.table.get_raw(raw)?.read()
    }

    /// Returns the handle of the native function at this address, the same on every thread.
    ///
    /// Opens a write scope. Takes a lock, which a thread holds while it looks an address up, and
    /// while it allocates the slot of a new one. So threads that ask for one function get its
    /// handle, even if there is one slot left. O(n) in the number of native functions, for a new
    /// one.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::Alloc`], [`CodePointerError::EntryPoint`], [`CodePointerError::Forked`].
    /// [`CodePointerError::Operation`] inside the closure of
    /// [`for_each_live`](Self::for_each_live), and if there is no memory.
    pub fn handle_for_native(&self, function: EntryPoint) -> Result<Handle, CodePointerError> {
        self.check_process()?;
        // Also makes the thread a participant, so that it allocates no memory under the lock.
        if let Some(error) = ops::WithOwner::refusal(&self.table) {
            return Err(error.into());
        }
        let address = function.address();
        let make = || {
            let word =
                CodeWord::native(function).ok_or(CodePointerError::EntryPoint { address })?;
            let _rights = self.arena().rights();
            Ok(self.table.allocate(word)?)
        };
        self.host_functions.get(address, make)
    }

    /// Checks that the calling process may write to the table.
    pub(crate) fn check_process(&self) -> Result<(), CodePointerError> {
        let allocator = &self.table.allocator;
        if !allocator.space.safepoint.is_forked() && !self.arena().is_foreign() {
            return Ok(());
        }
        // Also where the child was made without its handlers.
        self.arena().after_fork();
        allocator.space.safepoint.lose();
        Err(CodePointerError::Forked)
    }

    /// Returns the error for a handle that names no slot in use, or for which no operation began.
    pub(crate) fn refused(&self, handle: Handle) -> CodePointerError {
        match ops::refused(&self.table, handle) {
            error if error.operation() == Some(OperationError::Forked) => CodePointerError::Forked,
            error => CodePointerError::InvalidHandle(error),
        }
    }

    /// Decommits wholly free segments, if at least `threshold` slots, and at least as many as a
    /// segment has, are free. See [`Table::sweep`]. Opens a write scope. Does nothing in a child of
    /// the process that has inherited a protected table.
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        if self.check_process().is_err() {
            return SweepReport::default();
        }
        let _rights = self.arena().rights();
        self.table.sweep(threshold)
    }

    /// Calls `f` with every handle that has an entry, and the entry, in ascending order, with the
    /// world stopped. See [`Table::for_each_live`]. Finds nothing in a child of the process that
    /// has inherited a protected table.
    ///
    /// # Panics
    ///
    /// Same as [`Table::for_each_live`].
    pub fn for_each_live(&self, mut f: impl FnMut(Handle, CodePointer)) {
        if self.check_process().is_err() {
            return;
        }
        let _rights = self.arena().rights();
        self.table.for_each_live(|handle, word| {
            if let Some(entry) = word.read() {
                f(handle, entry);
            }
        });
    }

    /// Counts exactly, at one moment. See [`Table::stats`]. Read-only slots count as handed out.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.table.stats()
    }

    /// Checks the table's invariants. See [`Table::audit`]. Finds nothing in a child of the process
    /// that has inherited a protected table.
    ///
    /// # Errors
    ///
    /// Same as [`Table::audit`].
    pub fn audit(&self) -> Result<Audit, AuditError> {
        if self.check_process().is_err() {
            return Ok(Audit::default());
        }
        let _rights = self.arena().rights();
        self.table.audit()
    }

    /// Returns the protection of this table.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.arena().protection()
    }

    /// Returns the layout for generated code.
    #[must_use]
    pub fn entry_layout(&self) -> EntryLayout {
        EntryLayout { base: self.table.base().expose_provenance(), mask: self.table.capacity() }
    }

    /// Returns the greatest number that can be a handle: 2^n - 1.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.table.capacity()
    }

    /// Returns the size of the reserved address range, from the layout's base on, in bytes.
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.table.reserved_bytes()
    }

    /// Closes the table. Returns an error if slots are still handed out, apart from native
    /// functions and read-only entries. In a child of the process that has inherited a protected
    /// table, this is `Ok`.
    ///
    /// # Errors
    ///
    /// [`LeakError`], with the number of slots that were not freed.
    pub fn close(mut self) -> Result<(), LeakError> {
        if self.check_process().is_err() {
            return Ok(());
        }
        let rights = self.arena().rights();
        for handle in self.host_functions.take_down() {
            // Made by `handle_for_native`, and nothing else frees it.
            let freed = self.table.free(handle);
            debug_assert!(freed.is_ok_and(|word| word.as_native().is_some()));
        }
        drop(rights);
        let (slots, unused) = self.read_only.counts();
        let stats = self.stats();
        let live = stats.live.saturating_sub(slots - unused);
        let uninitialized = stats.uninitialized.saturating_sub(unused);
        if live + uninitialized == 0 { Ok(()) } else { Err(LeakError { live, uninitialized }) }
    }

    #[cfg(model)]
    #[doc(hidden)]
    pub fn refuse_segments(&self, count: usize) {
        self.table.refuse_segments(count);
    }

    pub(crate) fn table(&self) -> &Table<CodeWord> {
        &self.table
    }

    pub(crate) fn arena(&self) -> &Arena<u64> {
        self.table.arena()
    }

    /// Takes the slots of the lowest segments out of the allocator, and seals the segments. No
    /// other thread has the table yet.
    fn set_aside(&mut self, segments: u32) -> Result<(), AllocError> {
        let geometry = self.arena().geometry();
        if segments >= geometry.segments() {
            return Err(AllocError::CapacityExhausted { capacity: self.capacity() });
        }
        let end = geometry.first(segments);
        let _rights = self.arena().rights();
        let (mut wanted, mut others) = (end - 1, Vec::new());
        while wanted > 0 {
            let handle = self.table.allocate_uninitialized()?;
            if handle.to_raw() < end {
                wanted -= 1;
            } else {
                others.push(handle);
            }
        }
        for handle in others {
            // SAFETY: only the word of an uninitialized slot is expected.
            unsafe { ops::free_if(&self.table, handle, ops::is_uninitialized) };
        }
        self.read_only = ReadOnly::new(segments, end);
        let arena = self.arena();
        let bytes = arena.segment_bytes() * segments as usize;
        let refused = |code| AllocError::OutOfMemory { code, bytes };
        arena.set_lowest_apart(segments).map_err(refused)?;
        arena.seal_lowest(segments, true).map_err(refused)
    }
}

impl Builder<CodePointerTable> {
    /// Asks for exactly 2^`bits` - 1 usable slots, 1 to 32 bits. Generated code uses that many bits
    /// of a handle.
    pub const fn index_bits(self, bits: u32) -> Self {
        self.index_bits_unchecked(bits).capacity(capacity(bits))
    }

    /// Asks for up to 2^`bits` - 1 usable slots, 1 to 32 bits.
    ///
    /// Where the system refuses addresses, `build` tries half as many, and so on. Default: 28 bits,
    /// which takes 2 GiB of addresses, and more with a protection.
    pub const fn index_bits_at_most(self, bits: u32) -> Self {
        self.index_bits_unchecked(bits).capacity_at_most(capacity(bits))
    }

    const fn index_bits_unchecked(mut self, bits: u32) -> Self {
        self.config.index_bits = bits;
        self
    }

    /// Asks for this protection and no other.
    ///
    /// Default: the strongest that the system has. If the system refuses a dual mapping for the
    /// moment, as at a limit on memory, `build` fails, and makes no table without protection. If
    /// all protection keys are in use, the table has a dual mapping:
    /// [`protection`](CodePointerTable::protection) returns what it has.
    pub const fn protection(mut self, protection: Protection) -> Self {
        self.config.protection = Some(protection);
        self
    }

    /// Makes the lowest segments read-only: 64 KiB each, 8,192 entries less handle 0. Default:
    /// none.
    pub const fn read_only_segments(mut self, segments: u32) -> Self {
        self.config.read_only_segments = segments;
        self
    }

    /// Builds the table.
    ///
    /// # Errors
    ///
    /// [`BuildError::IndexBits`] if no table has as many bits, or if [`capacity`](Self::capacity)
    /// asked for slots that are not 2^n - 1. [`BuildError::Protection`] if the system lacks the one
    /// asked for, and [`BuildError::ProtectionRefused`] if it has it and refuses it.
    /// [`BuildError::ReadOnly`] if memory for the read-only segments is lacking. Else a
    /// [`BuildError`] that names the value asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<CodePointerTable, BuildError> {
        let config = &self.config;
        let slots = config.capacity.unwrap_or(capacity(config.index_bits));
        if capacity(config.index_bits) == 0 || slots & slots.wrapping_add(1) != 0 {
            return Err(BuildError::IndexBits { asked: config.index_bits, slots });
        }
        let refused = |(asked, code)| BuildError::ProtectionRefused { asked, code };
        let strongest = || Protection::for_a_new_table().map_err(refused);
        let protection = config.protection.map_or_else(strongest, Ok)?;
        let mut allocator = config.allocator(protection)?;
        allocator.is_inherited = false;
        let table = Table::from_allocator(allocator)?;
        let (read_only, host_functions) = (ReadOnly::new(0, 1), HostFunctions::new());
        let mut table = CodePointerTable { table, read_only, host_functions };
        if config.read_only_segments > 0 {
            let asked = config.read_only_segments;
            table.set_aside(asked).map_err(|error| BuildError::ReadOnly { asked, error })?;
        }
        Ok(table)
    }
}

fmt!(
    /// Writes the capacity and the protection. Does not stop the world.
    [] Debug for CodePointerTable, |this, f| f.debug_struct("CodePointerTable")
        .field("capacity", &this.capacity())
        .field("protection", &this.protection())
        .finish_non_exhaustive()
);

/// Returns the greatest index of this many bits. 0 if no table has as many.
const fn capacity(bits: u32) -> u32 {
    match bits {
        1..=32 => u32::MAX >> (32 - bits),
        _ => 0,
    }
}
