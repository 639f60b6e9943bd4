//! The table of code pointers: what untrusted code names instead of an address.

use crate::arena::Arena;
use crate::audit::{Audit, Violation};
use crate::builder::Builder;
use crate::code_error::CodePointerError;
use crate::code_word::{CodePointer, CodeWord, EntryPoint, Signature};
use crate::error::{AllocError, BuildError, Leak};
use crate::handle::Handle;
use crate::natives::Natives;
use crate::ops;
use crate::protection::Protection;
use crate::read_only::ReadOnly;
use crate::stats::Stats;
use crate::sweep::SweepReport;
use crate::table::Table;
use crate::word;

/// A table of code pointers for an engine that runs untrusted code in a sandbox.
///
/// Whoever can write anything into the sandbox at any time can make up handles, but no entry: the
/// table lies outside. A call goes through the table with the signature that the call site was
/// compiled for, and gets an entry point that was stored under that signature, or nothing.
/// [The sandbox](crate::sandbox) has the threat model, and the recipe for generated code.
///
/// ```
/// use slotarena::{CodePointerTable, EntryPoint, Signature};
///
/// let table = CodePointerTable::new()?;
/// let (binary, unary) = (Signature::new(2).unwrap(), Signature::new(1).unwrap());
/// let compiled = EntryPoint::new(0x7000_1000 as *const u8).expect("not null");
///
/// let handle = table.write_scope().allocate(compiled, binary)?;
/// assert_eq!(table.entrypoint(handle.to_raw(), binary), Some(compiled));
/// assert_eq!(table.entrypoint(handle.to_raw(), unary), None);
/// assert_eq!(table.entrypoint(u32::MAX, binary), None);
///
/// let scope = table.write_scope();
/// let optimised = EntryPoint::new(0x7000_2000 as *const u8).expect("not null");
/// assert_eq!(scope.set(handle, optimised, binary)?, compiled);
/// assert!(scope.set(handle, optimised, unary).is_err());
/// scope.free(handle)?;
/// assert_eq!(table.entrypoint(handle.to_raw(), binary), None);
/// # drop(scope);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct CodePointerTable {
    table: Table<CodeWord>,
    pub(crate) read_only: ReadOnly,
    natives: Natives,
}

/// What generated code has to know of a table: see [the sandbox](crate::sandbox).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recipe {
    /// Where the entry of handle 0 is read.
    pub base: usize,
    /// What a handle is cut down to. All ones for a table of full size: there is nothing to do.
    pub mask: u32,
}

impl Recipe {
    /// An entry has 2 to this power bytes.
    pub const ENTRY_SHIFT: u32 = 3;

    /// How far from [`base`](Self::base) the entry of any number lies.
    #[must_use]
    #[inline]
    pub const fn offset(self, raw: u32) -> usize {
        ((raw & self.mask) as usize) << Self::ENTRY_SHIFT
    }
}

impl CodePointerTable {
    /// From how many free slots on a sweep is worth while, if nothing else is known: those of two
    /// segments.
    pub const SWEEP_THRESHOLD: u64 = 2 * (crate::segment::SEGMENT_BYTES as u64 / 8);

