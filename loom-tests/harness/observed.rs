//! The checker's atomics and locks, observed: a thread's history is the values that it has read.
//!
//! Under shuttle they also announce a thread's next step to the scheduler, and its result, so that
//! the scheduler can tell which steps commute. The step before a thread's first access, and its
//! end, are not announced: they concern no other thread.

// Undocumented items behave like the standard library's.
#![allow(missing_docs)]

use core::cell::RefCell;
use std::sync::{LockResult, TryLockError, TryLockResult};

use super::Ordering;
use super::checker::{self, sync as checked};
use announce::{access, number};

checker::thread_local! {
    #[allow(clippy::missing_const_for_thread_local)]
    static HISTORY: RefCell<Vec<u64>> = RefCell::new(Vec::new());
}

/// Returns what the calling thread has read since the last call, first to last.
pub fn history() -> Vec<u64> {
    HISTORY.with(|history| core::mem::take(&mut *history.borrow_mut()))
}

fn note(value: u64) {
    // Reads of a thread that ends concern no other thread.
    let _ = HISTORY.try_with(|history| history.borrow_mut().push(value));
}

/// Forgets the last value, which is not the one that the caller waits for.
pub(crate) fn forget_last() {
    HISTORY.with(|history| history.borrow_mut().pop());
}

std::thread_local! {
    /// Addresses that differ in every execution. All executions of a model run on one thread of
    /// the system.
    static NAMES: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The bits of an address in a word that has other bits too.
const ADDRESS: u64 = (1 << 48) - 1;

/// Has a number stand for this address in histories: how many were named before.
pub fn name(address: u64) {
    NAMES.with_borrow_mut(|names| names.push(address));
}

/// Forgets all names, at the end of an execution.
pub fn forget_names() {
    NAMES.take();
}

/// The form of a value in a history: whole, unless it is different in every execution.
trait Noted: Copy {
    fn noted(self) -> u64;
}

impl Noted for bool {
    fn noted(self) -> u64 {
        self.into()
    }
}

impl Noted for u32 {
    fn noted(self) -> u64 {
        self.into()
    }
}

impl Noted for u64 {
    fn noted(self) -> u64 {
        let is_it = |&name: &u64| name == self & ADDRESS;
        let name = NAMES.with_borrow(|names| names.iter().position(is_it));
        name.map_or(self, |number| self & !ADDRESS | number as u64)
    }
}

impl<T> Noted for *mut T {
    fn noted(self) -> u64 {
        (!self.is_null()).into()
    }
}

fn noted<T: Noted>(value: T) -> T {
    note(value.noted());
    value
}

macro_rules! atomic {
    ($name:ident $(<$parameter:ident>)?, $value:ty) => {
        // `pub` in a private module: named by an associated type of a public trait.
        #[derive(Debug)]
        pub struct $name $(<$parameter>)? {
            object: u32,
            inner: checked::atomic::$name $(<$parameter>)?,
        }

        impl $(<$parameter>)? $name $(<$parameter>)? {
            pub fn new(value: $value) -> Self {
                Self { object: number(), inner: checked::atomic::$name::new(value) }
            }

            pub fn load(&self, order: Ordering) -> $value {
                noted(access(self.object, false, || (self.inner.load(order), false)))
            }

            pub fn store(&self, value: $value, order: Ordering) {
                access(self.object, true, || (self.inner.store(value, order), true));
            }

            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                access(self.object, true, || {
                    let result = self.inner.compare_exchange(current, new, success, failure);
                    (result.map(noted).map_err(noted), result.is_ok())
                })
            }
        }
    };
}

macro_rules! read_modify_write {
    ($name:ident, $value:ty, $($method:ident)*) => {
        impl $name {
            $(
                pub fn $method(&self, value: $value, order: Ordering) -> $value {
                    // Adding 0 models a fence: a read, if all are in one order.
                    let writes = !(stringify!($method) == "fetch_add" && value == 0);
                    access(self.object, writes, || {
                        (noted(self.inner.$method(value, order)), writes)
                    })
                }
            )*
        }
    };
}

atomic!(AtomicBool, bool);
atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);
atomic!(AtomicPtr<T>, *mut T);
read_modify_write!(AtomicU32, u32, swap fetch_add fetch_max fetch_min);
read_modify_write!(AtomicU64, u64, swap fetch_add fetch_sub fetch_and fetch_or);

