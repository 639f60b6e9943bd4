//! What can be chosen about a table or a slab, and the builder that chooses it.

use core::marker::PhantomData;

use super::allocator::Allocator;
use crate::arena::{Arena, Below, Memory, View};
use crate::bias::Bias;
#[cfg(not(model))]
use crate::bias::bytes_for;
use crate::bits::geometry::Geometry;
use crate::bits::key::GENERATION_MAX;
use crate::bits::word::Word;
use crate::error::BuildError;
use crate::freelist::{MAGAZINE_SIZE_MAX, OVERFLOW_MAX};
use crate::sys::{Answer, Protection, processors};

/// The most free lists that a table can have.
const STRIPES_MAX: usize = 1024;

/// By default an overflow holds at most this fraction of a table's slots.
const OVERFLOW_FRACTION: u32 = 64;

/// The most slots of a table for which no capacity was asked.
pub(crate) const DEFAULT_INDEX_BITS: u32 = if cfg!(model) { 5 } else { 28 };

/// The most bytes of addresses of such a table.
const DEFAULT_BYTES: usize = if cfg!(target_pointer_width = "64") { 1 << 32 } else { 1 << 29 };

/// The most slots of a table in a model whose segments are not chosen, and their size.
#[cfg(model)]
const MODEL: (u32, u32) = (31, 2);

/// The choices. [`Builder`] documents each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// `None` for what suits the size of a slot.
    pub(crate) capacity: Option<u32>,
    step_down: bool,
    /// `None` for one a processor.
    stripes: Option<usize>,
    magazine_size: usize,
    /// `None` for what suits the capacity.
    overflow: Option<usize>,
    segment_shift: Option<u32>,
    #[cfg(model)]
    page_shift: Option<u32>,
    /// `false` if every change of a live word is to be a compare-and-swap.
    bias: bool,
    /// In a model: the ranges whose bias is revoked one by one, if any is biased, and the sequences
    /// that are interrupted.
    #[cfg(model)]
    biased: Option<[u32; 2]>,
    /// `true` if the slots lie in allocated memory where there are few.
    may_be_small: bool,
    /// Of a code pointer table.
    pub(crate) index_bits: u32,
    /// Of a code pointer table; `None` for the strongest.
    pub(crate) protection: Option<Protection>,
    /// Of a code pointer table.
    pub(crate) read_only_segments: u32,
    /// Of a slab.
    pub(crate) last_generation: u32,
    /// Of a pool.
    pub(crate) spare: usize,
    /// Of a counted slab or pool: `true` if it gives back memory by itself.
    pub(crate) trims: bool,
}

impl Config {
    const fn new() -> Self {
        Self {
            capacity: None,
            step_down: true,
            // A model stays small by itself.
            stripes: if cfg!(model) { Some(1) } else { None },
            magazine_size: if cfg!(model) { 1 } else { 64 },
            overflow: None,
            segment_shift: None,
            #[cfg(model)]
            page_shift: None,
            bias: true,
            #[cfg(model)]
            biased: None,
            may_be_small: false,
            index_bits: DEFAULT_INDEX_BITS,
            protection: None,
            read_only_segments: 0,
            last_generation: GENERATION_MAX,
            spare: 1024,
            trims: false,
        }
    }

    /// The same, for words that also change outside of operations: without a bias.
    pub(crate) const fn without_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    /// The same, for a table of which the program sees no address: few slots need no pages.
    pub(crate) const fn small_if_few(mut self) -> Self {
        self.may_be_small = true;
        self
    }

    /// Reserves the addresses, and commits nothing yet. With a protection, a thread that touches
    /// the slots needs rights (Invariant 13).
    pub(crate) fn allocator<W: Word>(
        &self,
        protection: Protection,
    ) -> Result<Allocator<W>, BuildError> {
        self.over(self.arena(protection)?)
    }

