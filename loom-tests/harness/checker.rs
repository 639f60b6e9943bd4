//! The checker: loom, or with `--cfg slotarena_shuttle` the search of `scheduler` on shuttle.
//! Models name it as `crate::harness::checker::…`, and run on either.

pub use imp::*;

/// A search, which runs a function once for each execution.
pub type Search = fn(Box<dyn Fn() + Sync + Send>);

#[cfg(not(slotarena_shuttle))]
mod imp {
    pub use loom::{cell, thread};

    pub mod sync {
        pub use loom::sync::Arc;

        pub mod atomic {
            #[cfg(not(slotarena_observed))]
            pub use loom::sync::atomic::AtomicU32;
            #[cfg(slotarena_observed)]
            pub use slotarena::observed::AtomicU32;
            pub use std::sync::atomic::Ordering;
        }
    }

    /// Loom has no complete search.
    pub const EXPLORE_ALL: Option<super::Search> = None;

    /// Returns the preemptions that a model's bound allows.
    pub fn bound(preemptions: usize) -> usize {
        preemptions
    }

    /// Runs `f` in every interleaving, or in those with at most `preemptions` preemptions.
    pub fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = preemptions;
        builder.max_branches = 10_000;
        builder.max_duration = None;
        builder.max_permutations = None;
        builder.log = false;
        builder.check(f);
    }
}

#[cfg(slotarena_shuttle)]
mod imp {
    use shuttle::scheduler::DfsScheduler;
    use shuttle::{Config, FailurePersistence, Runner};

    use crate::harness::scheduler::Exhaustive;

    pub use shuttle::thread;

    pub mod sync {
        pub use slotarena::observed::Arc;

        pub mod atomic {
            pub use slotarena::observed::AtomicU32;
            pub use std::sync::atomic::Ordering;
        }
    }

    pub mod cell {
        /// A cell with unchecked accesses. Loom checks them.
        pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

        impl<T> UnsafeCell<T> {
            pub fn new(value: T) -> Self {
                Self(std::cell::UnsafeCell::new(value))
            }

            pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
                f(self.0.get())
            }

            pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
                f(self.0.get())
            }
        }
    }

    fn config() -> Config {
        let mut config = Config::new();
        config.stack_size = 1 << 18;
        config.failure_persistence = FailurePersistence::None;
        config.silence_warnings = true;
        config
    }

    /// Returns one preemption less than on loom.
    ///
    /// Loom explores one of several executions that differ only in the order of independent steps.
    /// That one may have more preemptions than the others.
    pub fn bound(preemptions: usize) -> usize {
        preemptions.saturating_sub(1)
    }

    /// Runs `f` in every interleaving, or in those with at most `preemptions` preemptions.
    pub fn explore(preemptions: Option<usize>, f: impl Fn() + Sync + Send + 'static) {
        Runner::new(Exhaustive::new(preemptions), config()).run(f);
    }

    /// Runs `f` in every order of all steps, by shuttle's own search.
    pub const EXPLORE_ALL: Option<super::Search> = Some(|f| {
        Runner::new(DfsScheduler::new(None, false), config()).run(f);
    });
}
