//! The only door to the operating system: one contract, one file per system.
//!
//! A [`Reservation`] is a range of addresses, a whole number of 64 KiB units, aligned to
//! 64 KiB. Every part of it is in one of two states:
//!
//! | state | load | store | memory |
//! |---|---|---|---|
//! | reserved | reads 0 where [`READS_RESERVED`], else not allowed | not allowed | none |
//! | writable | what was stored, else 0 | allowed | where it was touched |
//!
//! - `Reservation::new(bytes)`: all of it reserved. No memory, no swap is set aside.
//! - `commit(range)`: writable. Idempotent; may run beside anything.
//! - `populate(range)`: sets memory aside for a writable range now, so that a refusal is an
//!   error here and not a signal at the first store. Contents stay.
//! - `release(range)`: a writable range reads as 0 again and its memory goes back. It *stays
//!   writable*: no mapping is split, so a table with a hole in every second segment keeps two
//!   mappings. Loads may run beside it and see the old words or 0; stores may not.
//!   With `--cfg slotarena_guard` it does not, on the Unixes: a store there then ends the program,
//!   which is how tests see that nobody makes one (Invariant 5).
//! - `discard(range)`, in pages of [`discard_unit`] bytes, where that is something: a writable
//!   range reads as 0 again, its memory goes back, and comes back where it is touched. Loads and
//!   stores beside it: as for `release`.
//! - `seal(range, sealed)`: takes the right to store from everybody, or gives it back. Where there
//!   is allocated memory only, nothing.
//! - dropping it gives the addresses back.
//!
//! A [`Mapping`] is one with or without a [`Protection`](crate::protection::Protection): loads go
//! to its `base()`, stores to its `write_base()`, which are the same where it has none.
//! [`protection`] says what there is, and changes the calling thread's rights.
//!
//! Errors are the system's own codes (`errno`, `GetLastError`).
//!
//! [`membarrier`] makes every thread of the process pass a full fence, where the system has that.

#[cfg(all(unix, not(any(miri, slotarena_heap))))]
mod unix;
#[cfg(all(unix, not(any(miri, slotarena_heap))))]
use unix as imp;

#[cfg(all(windows, not(any(miri, slotarena_heap))))]
mod windows;
#[cfg(all(windows, not(any(miri, slotarena_heap))))]
use windows as imp;

// `--cfg slotarena_heap` asks for it on any system: to test it, and for sandboxes without `mmap`.
#[cfg(any(miri, slotarena_heap, not(any(unix, windows)), test))]
#[cfg_attr(not(any(miri, slotarena_heap, not(any(unix, windows)))), allow(dead_code))]
mod heap;
#[cfg(any(miri, slotarena_heap, not(any(unix, windows))))]
use heap as imp;

pub(crate) use imp::{READS_RESERVED, RESERVE_BYTES_MAX, Reservation, discard_unit};
pub(crate) use mapping::Mapping;

#[cfg(all(any(target_os = "linux", target_os = "android"), not(any(miri, slotarena_heap))))]
mod dual;
mod keys;
mod mapping;
pub(crate) mod protection;

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) mod membarrier;

/// What stands in for the system call where there is none: the probe says no.
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(miri))))]
pub(crate) mod membarrier {
    /// Is there a process-wide barrier? Here, no.
    pub(crate) fn probe() -> bool {
        false
    }

