//! How a table is made.

use core::marker::PhantomData;

use crate::entry::Entry;
use crate::error::BuildError;
use crate::plan::Plan;
use crate::protection::Protection;
use crate::table::Table;

/// What a [`Table`] is to be like. All its functions are `const`, for tables in a `static`.
///
/// ```
/// let table = slotarena::Table::<u64>::builder()
///     .capacity(1_000_000)
///     .stripes(4)
///     .magazine_size(128)
///     .build()?;
/// assert_eq!(table.capacity(), 1_000_000);
/// # Ok::<(), slotarena::BuildError>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Builder<E: Entry> {
    plan: Plan,
    entry: PhantomData<fn() -> E>,
}

impl<E: Entry> Table<E> {
    /// What a table is to be like.
    pub const fn builder() -> Builder<E> {
        Builder::new()
    }

    /// A table with as many slots as the system grants addresses for, up to 2^32 - 1.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }
}

impl<E: Entry> Builder<E> {
    const fn new() -> Self {
        Self { plan: Plan::new(), entry: PhantomData }
    }

    /// Exactly `slots` usable slots, at least 1: their addresses are reserved, or
    /// [`build`](Self::build) fails.
    pub const fn capacity(mut self, slots: u32) -> Self {
        self.plan.capacity = slots;
        self.plan.step_down = false;
        self
    }

    /// Up to `slots` usable slots, at least 1: half as many, and so on, where the system refuses
    /// to reserve addresses for them. After a refusal the table takes no more than half of what
    /// the system would grant, so that the rest of the process has addresses too. Default:
    /// `u32::MAX`, which is every handle there is, in 32 GiB of addresses for one-word entries
    /// and 64 GiB for two-word ones.
    pub const fn capacity_at_most(mut self, slots: u32) -> Self {
        self.plan.capacity = slots;
        self.plan.step_down = true;
        self
    }

    /// How many shared chains there are, a power of two up to 1,024. More of them means less
    /// contention between threads that exchange slots, and free slots that lie further apart.
    /// Default: the number of processors, rounded up to a power of two, at most 64.
    pub const fn stripes(mut self, stripes: usize) -> Self {
        self.plan.stripes = stripes;
        self.plan.stripes_set = true;
        self
    }

    /// How many free slots a participant takes or gives at once, 1 to 256. It holds up to twice
    /// as many, which others get only when the table is full, or by a sweep. Default: 64.
    pub const fn magazine_size(mut self, slots: usize) -> Self {
        self.plan.magazine_size = slots;
        self
    }

    /// How many more free slots a participant may hold, up to 8,192, if it takes and gives more
    /// of them by turns than two magazines hold. The stash grows to twice its size each time that
    /// slots have gone to the others and come back, and a sweep does away with it. With a stash a
    /// participant that has taken slots only, and the table has to grow, may keep the new segments
    /// to itself, if they have at most a quarter of the slots that it has taken. 0 for neither.
    /// Default: a 64th of the capacity, 8,192 at most.
    pub const fn stash(mut self, slots: usize) -> Self {
        self.plan.stash = Some(slots);
        self
    }

    /// Segments of 2^`shift` slots, for models that need small ones.
    #[cfg(all(loom, feature = "loom"))]
    pub const fn segment_shift(mut self, shift: u32) -> Self {
        self.plan.segment_shift = Some(shift);
        self
    }

    /// Has pages of 2^`shift` slots given back inside segments, for models of that.
    #[cfg(all(loom, feature = "loom"))]
    pub const fn page_shift(mut self, shift: u32) -> Self {
        self.plan.page_shift = Some(shift);
        self
    }

    /// Protects the slots. Whoever touches them then needs rights (Invariant 13), which a plain
    /// table does not open.
    pub(crate) const fn protection(mut self, protection: Protection) -> Self {
        self.plan.protection = protection;
        self
    }

    /// Makes the table: reserves the addresses, and commits nothing yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names what was asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Table<E>, BuildError> {
        Ok(Table::from_allocator(self.plan.allocator()?))
    }
}

impl<E: Entry> Clone for Builder<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E: Entry> Copy for Builder<E> {}
