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
        /// [`InsertError`], with the value, if the slab is full, if the system refuses memory, or
        /// if no operation could begin.
        #[inline(always)]
        pub fn insert(&$self, value: T) -> Result<Key<M>, InsertError<T>> {
            // SAFETY: for one insertion.
            match unsafe { $self.last() } {
                Some(mut owner) => owner.insert(value),
                None => $self.insert_slow(value),
            }
        }

        #[cold]
        #[inline(never)]
        fn insert_slow(&$self, value: T) -> Result<Key<M>, InsertError<T>> {
            $self.with_value(
                value,
                |mut owner, value| owner.insert(value),
                |value, error| Err(InsertError::new(value, error.into())),
            )
        }

        /// Removes a value. Returns `false` if the key names none, or if no operation could begin.
        /// Lock-free.
        ///
        /// Of several simultaneous removals, one succeeds. This call drops the value now, or it is
        /// dropped [later](crate::Slab#when-values-are-dropped).
        #[inline(always)]
        pub fn remove(&$self, key: Key<M>) -> bool {
            // SAFETY: for one removal.
            match unsafe { $self.last() } {
                Some(mut owner) => owner.remove(key) == Some(true),
                None => $self.try_remove(key) == Ok(true),
            }
        }

        /// Removes a value, like [`remove`](Self::remove). Returns `false` if the key names none.
        ///
        /// # Errors
        ///
        /// [`OperationError`] if no operation could begin, as in a signal handler that interrupts
        /// another call on this slab. The value stays.
        #[inline(never)]
        pub fn try_remove(&$self, key: Key<M>) -> Result<bool, OperationError> {
            $self.with(|mut owner| match owner.remove(key) {
                Some(removed) => Ok(removed),
                None => Err(owner.refusal()),
            })?
        }

        /// Removes a value, and returns it if no guard may see it. Does not wait for guards.
        ///
        /// A guard may see what was inserted before it began, or after it in the same *era*. An era
        /// ends with each call that a guard delays, so of values that are inserted and taken beside
        /// a guard the first is dropped later, and those that follow are returned.
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
            $self.with(|mut owner| owner.take(key, false)).unwrap_or_else(|error| Err(error.into()))
        }

        /// Removes a value, waits until no guard may see it, and returns it. Guards that begin
        /// later are not waited for.
        ///
        /// Blocks forever if the caller has a guard by another participant, such as its thread's
        /// own beside a mutator's.
        ///
        /// # Errors
        ///
        /// [`TakeError::Absent`] if the key names no value. [`TakeError::OwnGuard`] if the caller
        /// would wait for its own guard, and [`TakeError::Operation`] if no operation could begin.
        /// The value stays then.
        pub fn take_wait(&$self, key: Key<M>) -> Result<T, TakeError> {
            $self.with(|mut owner| owner.take(key, true)).unwrap_or_else(|error| Err(error.into()))
        }

        /// Returns the value that a key names, with a guard of its own. Wait-free.
        ///
        /// For several values, and for the fastest reads, [`pin`](Self::pin) once.
        ///
        /// # Panics
        ///
        /// If [`pin`](Self::pin) does.
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

        /// Returns the key of the value in the slot with this index, if there is one. Wait-free.
        /// [`Key::index`] is the inverse.
        ///
        /// ```
        /// let slab = slotarena::Slab::<&str>::builder().capacity(100).build()?;
        /// let key = slab.insert("a")?;
        /// assert_eq!(slab.key_at(key.index()), Some(key));
        /// assert!(slab.remove(key));
        /// assert_eq!(slab.key_at(key.index()), None);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        #[must_use]
        pub fn key_at(&$self, index: u32) -> Option<Key<M>> {
            $inner.key_at(index)
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

/// What slabs and pools have in common: a default, and how many generations their slots have.
macro_rules! generations {
    ([$($of:tt)*] $type:ty) => {
        impl<$($of)*> Default for $type {
            /// Builds one with the default options.
            ///
            /// # Panics
            ///
            /// If the system refuses the addresses, with the [`BuildError`](crate::BuildError).
            fn default() -> Self {
                let built = Self::builder().build();
                built.unwrap_or_else(|error| panic!("slotarena: nothing built: {error}"))
            }
        }

        impl<$($of)*> Builder<$type> {
            /// Keeps the `bits` highest bits of each key's number clear, for the program's own use.
            /// Default: 1.
            ///
            /// So many bits less are left for the generation: a slot is exhausted after about
            /// 2^(32 - `bits`) values, and not used again.
            ///
            /// ```
            /// use slotarena::{Key, Slab};
            ///
            /// let slab = Slab::<&str>::builder().capacity(100).reserved_bits(8).build()?;
            /// let key = slab.insert("a")?;
            /// let tagged = key.to_raw() | 0xab << 56;
            /// let own = Key::from_raw(tagged & !(0xff << 56)).expect("a key");
            /// assert_eq!(*slab.get(own).expect("live"), "a");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            ///
            /// # Panics
            ///
            /// If `bits` is above 31.
            pub const fn reserved_bits(self, bits: u32) -> Self {
                assert!(bits < 32, "slotarena: at least one bit of a key is its generation's");
                let (last, most) = (u32::MAX >> bits, $crate::bits::key::GENERATION_MAX);
                self.last_generation(if last < most { last } else { most })
            }

            /// Exhausts slots after this generation. For tests.
            ///
            /// # Panics
            ///
            /// If the generation is above the greatest that a value can have.
            #[doc(hidden)]
            pub const fn last_generation(mut self, generation: u32) -> Self {
                assert!(generation <= $crate::bits::key::GENERATION_MAX);
                self.config.last_generation = generation;
                self
            }
        }
    };
}
pub(crate) use generations;