/// A lock. Each attempt to take it, and each release, is an access.
#[derive(Debug)]
pub struct Mutex<T> {
    object: u32,
    inner: checked::Mutex<T>,
}

/// The ownership of a lock, which its drop releases.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    object: u32,
    /// `Some` until the drop.
    inner: Option<checked::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self { object: number(), inner: checked::Mutex::new(value) }
    }

    fn guard<'a>(&'a self, inner: checked::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard { object: self.object, inner: Some(inner) }
    }

    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        // A model ends at a panic, so a lock is never found poisoned.
        access(self.object, true, || {
            let inner = self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            (Ok(self.guard(inner)), true)
        })
    }

    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        access(self.object, true, || match self.inner.try_lock() {
            Ok(inner) => (Ok(self.guard(inner)), true),
            Err(_) => (Err(TryLockError::WouldBlock), true),
        })
    }
}

impl<T> Mutex<T> {
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        access(self.object, true, || (drop(self.inner.take()), true));
    }
}

impl<T> core::ops::Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.inner.as_ref().expect("held until it is dropped")
    }
}

impl<T> core::ops::DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.inner.as_mut().expect("held until it is dropped")
    }
}

#[cfg(not(slotarena_shuttle))]
mod announce {
    /// Returns 0: loom knows the object of each access by itself.
    pub(super) fn number() -> u32 {
        0
    }

    pub(super) fn access<R>(_object: u32, _writes: bool, f: impl FnOnce() -> (R, bool)) -> R {
        f().0
    }
}

#[cfg(not(slotarena_shuttle))]
pub use loom::sync::Arc;

#[cfg(slotarena_shuttle)]
pub use announce::{Access, Arc, Done};

#[cfg(slotarena_shuttle)]
mod announce {
    use shuttle::current::{self, TaskId};

    /// A thread's next step: an access to an object that several threads may reach.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access {
        /// The object's number.
        pub object: u32,
        /// `true` if it may change the object.
        pub writes: bool,
    }

    /// The result of the access that a thread announced.
    #[derive(Clone, Copy, Debug)]
    pub struct Done {
        /// `true` if it changed the object.
        pub changed: bool,
    }

    /// Lets other threads go first, like shuttle's atomics and locks do. Shuttle has no time.
    fn switch() {
        shuttle::thread::sleep(core::time::Duration::ZERO);
    }

    /// Like the standard library's, but each clone and each drop is an access, since the last one
    /// drops the value.
    #[derive(Debug)]
    pub struct Arc<T> {
        object: u32,
        /// `Some` until the drop.
        inner: Option<std::sync::Arc<T>>,
    }

    impl<T> Arc<T> {
        pub fn new(value: T) -> Self {
            Self { object: number(), inner: Some(std::sync::Arc::new(value)) }
        }
    }

    impl<T> Clone for Arc<T> {
        fn clone(&self) -> Self {
            access(self.object, true, || {
                switch();
                (Self { object: self.object, inner: self.inner.clone() }, true)
            })
        }
    }

    impl<T> Drop for Arc<T> {
        fn drop(&mut self) {
            access(self.object, true, || {
                switch();
                (drop(self.inner.take()), true)
            });
        }
    }

    impl<T> core::ops::Deref for Arc<T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.inner.as_ref().expect("shared until it is dropped")
        }
    }

    /// The number of objects.
    #[derive(Clone, Copy, Debug)]
    struct Objects(u32);

    /// Returns a new object's number, the same in all executions that make the object after the
    /// same steps: shuttle forgets the labels at the end of each.
    pub(super) fn number() -> u32 {
        current::with_labels_for_task(TaskId::from(0), |labels| {
            let count = labels.get::<Objects>().map_or(0, |objects| objects.0);
            labels.insert(Objects(count + 1));
            count
        })
    }

    /// Announces an access, makes it, and announces its result: `f` also returns `true` if it
    /// changed the object. Other threads may go first at its beginning.
    pub(super) fn access<R>(object: u32, writes: bool, f: impl FnOnce() -> (R, bool)) -> R {
        let Some(task) = current::try_get_current_task() else {
            return f().0;
        };
        current::set_label_for_task(task, Access { object, writes });
        let (result, changed) = f();
        current::set_label_for_task(task, Done { changed });
        current::remove_label_for_task::<Access>(task);
        result
    }
}
