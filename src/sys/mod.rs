//! The only door to the operating system: one contract, one file a system.
//!
//! A `Region` is an address range: a whole number of 64 KiB units, aligned to 64 KiB. Each part
//! of it is in one of two states:
//!
//! | state | load | store | memory |
//! |---|---|---|---|
//! | reserved | reads 0 where [`READS_RESERVED`], else not allowed | not allowed | none |
//! | writable | what was stored, else 0 | allowed | where it was touched |
//!
//! - `Region::new(bytes)` reserves all of it. No memory and no swap is set aside.
//! - `make_writable(range)` is idempotent, and may run concurrently with anything.
//! - `prefault(range)` sets memory aside for a writable range now, so that a refusal is an error
//!   here and not a signal at the first store. Contents stay.
//! - `decommit(range)` returns the memory of a writable range to the system. The range reads as 0
//!   again and *stays writable*: no mapping is split, so a table with a hole in every second
//!   segment keeps two mappings. Concurrent loads see the old words or 0. Concurrent stores are not
//!   allowed. With `--cfg slotarena_guard` the range becomes read-only on the Unixes, so that a
//!   store there ends the program. With it tests show that no such store happens (Invariant 5). The
//!   range consists of 64 KiB units, or of single pages where [`page_bytes`] returns their size.
//! - `seal(range, sealed)` takes the right to store to the range from every thread, or restores it.
//!   Allocated memory ignores it.
//! - `set_apart(range)` sees to it that `seal` of this range is not refused for want of mappings.
//! - `after_fork` is for a child of the process, which may not store to what it shares with its
//!   parent. Such a range reads as 0 from then on. Async-signal-safe.
//! - Dropping the region returns the addresses to the system.
//!
//! Errors are the system's own codes (`errno`, `GetLastError`).
//!
//! - `code`: the system's error codes, and their text
//! - `limits`: the limits of the process, for the text of errors
//! - `pkeys`: x86 protection keys, and the calling thread's rights register
//! - `unix`, `windows`: the region of each system
//! - `heap`: plain allocated memory, elsewhere and for small slabs
//! - `tour`: the calling thread on each processor in turn, in place of a process-wide barrier
//! - `membarrier`: Linux's process-wide barriers
//! - `rseq`: Linux's restartable sequences
//! - `process`: whether a value was inherited from another process
//! - `dual_mapping`: one memory at two addresses, the first read-only
//! - `protection`: the available protections, and the calling thread's right to store
//! - `at_fork`: handlers around `fork`
//! - `processors`: their number
//! - `mapping`: a region with or without a protection, for the arena
//!
//! This part owns Invariant 13. It deliberately knows nothing of slots and threads' records.

pub(crate) mod code;
pub(crate) mod limits;
#[cfg(not(model))]
mod pkeys;
#[cfg(all(unix, not(heap_only), not(model)))]
mod unix;
#[cfg(all(windows, not(heap_only), not(model)))]
mod windows;
// `--cfg slotarena_heap` selects it on any system: for tests, and for sandboxes without `mmap`.
#[cfg(not(model))]
#[cfg_attr(not(heap_only), allow(dead_code))]
mod heap;
#[cfg(all(linux, not(any(miri, model))))]
pub(crate) mod tour;
#[cfg(not(model))]
pub(crate) mod membarrier;
#[cfg(not(model))]
pub(crate) mod rseq;
#[cfg(all(linux_mappings, not(model)))]
mod process;
#[cfg(all(linux_mappings, not(model)))]
mod dual_mapping;
mod processors;
pub(crate) mod protection;
#[cfg(not(model))]
mod mapping;
#[cfg(all(unix, not(model)))]
mod at_fork;
#[cfg(all(test, not(model)))]
#[path = "../../tests/unit/sys.rs"]
mod tests;

#[cfg(all(unix, not(model)))]
pub(crate) use at_fork::at_fork;
#[cfg(all(heap_only, not(model)))]
use heap as imp;
#[cfg(not(model))]
pub(crate) use imp::{READS_RESERVED, RESERVE_BYTES_MAX, page_bytes};
#[cfg(not(model))]
pub(crate) use mapping::{Mapping, SMALL_BYTES};
pub(crate) use processors::processors;
pub use protection::Protection;
pub(crate) use protection::{Answer, Rights};
#[cfg(all(unix, not(heap_only), not(model)))]
use unix as imp;
#[cfg(all(windows, not(heap_only), not(model)))]
use windows as imp;
