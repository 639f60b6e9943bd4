//! The functions that a slab and its mutator share, written once: a macro in their `impl`s.

/// What a slab and its mutator do. Both have `with`, which gives an owner's token, and `pin`.
macro_rules! operations {
    ($self:ident => $inner:expr) => {
        /// Inserts a value, and returns its key.
        ///
        /// Constant time, except that about each 64th call exchanges free slots with other
        /// participants or commits a segment. Lock-free; see [Progress](crate::Slab#progress).
        ///
        /// # Errors
        ///
        /// [`InsertError`], with the value, if the slab is full or the system refuses memory.
        #[inline(always)]
        pub fn insert(&$self, value: T) -> Result<Key<M>, InsertError<T>> {
            $self.with_value(
                value,
                |mut owner, value| owner.insert(value),
                |value, error| Err(InsertError::new(value, error.into())),
            )
        }

        /// Removes a value. Returns `false` if the key names none. Lock-free.
        ///
        /// Of several simultaneous removals, one succeeds. This call drops the value now, or it is
        /// dropped [later](crate::Slab#when-values-are-dropped).
        #[inline(always)]
        pub fn remove(&$self, key: Key<M>) -> bool {
            $self.with(|mut owner| owner.remove(key)).is_ok_and(|removed| removed == Some(true))
        }

        /// Removes a value, like [`remove`](Self::remove). Returns `false` if the key names none.
        ///
        /// # Errors
        ///
        /// [`OperationError`] if no operation could begin, as in a signal handler that interrupts
        /// another call on this slab. The value stays. [`remove`](Self::remove) returns `false`
        /// then.
        #[inline(always)]
        pub fn try_remove(&$self, key: Key<M>) -> Result<bool, OperationError> {
            $self.with(|mut owner| match owner.remove(key) {
                Some(removed) => Ok(removed),
                None => Err(owner.refusal()),
            })?
        }

        /// Removes a value, and returns it if no guard may see it. Does not wait for guards.
        ///
        /// Where other threads have guards at times, it costs a system call (`membarrier`) to know
        /// that none sees the value. [`remove`](Self::remove) is cheaper.
        ///
        /// # Errors
        ///
        /// [`TakeError::Absent`] if the key names no value. [`TakeError::Guarded`] if the call has
        /// removed the value, but a guard, maybe the caller's own, may see it.
        /// [`TakeError::Operation`] if no operation could begin. The value stays then.
        pub fn take(&$self, key: Key<M>) -> Result<T, TakeError> {
            $self.with(|mut owner| owner.take(key)).unwrap_or_else(|error| Err(error.into()))
        }

        /// Returns the value that a key names, with a guard of its own. Wait-free.
        ///
        /// For several values, and for the fastest reads, [`pin`](Self::pin) once.
        #[must_use]
        #[inline]
        pub fn get(&$self, key: Key<M>) -> Option<Ref<'_, T, M>> {
            Ref::new($self.pin(), key)
        }

        /// Returns `true` if the key names a value, which may be gone a moment later. Wait-free.
        #[must_use]
        #[inline]
        pub fn contains(&$self, key: Key<M>) -> bool {
            $inner.find(key).is_some()
        }

        /// Drops every removed value that no guard can see, of all participants. Returns the number
        /// that still wait.
        ///
        /// Blocks like [`Table::sweep`](crate::Table::sweep), if other participants have such
        /// values.
        pub fn flush(&$self) -> u64 {
            let _ = $self.with(|mut owner| owner.flush());
            $inner.waiting()
        }
    };
}
pub(crate) use operations;
