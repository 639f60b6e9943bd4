//! What can be chosen about a slab.

/// The options of a slab or pool. [The front page](crate) says which are kept.
pub trait Config: Sized {
    /// Means nothing: there is no limit on threads.
    const MAX_THREADS: usize = DefaultConfig::MAX_THREADS;
    /// Means nothing.
    const MAX_PAGES: usize = DefaultConfig::MAX_PAGES;
    /// Means nothing.
    const INITIAL_PAGE_SIZE: usize = DefaultConfig::INITIAL_PAGE_SIZE;
    /// The number of the highest bits of a key that are always 0, for the program's own use. At
    /// most 31, since a key has at least one bit of a generation.
    const RESERVED_BITS: usize = 0;
}

/// The default options.
#[derive(Clone, Copy, Default, Debug)]
pub struct DefaultConfig {
    _private: (),
}

impl Config for DefaultConfig {
    const MAX_THREADS: usize = 4096;
    const MAX_PAGES: usize = 32;
    const INITIAL_PAGE_SIZE: usize = 32;
}

/// The bits of a key that may be set.
pub(crate) const fn used_bits<C: Config>() -> usize {
    64 - if C::RESERVED_BITS == 0 { 1 } else { C::RESERVED_BITS }
}
