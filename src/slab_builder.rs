//! How a slab is made.

use core::fmt;
use core::marker::PhantomData;

use crate::error::BuildError;
use crate::key::GENERATION_MAX;
use crate::plan::Plan;
use crate::segment::SEGMENT_BYTES;
use crate::slab::Slab;
use crate::slab_core::Core;

/// What a [`Slab`] is to be like.
///
/// ```
/// let slab = slotarena::Slab::<u8>::builder().capacity(1_000).build()?;
/// assert_eq!(slab.capacity(), 1_000);
/// # Ok::<(), slotarena::BuildError>(())
/// ```
#[must_use]
pub struct SlabBuilder<T: Send + Sync + 'static, M = ()> {
    plan: Plan,
    last_generation: u32,
    slab: PhantomData<fn(M) -> (T, M)>,
}

impl<T: Send + Sync + 'static, M> SlabBuilder<T, M> {
    /// Exactly `values` at once, at least 1: their addresses are reserved, or
    /// [`build`](Self::build) fails.
    pub const fn capacity(mut self, values: u32) -> Self {
        self.plan.capacity = values;
        self.plan.step_down = false;
        self
    }

    /// Up to `values` at once, half as many, and so on, where the system refuses to reserve
    /// addresses for them. Default: `u32::MAX`, or as many as go into 64 GiB.
    pub const fn capacity_at_most(mut self, values: u32) -> Self {
        self.plan.capacity = values;
        self.plan.step_down = true;
        self
    }

    /// As [`Builder::stripes`](crate::Builder::stripes).
    pub const fn stripes(mut self, stripes: usize) -> Self {
        self.plan.stripes = stripes;
        self.plan.stripes_set = true;
        self
    }

    /// As [`Builder::magazine_size`](crate::Builder::magazine_size).
    pub const fn magazine_size(mut self, slots: usize) -> Self {
        self.plan.magazine_size = slots;
        self
    }

    /// Retires slots earlier: after this generation. For tests.
    #[doc(hidden)]
    pub const fn last_generation(mut self, generation: u32) -> Self {
        assert!(generation <= GENERATION_MAX);
        self.last_generation = generation;
        self
    }

    /// Segments of 2^`shift` slots, for models that need small ones.
    #[cfg(all(loom, feature = "loom"))]
    pub const fn segment_shift(mut self, shift: u32) -> Self {
        self.plan.segment_shift = Some(shift);
        self
    }

    /// Makes the slab: reserves the addresses, and commits nothing yet.
    ///
    /// # Errors
    ///
    /// A [`BuildError`] that names what was asked for and the limit, or the system's answer.
    pub fn build(&self) -> Result<Slab<T, M>, BuildError> {
        const { assert!(align_of::<T>() <= SEGMENT_BYTES, "an alignment above 64 KiB") };
        Ok(Slab::from_core(Core::new(self.plan.allocator()?, self.last_generation)))
    }
}

impl<T: Send + Sync + 'static> Slab<T> {
    /// A slab of as many values as the system grants addresses for, up to 2^32 - 1, or as many as
    /// go into 64 GiB.
    ///
    /// # Errors
    ///
    /// [`BuildError::Reserve`] if the system grants none.
    pub fn new() -> Result<Self, BuildError> {
        Self::builder().build()
    }
}

impl<T: Send + Sync + 'static, M> Slab<T, M> {
    /// What a slab is to be like. All its functions but `build` are `const`.
    pub const fn builder() -> SlabBuilder<T, M> {
        SlabBuilder { plan: Plan::new(), last_generation: GENERATION_MAX, slab: PhantomData }
    }
}

impl<T: Send + Sync + 'static, M> Clone for SlabBuilder<T, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static, M> Copy for SlabBuilder<T, M> {}

impl<T: Send + Sync + 'static, M> fmt::Debug for SlabBuilder<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SlabBuilder").field(&self.plan).finish()
    }
}