    /// Checks the choices, and reserves the addresses.
    pub(crate) fn arena<W: Word>(&self, protection: Protection) -> Result<Arena<W>, BuildError> {
        let slots = (DEFAULT_BYTES / Memory::<W>::SLOT_BYTES).min(1 << DEFAULT_INDEX_BITS);
        let capacity = self.capacity.unwrap_or(View::<W>::within(slots as u32) - 1);
        if capacity == 0 {
            return Err(BuildError::ZeroCapacity);
        }
        let is_right = |&stripes: &usize| stripes.is_power_of_two() && stripes <= STRIPES_MAX;
        if let Some(asked) = self.stripes.filter(|stripes| !is_right(stripes)) {
            return Err(BuildError::Stripes { asked, limit: STRIPES_MAX });
        }
        let (asked, limit) = (self.magazine_size, MAGAZINE_SIZE_MAX);
        if asked == 0 || asked > limit {
            return Err(BuildError::MagazineSize { asked, limit });
        }
        if let Some(asked) = self.overflow.filter(|&slots| slots > OVERFLOW_MAX) {
            return Err(BuildError::Overflow { asked, limit: OVERFLOW_MAX });
        }
        let natural = Geometry::shift_for(Memory::<W>::SLOT_BYTES);
        #[cfg(model)]
        let (capacity, natural) = match self.segment_shift {
            Some(_) => (capacity, natural),
            None => (capacity.min(MODEL.0), MODEL.1),
        };
        let shift = self.segment_shift.unwrap_or(natural);
        let asked = protection;
        match protection.ask() {
            Answer::Granted => {}
            Answer::Lacking => return Err(BuildError::Protection { asked }),
            Answer::Refused(code) => return Err(BuildError::ProtectionRefused { asked, code }),
        }
        let below = self.below::<W>(protection);
        Arena::new(capacity, self.step_down, shift, protection, below, self.may_be_small)
    }

    /// The number of free lists of a table with this capacity.
    fn stripes(&self, capacity: u32) -> usize {
        self.stripes.unwrap_or_else(|| match capacity as usize / self.magazine_size {
            // One suffices, however many processors there are.
            0 | 1 => 1,
            magazines => default_stripes().min(magazines.next_power_of_two()),
        })
    }

    /// Makes an allocator over an arena of these choices.
    pub(crate) fn over<W: Word>(&self, arena: Arena<W>) -> Result<Allocator<W>, BuildError> {
        #[cfg(model)]
        let arena = arena.with_page_shift(self.page_shift);
        let capacity = arena.geometry().capacity();
        let fraction = (capacity / OVERFLOW_FRACTION) as usize;
        let overflow = self.overflow.unwrap_or(fraction.min(OVERFLOW_MAX)) as u32;
        let bias = self.bias(&arena);
        Allocator::new(arena, bias, self.stripes(capacity), self.magazine_size as u32, overflow)
            .ok_or(BuildError::OutOfMemory)
    }
}

#[cfg(not(model))]
impl Config {
    /// What is kept below slot 0: the words of the ranges, where there is a bias. A protected
    /// table has none, since its participants write through another address.
    fn below<W: Word>(&self, protection: Protection) -> Below {
        let has_bias = self.bias
            && protection == Protection::None
            && size_of::<W>() == size_of::<u64>()
            && Bias::is_available();
        if has_bias { bytes_for } else { |_| 0 }
    }

    fn bias<W: Word>(&self, arena: &Arena<W>) -> Bias {
        let end = arena.has_below().then(|| arena.write_base().cast());
        // SAFETY: the words of the ranges lie below slot 0. They read as zeros, and those of the
        // ranges of committed segments are writable. The table has both.
        unsafe { Bias::new(end) }
    }
}

#[cfg(model)]
impl Config {
    fn below<W: Word>(&self, _: Protection) -> Below {
        |_| 0
    }

    fn bias<W: Word>(&self, arena: &Arena<W>) -> Bias {
        let slots = arena.geometry().capacity() + 1;
        match self.biased.filter(|_| self.bias) {
            Some(numbers) => Bias::new(slots, numbers),
            None => Bias::new(0, [0; 2]),
        }
    }
}

/// Returns the number of processors, rounded up to a power of two, at most 64.
fn default_stripes() -> usize {
    processors().next_power_of_two().min(64)
}

/// Builds a `T`: a [`Table`](crate::Table), [`UniqueTable`](crate::UniqueTable),
/// [`Slab`](crate::Slab), [`Pool`](crate::Pool), or [`CodePointerTable`](crate::CodePointerTable).
///
/// `T::builder()` makes one. All functions but `build` are `const`, for a table in a `static`.
///
/// ```
/// let table = slotarena::Table::<u64>::builder()
///     .capacity(1_000_000)
///     .stripes(4)
///     .magazine_size(128)
///     .build()?;
/// assert_eq!(table.capacity(), 1_000_000);
///
/// let slab = slotarena::Slab::<String>::builder().capacity(1_000).build()?;
/// assert_eq!(slab.capacity(), 1_000);
/// # Ok::<(), slotarena::BuildError>(())
/// ```
#[must_use]
pub struct Builder<T> {
    pub(crate) config: Config,
    target: PhantomData<fn() -> T>,
}

impl<T> Builder<T> {
    pub(crate) const fn new() -> Self {
        Self { config: Config::new(), target: PhantomData }
    }

