//! A mapping, which one arena has, or several share.

use core::ops::Deref;

use crate::sync::unmodelled::{Arc, try_arc};

/// A mapping of one arena, or of all that lease segments of it.
#[derive(Debug)]
pub(super) enum Holder<M> {
    One(M),
    All(Arc<M>),
}

impl<M> Holder<M> {
    /// Lets others have the mapping too. `None` if there is no memory.
    pub(super) fn shared(self) -> Option<Self> {
        match self {
            Self::One(mapping) => try_arc(mapping).map(Self::All),
            all => Some(all),
        }
    }

    /// The same mapping, if it is shared.
    pub(super) fn share(&self) -> Option<Self> {
        match self {
            Self::One(_) => None,
            Self::All(mapping) => Some(Self::All(mapping.clone())),
        }
    }
}

impl<M> Deref for Holder<M> {
    type Target = M;

    fn deref(&self) -> &M {
        match self {
            Self::One(mapping) => mapping,
            Self::All(mapping) => mapping,
        }
    }
}