    /// A table as large as the system allows, up to one entry for each 32-bit number, with the
    /// strongest protection that there is.
    ///
    /// # Errors
    ///
    /// As [`CodePointerTableBuilder::build`].
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }

    /// What a table is to be like.
    pub const fn builder() -> CodePointerTableBuilder {
        CodePointerTableBuilder {
            table: Table::<CodeWord>::builder(),
            index_bits: 32,
            protection: None,
            read_only_segments: 0,
        }
    }

    /// The table that all of the process share. Made when it is first asked for, as
    /// [`new`](Self::new) does, and never torn down.
    ///
    /// # Errors
    ///
    /// As there. The next call tries again.
    #[cfg(not(all(loom, feature = "loom")))]
    pub fn process_wide() -> Result<&'static Self, BuildError> {
        static TABLE: crate::sync::OnceLock<CodePointerTable> = crate::sync::OnceLock::new();
        match TABLE.get() {
            Some(table) => Ok(table),
            None => {
                let table = Self::new()?;
                Ok(TABLE.get_or_init(|| table))
            }
        }
    }

    /// The entry point behind any number at all, if it was stored under this signature. Wait-free;
    /// one load. Needs no scope and no rights.
    ///
    /// `None` for handles that were never handed out, that were freed or have no entry yet, for
    /// entries with another signature, and for native functions.
    #[must_use]
    #[inline]
    pub fn entrypoint(&self, raw: u32, signature: Signature) -> Option<EntryPoint> {
        self.table.get_raw(raw)?.under(signature)
    }

    /// The entry point behind any number at all, if it is a native function's. Wait-free.
    #[must_use]
    #[inline]
    pub fn native_entrypoint(&self, raw: u32) -> Option<EntryPoint> {
        self.table.get_raw(raw)?.as_native()
    }

    /// The entry behind any number, whatever its signature. For looking, not for calling: who calls
    /// says which signature he passes arguments for. Wait-free.
    #[must_use]
    pub fn get(&self, raw: u32) -> Option<CodePointer> {
        self.table.get_raw(raw)?.read()
    }

    /// The handle of the native function at this address: the same for all that ask, from whatever
    /// thread. Opens a write scope of its own. Takes a lock, which others hold only as long as it
    /// takes to look an address up.
    ///
    /// # Errors
    ///
    /// [`CodePointerError::Alloc`], [`CodePointerError::EntryPoint`].
    pub fn handle_for_native(&self, function: EntryPoint) -> Result<Handle, CodePointerError> {
        let address = function.address();
        let make = || {
            let word =
                CodeWord::native(function).ok_or(CodePointerError::EntryPoint { address })?;
            let _rights = self.arena().rights();
            Ok(self.table.allocate(word)?)
        };
        self.natives.get(address, make, |handle| self.free_native(handle))
    }

    fn free_native(&self, handle: Handle) {
        let _rights = self.arena().rights();
        // Made by `handle_for_native`, and nobody else frees it.
        let freed = self.table.free(handle);
        debug_assert!(freed.is_ok_and(|word| word.as_native().is_some()));
    }

    /// Gives the memory of wholly free segments back, if at least `threshold` slots are free, and
    /// as many as a segment has: see [`Table::sweep`]. [`SWEEP_THRESHOLD`](Self::SWEEP_THRESHOLD)
    /// is a good one. Opens a write scope of its own.
    pub fn sweep(&self, threshold: u64) -> SweepReport {
        let _rights = self.arena().rights();
        self.table.sweep(threshold)
    }

    /// Calls `f` with every handle that has an entry, and the entry, in ascending order, while the
    /// world is stopped: see [`Table::for_each_live`].
    ///
    /// # Panics
    ///
    /// As there.
    pub fn for_each(&self, mut f: impl FnMut(Handle, CodePointer)) {
        let _rights = self.arena().rights();
        self.table.for_each_live(|handle, word| {
            if let Some(entry) = word.read() {
                f(handle, entry);
            }
        });
    }

    /// Counts, exact at one moment: see [`Table::stats`]. Read-only slots count as handed out.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.table.stats()
    }

    /// Holds the table against its invariants: see [`Table::audit`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn audit(&self) -> Result<Audit, Violation> {
        let _rights = self.arena().rights();
        self.table.audit()
    }

    /// What protects this table.
    #[must_use]
    pub fn protection(&self) -> Protection {
        self.arena().protection()
    }

    /// What generated code has to know.
    #[must_use]
    pub fn recipe(&self) -> Recipe {
        Recipe { base: self.table.base().expose_provenance(), mask: self.table.capacity() }
    }

    /// The greatest number that can be a handle: 2^n - 1.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.table.capacity()
    }

    /// How many bytes of addresses are reserved, from the recipe's base on.
    #[must_use]
    pub fn reserved_bytes(&self) -> usize {
        self.table.reserved_bytes()
    }

    /// Takes the table down, and says whether anything was still handed out, native functions and
    /// read-only entries apart.
    ///
    /// # Errors
    ///
    /// [`Leak`], with the number of slots that were not given back.
    pub fn close(self) -> Result<(), Leak> {
        self.natives.take_down(|handle| self.free_native(handle));
        let (slots, unused) = self.read_only.counts();
        let stats = self.stats();
        let live = stats.live - (slots - unused);
        let uninitialized = stats.uninitialized - unused;
        if live + uninitialized == 0 { Ok(()) } else { Err(Leak { live, uninitialized }) }
    }

    /// Has the system refuse the next `count` segments, in a model.
    #[cfg(all(loom, feature = "loom"))]
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

    /// Takes the slots of the lowest segments out of the allocator and seals them. Nobody else has
    /// the table yet.
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
            // SAFETY: the word of a free slot is not expected.
            unsafe {
                ops::free_if(&self.table, handle, |w: u64| word::LIVE_BIT & w == 0 && w != 0)
            };
        }
        self.read_only = ReadOnly::new(segments, end);
        let bytes = self.arena().segment_bytes() * segments as usize;
        let refused = |code| AllocError::OutOfMemory { code, bytes };
        self.arena().seal_lowest(segments, true).map_err(refused)
    }
}