    /// Never called where the probe says no; says that nothing was done.
    pub(crate) fn barrier() -> bool {
        false
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::*;
    use crate::segment::SEGMENT_BYTES;

    /// The contract, for one back end.
    macro_rules! contract {
        ($name:ident, $new:expr, $reads_reserved:expr) => {
            #[test]
            fn $name() {
                let units = 4;
                let r = $new(units * SEGMENT_BYTES).expect("a small reservation");
                assert_eq!(r.base().addr().get() % SEGMENT_BYTES, 0);
                let word = |unit: usize| r.base().as_ptr().wrapping_add(unit * SEGMENT_BYTES);
                let out = |unit: usize| r.write_base().as_ptr().wrapping_add(unit * SEGMENT_BYTES);
                if $reads_reserved {
                    // SAFETY: inside the reservation, which reads as zero while reserved.
                    assert_eq!(unsafe { word(3).read_volatile() }, 0);
                }
                r.commit(SEGMENT_BYTES, SEGMENT_BYTES).expect("commit");
                r.commit(SEGMENT_BYTES, SEGMENT_BYTES).expect("commit twice");
                r.populate(SEGMENT_BYTES, SEGMENT_BYTES).expect("populate");
                // SAFETY: unit 1 is writable and used by this test alone.
                unsafe { out(1).write_volatile(7) };
                r.populate(SEGMENT_BYTES, SEGMENT_BYTES).expect("populate keeps contents");
                // SAFETY: as above.
                assert_eq!(unsafe { word(1).read_volatile() }, 7);
                // SAFETY: nobody stores to unit 1 meanwhile.
                unsafe { r.release(SEGMENT_BYTES, SEGMENT_BYTES) }.expect("release");
                // SAFETY: as above.
                assert_eq!(unsafe { word(1).read_volatile() }, 0, "released reads as zero");
                if cfg!(not(slotarena_guard)) {
                    // SAFETY: a released unit stays writable.
                    unsafe { out(1).write_volatile(8) };
                }
                r.commit(0, SEGMENT_BYTES).expect("commit");
                r.seal(0, SEGMENT_BYTES, true).expect("seal");
                r.seal(0, SEGMENT_BYTES, false).expect("unseal");
                // SAFETY: writable again, and used by this test alone.
                unsafe { out(0).write_volatile(9) };
                // SAFETY: as above.
                assert_eq!(unsafe { word(0).read_volatile() }, 9);
            }
        };
    }

    #[test]
    fn a_discarded_page_reads_as_zero_and_stays_writable() {
        let Some(unit) = discard_unit() else {
            println!("skipped: pages are not given back here");
            return;
        };
        assert!(unit.is_power_of_two());
        let unit = unit.min(SEGMENT_BYTES);
        let r = Reservation::new(2 * SEGMENT_BYTES).expect("a small reservation");
        r.commit(0, 2 * SEGMENT_BYTES).expect("commit");
        r.populate(0, 2 * SEGMENT_BYTES).expect("populate");
        let word = |offset: usize| r.base().as_ptr().wrapping_add(offset);
        for offset in [0, unit, 2 * unit] {
            // SAFETY: writable, and used by this test alone.
            unsafe { word(offset).write_volatile(7) };
        }
        // SAFETY: nobody stores to it meanwhile.
        unsafe { r.discard(unit, unit) }.expect("discard");
        // SAFETY: as above.
        let words = [0, unit, 2 * unit].map(|offset| unsafe { word(offset).read_volatile() });
        assert_eq!(words, [7, 0, 7]);
        // SAFETY: as above.
        unsafe { word(unit).write_volatile(8) };
    }

    contract!(the_systems_reservation_keeps_the_contract, Reservation::new, READS_RESERVED);
    contract!(
        the_heap_reservation_keeps_the_contract,
        heap::Reservation::new,
        heap::READS_RESERVED
    );
    #[cfg(all(any(target_os = "linux", target_os = "android"), not(any(miri, slotarena_heap))))]
    contract!(a_memory_at_two_addresses_keeps_the_contract, |n| dual::Dual::new(n, false), true);

    /// What the guard is for: a store to what was released ends the program.
    #[test]
    #[cfg(all(slotarena_guard, target_os = "linux", not(slotarena_heap)))]
    fn a_released_unit_is_read_only() {
        let r = Reservation::new(2 * SEGMENT_BYTES).expect("a small reservation");
        let rights = || {
            let start = r.base().addr().get();
            let maps = std::fs::read_to_string("/proc/self/maps").expect("this process's maps");
            let of = |line: &str| {
                let (range, rest) = line.split_once(' ')?;
                let (from, to) = range.split_once('-')?;
                let number = |text| usize::from_str_radix(text, 16).ok();
                (number(from)?..number(to)?).contains(&start).then(|| rest[..3].to_owned())
            };
            maps.lines().find_map(of).expect("a line about the unit")
        };
        r.commit(0, SEGMENT_BYTES).expect("commit");
        assert_eq!(rights(), "r--");
        r.populate(0, SEGMENT_BYTES).expect("populate");
        assert_eq!(rights(), "rw-");
        // SAFETY: nobody stores to it.
        unsafe { r.release(0, SEGMENT_BYTES) }.expect("release");
        assert_eq!(rights(), "r--");
    }

    #[test]
    fn an_impossible_reservation_is_refused() {
        assert!(
            heap::Reservation::new(isize::MAX as usize / SEGMENT_BYTES * SEGMENT_BYTES).is_err()
        );
    }
}
