//! The slab, through its public interface.
#![cfg(not(all(loom, feature = "loom")))]

mod basics;