    /// Asks for exactly `slots` usable slots, at least 1. `build` fails where the system refuses to
    /// reserve addresses for them: on 64-bit Unixes for a power of two, so up to twice as many. A
    /// slab or pool whose slots take 4 KiB or less needs none: they are allocated with it.
    pub const fn capacity(mut self, slots: u32) -> Self {
        self.config.capacity = Some(slots);
        self.config.step_down = false;
        self
    }

    /// Asks for up to `slots` usable slots, at least 1.
    ///
    /// Where the system refuses to reserve addresses for them, `build` tries half as many, and so
    /// on. After a refusal it takes no more than half of what the system would grant, so that the
    /// rest of the process has addresses too.
    ///
    /// Default: 268,435,455 (2^28 - 1), or as many as have room in 4 GiB of addresses, of which a
    /// power of two is [reserved](Self::capacity). That is 2 GiB for one-word entries. So a process
    /// can have 10,000 tables of the default size. `u32::MAX` asks for one slot for each handle:
    /// 32 GiB of addresses for one-word entries, 64 GiB for two-word ones. With a
    /// [`bias`](Self::bias) there are 8 bytes more for each 64 slots. A slab takes at most 64 GiB.
    /// In a model (`--cfg loom`), a table has at most 31 slots.
    pub const fn capacity_at_most(mut self, slots: u32) -> Self {
        self.config.capacity = Some(slots);
        self.config.step_down = true;
        self
    }

    /// Sets the number of shared free lists, a power of two up to 1,024.
    ///
    /// More lists mean less contention between threads that exchange slots, and free slots that lie
    /// further apart. Default: the number of processors, rounded up to a power of two, at most 64,
    /// and no more than the slots fill [magazines](Self::magazine_size).
    pub const fn stripes(mut self, stripes: usize) -> Self {
        self.config.stripes = Some(stripes);
        self
    }

    /// Sets the number of free slots that a participant takes or gives at once, 1 to 256.
    ///
    /// A participant's local store holds up to twice as many. Other participants get those only
    /// when the table is full, or by a sweep. Default: 64.
    pub const fn magazine_size(mut self, slots: usize) -> Self {
        self.config.magazine_size = slots;
        self
    }

    /// Sets the number of free slots that a local store may keep beyond two magazines, up to 8,192.
    ///
    /// A participant whose demand oscillates by more than two magazines keeps the overflow, instead
    /// of exchanging it with a shared list. Its limit doubles each time that slots have gone to a
    /// shared list and come back. A sweep empties it. A participant that has only allocated may
    /// also keep a fresh segment, if that has at most a quarter of the slots that it has allocated.
    /// 0 turns both off. Default: a 64th of the capacity, 8,192 at most.
    pub const fn overflow(mut self, slots: usize) -> Self {
        self.config.overflow = Some(slots);
        self
    }

    /// Sets whether live words may change without a locked instruction. Default: `true`.
    ///
    /// Where Linux has restartable sequences, each range of 64 slots is *biased* toward one
    /// participant, for which a free costs no compare-and-swap. A participant that changes another
    /// one's range first revokes that, by a system call, about 5 times between two sweeps. A
    /// table in which threads mostly free each other's slots can save these calls by `false`. On
    /// AMD Zen 3, where a compare-and-swap costs no more than a sequence, any table can.
    ///
    /// Where the system grants the barrier for a revocation and refuses it later, and its
    /// substitute too, a free, a set, or a removal in another participant's range is an error. It
    /// is like that for a dead handle, and changes nothing. Two-word entries, protected tables, and
    /// slabs that count references have no bias.
    pub const fn bias(mut self, bias: bool) -> Self {
        self.config.bias = bias;
        self
    }

    /// Makes the ranges of a model biased. The bias of `revocations` of them is revoked one by one
    /// in each epoch: 0, or more than there are. The first so many sequences are interrupted.
    #[cfg(model)]
    pub const fn biased(mut self, revocations: u32, interruptions: u32) -> Self {
        self.config.biased = Some([revocations, interruptions]);
        self
    }

    /// Sets segments of 2^`shift` slots, for models that need small ones.
    #[cfg(model)]
    pub const fn segment_shift(mut self, shift: u32) -> Self {
        self.config.segment_shift = Some(shift);
        self
    }

    /// Makes sweeps purge pages of 2^`shift` slots, for models of that.
    #[cfg(model)]
    pub const fn page_shift(mut self, shift: u32) -> Self {
        self.config.page_shift = Some(shift);
        self
    }
}

copy!([T] Builder<T>);
fmt!([T] Debug for Builder<T>, |this, f| f.debug_tuple("Builder").field(&this.config).finish());
