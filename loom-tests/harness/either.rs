//! Loom's atomics, cells, and locks inside a model, and the real ones outside. `src/sync` includes
//! it.
//!
//! A crate whose tests are compiled with `--cfg loom` also has tests that run no model. Loom's
//! types panic there. Each value here is of the kind that suits the place where it is made.

use core::ops::{Deref, DerefMut};
use core::sync::atomic as native;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use Either::{Model, Native};
use loom::sync::atomic as model;

use super::native_cell;

/// Returns `true` inside a model, whose threads loom runs as generators.
pub(crate) fn is_inside() -> bool {
    generator::is_generator()
}

#[derive(Debug)]
pub enum Either<M, N> {
    Model(M),
    Native(N),
}

/// Makes the variant that suits the place.
macro_rules! either {
    ($model:expr, $native:expr) => {
        if is_inside() { Model($model) } else { Native($native) }
    };
}

/// Calls a method of the variant.
macro_rules! each {
    ($either:expr, $value:ident => $call:expr) => {
        match $either {
            Model($value) => $call,
            Native($value) => $call,
        }
    };
}

/// Forwards methods to the variant.
macro_rules! forward {
    ($of:ty, $($method:ident($($name:ident: $type:ty),*) -> $result:ty;)*) => {
        $(
            #[track_caller]
            #[allow(dead_code)]
            pub fn $method(&self, $($name: $type),*) -> $result {
                each!(&self.0, atomic => atomic.$method($($name),*))
            }
        )*
    };
}

macro_rules! atomic {
    ([$($of:ident)?] $name:ident, $value:ty, { $($more:tt)* }) => {
        // `pub` in a private module: named by an associated type of a public trait.
        #[derive(Debug)]
        pub struct $name$(<$of>)?(Either<model::$name$(<$of>)?, native::$name$(<$of>)?>);

        impl$(<$of>)? $name$(<$of>)? {
            #[track_caller]
            pub(crate) fn new(value: $value) -> Self {
                Self(either!(model::$name::new(value), native::$name::new(value)))
            }

            forward! { $name,
                load(order: native::Ordering) -> $value;
                store(value: $value, order: native::Ordering) -> ();
                swap(value: $value, order: native::Ordering) -> $value;
                compare_exchange(
                    current: $value,
                    new: $value,
                    success: native::Ordering,
                    failure: native::Ordering
                ) -> Result<$value, $value>;
                $($more)*
            }
        }
    };
}

atomic!([T] AtomicPtr, *mut T, {});
atomic!([] AtomicBool, bool, {});
atomic!([] AtomicU32, u32, {
    fetch_add(value: u32, order: native::Ordering) -> u32;
    fetch_sub(value: u32, order: native::Ordering) -> u32;
    fetch_max(value: u32, order: native::Ordering) -> u32;
});
atomic!([] AtomicU64, u64, {
    fetch_add(value: u64, order: native::Ordering) -> u64;
    fetch_sub(value: u64, order: native::Ordering) -> u64;
    fetch_or(value: u64, order: native::Ordering) -> u64;
    fetch_and(value: u64, order: native::Ordering) -> u64;
    fetch_max(value: u64, order: native::Ordering) -> u64;
});

/// A cell whose content is reached through closures.
#[derive(Debug)]
pub(crate) struct UnsafeCell<T>(Either<loom::cell::UnsafeCell<T>, native_cell::UnsafeCell<T>>);

impl<T> UnsafeCell<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        Self(either!(loom::cell::UnsafeCell::new(value), native_cell::UnsafeCell::new(value)))
    }

    #[track_caller]
    pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        each!(&self.0, cell => cell.with(f))
    }

    #[track_caller]
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        each!(&self.0, cell => cell.with_mut(f))
    }
}

#[derive(Debug)]
pub(crate) struct Mutex<T>(Either<loom::sync::Mutex<T>, std::sync::Mutex<T>>);

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T>(
    Either<loom::sync::MutexGuard<'a, T>, std::sync::MutexGuard<'a, T>>,
);

impl<T> Mutex<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        Self(either!(loom::sync::Mutex::new(value), std::sync::Mutex::new(value)))
    }

    #[track_caller]
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        match &self.0 {
            Model(mutex) => mutex
                .lock()
                .map(|guard| MutexGuard(Model(guard)))
                .map_err(|poisoned| PoisonError::new(MutexGuard(Model(poisoned.into_inner())))),
            Native(mutex) => mutex
                .lock()
                .map(|guard| MutexGuard(Native(guard)))
                .map_err(|poisoned| PoisonError::new(MutexGuard(Native(poisoned.into_inner())))),
        }
    }

    #[track_caller]
    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let guard = match &self.0 {
            Model(mutex) => mutex.try_lock().ok().map(|guard| MutexGuard(Model(guard))),
            Native(mutex) => mutex.try_lock().ok().map(|guard| MutexGuard(Native(guard))),
        };
        guard.ok_or(TryLockError::WouldBlock)
    }

    pub(crate) fn get_mut(&mut self) -> LockResult<&mut T> {
        each!(&mut self.0, mutex => mutex.get_mut())
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        each!(&self.0, guard => guard)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        each!(&mut self.0, guard => guard)
    }
}

#[derive(Debug)]
pub(crate) struct Arc<T>(Either<loom::sync::Arc<T>, std::sync::Arc<T>>);

impl<T> Arc<T> {
    #[track_caller]
    pub(crate) fn new(value: T) -> Self {
        Self(either!(loom::sync::Arc::new(value), std::sync::Arc::new(value)))
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Model(arc) => Model(arc.clone()),
            Native(arc) => Native(arc.clone()),
        })
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        each!(&self.0, arc => arc)
    }
}

/// A thread-local of each kind.
pub(crate) struct LocalKey<T: 'static> {
    pub(crate) model: &'static loom::thread::LocalKey<T>,
    pub(crate) native: &'static std::thread::LocalKey<T>,
}

impl<T: 'static> LocalKey<T> {
    pub(crate) fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, ()> {
        if is_inside() {
            self.model.try_with(f).map_err(drop)
        } else {
            self.native.try_with(f).map_err(drop)
        }
    }
}

macro_rules! either_local {
    ($(#[$attribute:meta])* static $name:ident: $type:ty = $init:expr;) => {
        $(#[$attribute])*
        static $name: $crate::sync::LocalKey<$type> = {
            loom::thread_local!(static MODEL: $type = $init);
            std::thread_local!(static NATIVE: $type = $init);
            $crate::sync::LocalKey { model: &MODEL, native: &NATIVE }
        };
    };
}
pub(crate) use either_local;

/// Lets other threads run.
pub(crate) fn yield_now() {
    if is_inside() {
        loom::thread::yield_now();
    } else {
        std::thread::yield_now();
    }
}
