//! The change of a word in use.

use super::bias::Bias;
use super::ranges::{At, SHARED};
use super::revoke::Access;
use super::sequence::Condition;
use crate::arena::Slot;
use crate::bits::word::{self, Word};
use crate::sync::Ordering;

/// The sequences of one change that may be interrupted before the range becomes shared.
const ATTEMPTS: u32 = if cfg!(model) { 1 } else { 16 };

impl Bias {
    /// Replaces the word of a slot if it is live, and nothing is in the way. Returns what it was.
    /// A word that is not live says that nothing was changed: [`change`](Self::change) finds out
    /// why. Of several simultaneous calls that replace one word, one succeeds. `swap` does it by a
    /// compare-and-swap. The caller is inside an operation (Invariant 8). Wait-free.
    #[inline(always)]
    pub(crate) fn try_change_live<W: Word>(
        &self,
        slot: &Slot<W>,
        at: At,
        new: W,
        swap: impl Fn(&Slot<W>, W) -> Result<(), W>,
    ) -> W {
        if self.is_shared::<W>() {
            let current = slot.load();
            let is_done = word::is_live(current) && swap(slot, current).is_ok();
            return if is_done { current } else { word::zero() };
        }
        // SAFETY: a slot in use can be written to, inside an operation.
        unsafe { self.sequences.replace_live(self.condition(at), slot, new) }
    }

    /// The same, if the word is `current`. Returns `false` if nothing was changed.
    #[inline(always)]
    pub(crate) fn try_change<W: Word>(
        &self,
        slot: &Slot<W>,
        at: At,
        words: [W; 2],
        swap: impl Fn(&Slot<W>, W) -> Result<(), W>,
    ) -> bool {
        if self.is_shared::<W>() {
            return swap(slot, words[0]).is_ok();
        }
        // SAFETY: a slot in use can be written to, inside an operation.
        unsafe { self.sequences.replace(self.condition(at), slot, words) }
    }

    /// Returns `true` if every change is a compare-and-swap.
    #[inline(always)]
    fn is_shared<W: Word>(&self) -> bool {
        // The models without a bias have no such step.
        let never = size_of::<W>() != size_of::<u64>() || cfg!(model) && self.ranges.is_empty();
        // Acquire: after *shared*, the sequences of others have ended. Partner:
        // revoke.revoke_all.compare_exchange.2.
        never || self.phase.load(Ordering::Acquire) & SHARED != 0
    }

    /// What a sequence depends on. The table has ranges.
    #[inline(always)]
    fn condition(&self, at: At) -> Condition<'_> {
        self.ranges.condition(&self.phase, at)
    }

    /// Like [`try_change`](Self::try_change), and decides the range, or revokes its bias, if that
    /// is in the way. The error is the word there instead, or a free slot's if the system refuses
    /// the barrier for that. Lock-free.
    pub(crate) fn change<W: Word>(
        &self,
        slot: &Slot<W>,
        at: At,
        words: [W; 2],
        swap: impl Fn(&Slot<W>, W) -> Result<(), W>,
    ) -> Result<(), W> {
        let mut attempts = 0;
        while self.is_on() && size_of::<W>() == size_of::<u64>() {
            if self.settle(at).ok_or(word::zero())? == Access::Shared {
                break;
            }
            let now = slot.load();
            if now != words[0] {
                return Err(now);
            }
            // SAFETY: a slot in use can be written to, inside an operation.
            if unsafe { self.sequences.replace(self.condition(at), slot, words) } {
                return Ok(());
            }
            attempts += 1;
            if attempts == ATTEMPTS {
                self.give_up(at);
            }
        }
        swap(slot, words[0])
    }
}
