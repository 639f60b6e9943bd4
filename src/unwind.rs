//! What may be used after a panic.
//!
//! A caller's code runs before an operation begins or after it ends. In the calls that show entries
//! to a closure, it runs while the world is stopped, and a panic there resumes the world. So after
//! a panic tables and slabs are whole. A slab's values are as its caller left them.

use core::panic::{RefUnwindSafe, UnwindSafe};

use crate::code::CodePointerTable;
use crate::counted::{CountedPool, CountedSlab, Entry, OwnedEntry};
use crate::slab::{self, Clear, Guard, Pool, Slab};
use crate::table::{Mutator, Packed, Table};

macro_rules! whole {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<$($generics)*> UnwindSafe for $type {}
        impl<$($generics)*> RefUnwindSafe for $type {}
    )*};
}

whole! {
    [E: Packed] Table<E>;
    [E: Packed] Mutator<'_, E>;
    [T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] Slab<T, M>;
    [T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] slab::Mutator<'_, T, M>;
    [T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] Guard<'_, T, M>;
    [T: Clear + Default + Send + Sync + UnwindSafe + RefUnwindSafe + 'static] Pool<T>;
    [T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] CountedSlab<T, M>;
    [T: Clear + Default + Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] CountedPool<T, M>;
    [T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] Entry<'_, T, M>;
    [T: Send + Sync + UnwindSafe + RefUnwindSafe + 'static, M] OwnedEntry<T, M>;
    [] CodePointerTable;
}
