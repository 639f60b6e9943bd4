//! How a range is decided, and how its bias is revoked.

use super::bias::Bias;
use super::ranges::{At, EPOCH, KIND, NUMBER_MAX, OFF, REVOKING, SHARED};
use crate::sync::{AtomicU64, Ordering};

/// The epochs for which a range stays shared that was revoked, or that a participant without a
/// number has decided.
const SHARED_EPOCHS: u64 = if cfg!(model) { 0 } else { 8 * EPOCH };

/// A phase in which the bias of all ranges is being revoked.
const PHASE_REVOKING: u64 = REVOKING | OFF;

/// The changes in shared ranges in one epoch before the whole table is shared. They take some 3 ns
/// more each. Never reached in models.
const PASSES_MAX: u32 = if cfg!(model) { 1 << 31 } else { 100_000 };

/// How a participant may change a live word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// By a sequence: the range is biased toward it.
    Biased,
    /// By a compare-and-swap, as every other participant.
    Shared,
}

impl Bias {
    /// Decides how a participant changes a live word there, and revokes the bias toward another
    /// one. `None` if the system refuses the barrier for that, and its substitute, for good. The
    /// caller is inside an operation, and in no sequence. Lock-free, but for the system's call.
    pub(super) fn settle(&self, At { index, tag }: At) -> Option<Access> {
        // SAFETY: the caller has seen a live word, and the table has ranges.
        let range = unsafe { self.ranges.of(index) };
        // Tries again only when another thread has made a step: lock-free.
        loop {
            // Acquire: after *shared*, the sequences of others have ended. Partner:
            // revoke.revoke_all.compare_exchange.2.
            let phase = self.phase.load(Ordering::Acquire);
            let epoch = phase & !(EPOCH - 1);
            match phase & KIND {
                0 => {}
                PHASE_REVOKING => {
                    self.revoke_all(phase)?;
                    continue;
                }
                _ => return Some(Access::Shared),
            }
            let own = epoch + u64::from(tag);
            // Acquire: after *shared*, the sequences of others have ended. Partners:
            // revoke.revoke.compare_exchange.2, revoke.give_up.compare_exchange.
            let word = range.load(Ordering::Acquire);
            if word < epoch {
                let (new, figure) = match tag {
                    0 => ((epoch + SHARED_EPOCHS) | SHARED, &self.shared),
                    _ => (own, &self.biased),
                };
                // Relaxed: an undecided range has nothing to hand on, and a pause lies between.
                // Relaxed on failure: looked at anew.
                let decided =
                    range.compare_exchange(word, new, Ordering::Relaxed, Ordering::Relaxed);
                if decided.is_ok() {
                    // Relaxed: a figure.
                    figure.fetch_add(1, Ordering::Relaxed);
                }
            } else if word == own {
                return Some(Access::Biased);
            } else if word & SHARED != 0 && !self.is_worn_out() {
                return Some(Access::Shared);
            } else if word & SHARED != 0 {
                self.revoke_all(phase)?;
            } else if word & REVOKING != 0 || self.may_revoke() {
                self.revoke(range, word, own)?;
            } else {
                self.revoke_all(phase)?;
            }
        }
    }

    /// Returns `true` if the bias of one more range may be revoked by itself in this epoch.
    fn may_revoke(&self) -> bool {
        // Relaxed: a bound on system calls, which need not be exact.
        self.revoked.load(Ordering::Relaxed) < self.most
    }

    /// Counts a change in a shared range, which takes longer than one in a shared table. Returns
    /// `true` if there have been so many in this epoch that the table had better be shared.
    fn is_worn_out(&self) -> bool {
        // Relaxed: a hint, which need not be exact.
        let passed = self.passed.load(Ordering::Relaxed);
        if passed >= PASSES_MAX {
            return true;
        }
        // Relaxed: likewise.
        self.passed.store(passed + 1, Ordering::Relaxed);
        false
    }

    /// Revokes the bias of a range, whose word is of this epoch: biased toward another participant,
    /// or *revoking*. `own` is the word if it were biased toward the caller. Waits for no
    /// thread of the table.
    #[cold]
    fn revoke(&self, range: &AtomicU64, word: u64, own: u64) -> Option<()> {
        let revoking = word | REVOKING;
        if word != revoking {
            // Relaxed: BR. The restart orders it before the sequences that follow, and what it
            // replaces had nothing to hand on. Relaxed on failure: looked at anew by the caller.
            let begun =
                range.compare_exchange(word, revoking, Ordering::Relaxed, Ordering::Relaxed);
            if begun.is_err() {
                return Some(());
            }
            // Relaxed: a bound, which need not be exact.
            self.revoked.fetch_add(1, Ordering::Relaxed);
            // Relaxed: a figure.
            self.revocations.fetch_add(1, Ordering::Relaxed);
            self.count_shared();
        }
        if word != own | REVOKING {
            let number = (word as u32) >> KIND.count_ones();
            self.sequences.restart(number..number + 1)?; // BB
        }
        let shared = ((word & !(EPOCH - 1)) + SHARED_EPOCHS) | SHARED;
        // Release: BS. What the restart has ended came before. Partner: revoke.settle.load.2.
        // Relaxed on failure: another thread has done it.
        let _ = range.compare_exchange(revoking, shared, Ordering::Release, Ordering::Relaxed);
        Some(())
    }

    /// Counts a range that was biased, and is shared from now on.
    fn count_shared(&self) {
        // Relaxed: a figure.
        self.shared.fetch_add(1, Ordering::Relaxed);
        // Relaxed: a figure, which may wrap for a moment.
        self.biased.fetch_sub(1, Ordering::Relaxed);
    }

    /// Revokes the bias of all ranges. `phase` is *biased* or *revoking*. Waits for no
    /// thread of the table.
    #[cold]
    fn revoke_all(&self, phase: u64) -> Option<()> {
        let revoking = phase | PHASE_REVOKING;
        if phase != revoking {
            // Relaxed: BR, of all. As for one range.
            let begun =
                self.phase.compare_exchange(phase, revoking, Ordering::Relaxed, Ordering::Relaxed);
            if begun.is_err() {
                return Some(());
            }
            // Relaxed: a figure.
            self.revocations.fetch_add(1, Ordering::Relaxed);
        }
        self.sequences.restart(0..NUMBER_MAX + 1)?; // BB
        let shared = (phase & !KIND) | SHARED | OFF;
        // Release: BS, of all. What the restart has ended came before. Partners:
        // revoke.settle.load, change.is_shared.load. Relaxed on failure: another thread has done
        // it.
        let _ = self.phase.compare_exchange(revoking, shared, Ordering::Release, Ordering::Relaxed);
        Some(())
    }

    /// Gives the caller's own bias of a range up, since its sequences are interrupted again and
    /// again, as by a debugger that steps through them. The caller is inside none.
    #[cold]
    pub(super) fn give_up(&self, At { index, tag }: At) {
        // Acquire: as in `settle`. Partner: revoke.revoke_all.compare_exchange.2.
        let epoch = self.phase.load(Ordering::Acquire) & !(EPOCH - 1);
        // SAFETY: as in `settle`.
        let range = unsafe { self.ranges.of(index) };
        let (own, shared) = (epoch + u64::from(tag), (epoch + SHARED_EPOCHS) | SHARED);
        // Release: the caller's sequences came before. Partner: revoke.settle.load.2. Relaxed on
        // failure: another thread has revoked it.
        if range.compare_exchange(own, shared, Ordering::Release, Ordering::Relaxed).is_ok() {
            self.count_shared();
        }
    }
}
