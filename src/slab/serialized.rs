//! A slab as serde sees it: the generation of each slot, and the values, each with its key.

use core::fmt::Display;

use serde::de::{DeserializeSeed, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::guard::Guard;
use super::inner::SlabOwner;
use super::slab::Slab;
use crate::allocator::Builder;
use crate::bits::handle::OperationError;
use crate::bits::key::Key;
use crate::bits::word::{State, state};
use crate::error::AllocError;

/// The generations of the slots from index 1 on, and the values. A slot without a value has the
/// generation of its next one.
type Parts<M, V> = (Vec<u32>, Vec<(Key<M>, V)>);

impl<T: Send + Sync + 'static, M> Guard<'_, T, M> {
    /// Collects what there is at one moment. Blocks while the world is stopped, for as long as a
    /// walk over all slots takes.
    fn parts(&self) -> Result<Parts<M, &T>, OperationError> {
        let space = &self.inner().allocator.space;
        loop {
            let (mut generations, mut values) = (Vec::new(), Vec::new());
            let room = self.slots_committed();
            let values_room = values.try_reserve_exact(room as usize);
            if generations.try_reserve_exact(room as usize).and(values_room).is_err() {
                return Err(OperationError::OutOfMemory);
            }
            let _stopped = space.safepoint.stop()?;
            // No memory is allocated while the world is stopped.
            if self.slots_committed() > room {
                continue;
            }
            self.cover_all();
            let (mut cursor, mut end) = (1, 0);
            while let Some(index) = self.inner().next_slot(&mut cursor) {
                // Nothing is known of slots whose memory has gone back.
                generations.resize(index as usize - 1, 0);
                let slot = space.arena.slot(index);
                let word = slot.load();
                generations.push(match state(word) {
                    State::Live => {
                        // SAFETY: a live slot's index is not 0, and the generation is a word's.
                        let key = unsafe { Key::new(index, word.generation()) };
                        // SAFETY: live, and covered by the guard (Invariant 11).
                        values.push((key, unsafe { slot.payload().get() }));
                        word.generation()
                    }
                    // SAFETY: free slots are the stopper's (Invariant 8).
                    State::Free => unsafe { slot.payload().generation() },
                    // Its key has been given out.
                    State::Uninitialized => word.generation() + 1,
                });
                if generations.last() != Some(&0) || state(word) == State::Live {
                    end = index as usize;
                }
            }
            generations.truncate(end);
            return Ok((generations, values));
        }
    }

    /// The number of slots up to the end of the topmost committed segment.
    fn slots_committed(&self) -> u32 {
        let arena = &self.inner().allocator.space.arena;
        let last = arena.committed.iter().last().unwrap_or(0);
        arena.geometry().first(last) + arena.geometry().usable(last)
    }
}

impl<T: Send + Sync + 'static> SlabOwner<'_, T> {
    /// Fills a fresh slab, which nothing else uses.
    fn restore<M>(&mut self, parts: Parts<M, T>) -> Result<(), AllocError> {
        let (generations, values) = parts;
        let mut others: Vec<Key<M>> = Vec::new();
        let mut missing = generations.len();
        while missing > 0 {
            let key: Key<M> = self.reserve()?;
            match key.index() as usize <= generations.len() {
                true => missing -= 1,
                false => others.push(key),
            }
        }
        let mut values = values.into_iter().peekable();
        for (index, &generation) in (1..).zip(&generations) {
            if let Some((key, value)) = values.next_if(|(key, _)| key.index() == index) {
                // SAFETY: reserved above, and the only key with this index.
                unsafe { self.fill(key, value) }.map_err(|(_, error)| error)?;
            } else {
                // SAFETY: the index is not 0, and the generation has been checked.
                others.push(unsafe { Key::new(index, generation.saturating_sub(1)) });
            }
        }
        for key in others {
            // SAFETY: reserved above, with this index. Its generation is the slot's last one.
            unsafe { self.unreserve(key) }?;
        }
        Ok(())
    }
}

/// Writes the generations of the slots and the values, each with its key, as they are at one
/// moment. Blocks like [`stats`](Slab::stats).
///
/// A slab that is read back has the values under their keys. Keys of values that were removed
/// before, and of vacant entries, are dead in it. The exception is keys in memory that has gone
/// back by a [`sweep`](Slab::sweep): those may name later values of the slab that is read back.
/// Options are not written.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// # use slotarena::Slab;
/// let slab = Slab::<String>::builder().capacity(100).build()?;
/// let keys = [slab.insert("kept".to_owned())?, slab.insert("removed".to_owned())?];
/// slab.remove(keys[1]);
/// let text = serde_json::to_string(&slab)?;
///
/// let same: Slab<String> = serde_json::from_str(&text)?;
/// assert_eq!(*same.get(keys[0]).expect("live"), "kept");
/// let key = same.insert("new".to_owned())?;
/// assert!(key != keys[1] && !same.contains(keys[1]));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<T: Serialize + Send + Sync + 'static, M> Serialize for Slab<T, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let guard = self.try_pin().map_err(S::Error::custom)?;
        let parts = guard.parts().map_err(S::Error::custom)?;
        parts.serialize(serializer)
    }
}

/// Reads a slab of the default size. A [`Builder`] reads one with its options.
impl<'de, T: Deserialize<'de> + Send + Sync + 'static, M> Deserialize<'de> for Slab<T, M> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::builder().deserialize(from)
    }
}

/// Reads a slab with these options. It takes memory in proportion to what it reads.
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use serde::de::DeserializeSeed;
/// # use slotarena::Slab;
///
/// let slab: Slab<u8> = [1, 2].into_iter().collect();
/// let text = serde_json::to_string(&slab)?;
/// let builder = Slab::<u8>::builder().capacity(10);
/// let same = builder.deserialize(&mut serde_json::Deserializer::from_str(&text))?;
/// assert_eq!((same.len(), same.capacity()), (2, 10));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<'de, T, M> DeserializeSeed<'de> for Builder<Slab<T, M>>
where
    T: Deserialize<'de> + Send + Sync + 'static,
{
    type Value = Slab<T, M>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Slab<T, M>, D::Error> {
        fn custom<E: serde::de::Error>(error: impl Display) -> E {
            E::custom(error)
        }
        let (generations, mut values): Parts<M, T> = Deserialize::deserialize(from)?;
        let last = self.config.last_generation;
        if let Some(above) = generations.iter().find(|generation| **generation > last + 1) {
            let limit = format_args!("generation {above} is above {last}, the slab's last one");
            return Err(D::Error::custom(limit));
        }
        values.sort_unstable_by_key(|(key, _)| key.index());
        let mut before = 0;
        for (key, _) in &values {
            let generation = generations.get(key.index() as usize - 1);
            let is_sound = generation == Some(&key.generation()) && key.generation() <= last;
            if !is_sound || key.index() == before {
                return Err(D::Error::custom(format_args!("{key} is no key of a value")));
            }
            before = key.index();
        }
        let slab = self.build().map_err(custom)?;
        let restored = slab.with(|mut owner| owner.restore((generations, values)));
        restored.map_err(custom)?.map_err(custom)?;
        Ok(slab)
    }
}
