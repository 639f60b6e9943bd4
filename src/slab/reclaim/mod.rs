//! Reclamation: when a removed value may be dropped.
//!
//! A value must not be dropped while a guard can see it. The scheme is interval-based reclamation
//! (Wen et al., [PPoPP 2018]), with births that are checked at each look as in hazard eras
//! (Ramalhete and Correia, SPAA 2017), and with an asymmetric fence.
//!
//! [PPoPP 2018]: https://doi.org/10.1145/3178487.3178488
//!
//! - `era`: the clock, and the reservation of a guard
//! - `limbo`: the values that a participant has removed and that a guard may still see
//! - `participant`: one participant of a slab
//! - `participants`: the list of all, and when one may be freed
//!
//! # The bad case, and why it does not happen
//!
//! With named events:
//!
//! ```text
//!   reader (a guard)                         remover
//!   GA  stores its reservation               RC  word: live -> removed, by compare-and-swap
//!   GF  light fence                          RH  heavy fence
//!   GL  loads the word: live, and born       RA  reads all reservations: none covers the
//!       within the reservation: uses it          value's life: drops it
//! ```
//!
//! *Bad case*: GL reads *live* and RA does not see GA. The fences are ordered one way or the other:
//!
//! - GF before RH: RA sees GA, or a later reservation of the guard, which covers no less, or that
//!   the guard has ended, which RA acquires. The lower end of GA is a reading of the clock before
//!   GF. So the reading that follows RH, the era in which the value retires, is not below it. The
//!   value's birth is not above the upper end. So the reservation covers the value.
//! - RH before GF: GL sees RC, or a later store: not this value.
//!
//! A guard that looks at a value born above its upper end first raises that end and passes the same
//! events again.
//!
//! Most values are removed while no other participant has ever had a guard. A participant counts
//! itself as a reader before GA of its first guard, and then passes a *heavy* fence. So a remover
//! passes a light fence after RC and reads the number of readers. If it is the sole possible reader
//! and has no guard, the same two cases show that no guard sees the value, and the remover drops it
//! immediately. For a value that needs no drop, RC goes from live to free, and on to removed if a
//! guard may see it. To GL the two are alike.
//!
//! This part deliberately knows no slot and no key: it compares births with reservations.

pub(crate) mod era;
pub(crate) mod limbo;
pub(crate) mod participant;
pub(crate) mod participants;