/// What a [`CodePointerTable`] is to be like. All its functions are `const`.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct CodePointerTableBuilder {
    table: Builder<CodeWord>,
    index_bits: u32,
    protection: Option<Protection>,
    read_only_segments: u32,
}

impl CodePointerTableBuilder {
    /// Exactly 2^`bits` - 1 usable slots, 1 to 32 bits: of a handle, generated code uses so many.
    pub const fn index_bits(mut self, bits: u32) -> Self {
        self.index_bits = bits;
        self.table = self.table.capacity(capacity(bits));
        self
    }

    /// Up to 2^`bits` - 1 usable slots, 1 to 32 bits: half as many, and so on, where the system
    /// refuses addresses. Default: 32, which takes 32 GiB of addresses, and twice as many with a
    /// protection.
    pub const fn index_bits_at_most(mut self, bits: u32) -> Self {
        self.index_bits = bits;
        self.table = self.table.capacity_at_most(capacity(bits));
        self
    }

    /// This protection and no other. Default: the strongest that there is.
    pub const fn protection(mut self, protection: Protection) -> Self {
        self.protection = Some(protection);
        self
    }

    /// Makes the lowest segments read-only: 64 KiB each, 8,192 entries but for handle 0.
    /// Default: none.
    pub const fn read_only_segments(mut self, segments: u32) -> Self {
        self.read_only_segments = segments;
        self
    }

    /// As [`Builder::stripes`].
    pub const fn stripes(mut self, stripes: usize) -> Self {
        self.table = self.table.stripes(stripes);
        self
    }

    /// As [`Builder::magazine_size`].
    pub const fn magazine_size(mut self, slots: usize) -> Self {
        self.table = self.table.magazine_size(slots);
        self
    }

    /// Segments of 2^`shift` slots, for models that need small ones.
    #[cfg(all(loom, feature = "loom"))]
    pub const fn segment_shift(mut self, shift: u32) -> Self {
        self.table = self.table.segment_shift(shift);
        self
    }

    /// Makes the table.
    ///
    /// # Errors
    ///
    /// [`BuildError::IndexBits`], [`BuildError::Protection`] if the one asked for is not there,
    /// [`BuildError::ReadOnly`] if there was no memory for the read-only segments, or as
    /// [`Builder::build`].
    pub fn build(&self) -> Result<CodePointerTable, BuildError> {
        if capacity(self.index_bits) == 0 {
            return Err(BuildError::IndexBits { asked: self.index_bits });
        }
        let protection = self.protection.unwrap_or_else(Protection::strongest);
        let table = self.table.protection(protection).build()?;
        let (read_only, natives) = (ReadOnly::new(0, 1), Natives::new());
        let mut table = CodePointerTable { table, read_only, natives };
        if self.read_only_segments > 0 {
            let asked = self.read_only_segments;
            table.set_aside(asked).map_err(|error| BuildError::ReadOnly { asked, error })?;
        }
        Ok(table)
    }
}

/// The greatest index of so many bits; 0 if there are no such tables.
const fn capacity(bits: u32) -> u32 {
    match bits {
        1..=32 => u32::MAX >> (32 - bits),
        _ => 0,
    }
}
