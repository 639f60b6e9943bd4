//! Models: every interleaving of a few operations on a table of a few slots, on the real code.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --features loom --test loom -- --nocapture
//! ```
//!
//! Each model prints one line: its name, its invariants, its operations, its bound, the number of
//! executions, and the time. Invariants are numbered as in `docs/DESIGN.md`. *No bound* means that
//! loom explored every execution that it can distinguish. A model returns only when its exploration
//! is complete: no limit on time or number is set. `README.md` shows how to write one.
//!
//! After every execution an audit checks the table (Invariants 1, 2, 4, 5), and each thread's slots
//! are compared with it (3, 7). Then everything is freed, and a sweep must release every segment
//! (4, 5). During the execution loom reports any two unordered accesses to a local store, or by two
//! owners to a free slot (2, 8).
//!
//! `SLOTARENA_LOOM_QUICK` set to a number bounds the preemptions of the long models. Their lines
//! show that bound.
//!
//! # What runs concurrently
//!
//! | | allocate | free | set | get | sweep |
//! |---|---|---|---|---|---|
//! | **allocate** | `allocator` (from one chain, growing, refused, the last slot), `freelist` | | | | |
//! | **free** | `allocator`, `freelist` | `allocator` (two handles; one handle twice) | | | |
//! | **set** | `table` | `table` (also of the same slot) | `table` | | |
//! | **get** | `table` | `table` | `table` | nothing to observe | |
//! | **sweep** | `sweep`; `unswept` (also helping, and a later cycle) | `sweep` | `sweep` (also by a stale handle) | `sweep` | `sweep` |
//! | **bulk calls** | `allocator` | `table` | `table` | `table` | `sweep` |
//! | **register, end** | `safepoint` | `safepoint` | `table` | `table` | `sweep` |
//! | **audit, stats** | `audit` | `audit` | `audit` (of an uninitialized slot) | | `sweep` |
//! | **a full table** | `allocator` | `allocator` | `table` | `table` | `sweep` |
//! | **threads without a mutator** | `threads` | `threads` | | | `threads` |
//!
//! Three concurrently: allocate, free, and sweep; two allocations and a sweep; two that put back
//! and one that pushes. In addition: a table dropped while a thread that used it ends, and two-word
//! entries while the table grows. Each model has one size, with stripes of 1 and 2 and magazines of
//! 1 and 2. `INDEX.md` lists all models with their bounds.
//!
//! Code pointers (`code`):
//!
//! - publish with get, publish with publish, and unpublish with free;
//! - two sets with get, and free and reuse with get or set;
//! - two requests for one native function's handle;
//! - free, reuse, and get with a sweep;
//! - set, and a native function's handle, with a sweep.
//!
//! Bias (`bias`), with sequences in place of compare-and-swaps:
//!
//! - two frees of one slot, and three; free with set, and with a removal of a slab's value;
//! - of a range that is undecided, biased toward one of them, or revoked with all others;
//! - free with a sweep, after which the range is decided anew;
//! - free by a participant that has taken another's place, and by one that is interrupted.
//!
//! Slots with one owner (`unique`), freed without a compare-and-swap:
//!
//! - with get, and with an allocation;
//! - where another thread allocated the slot.
//!
//! The slab (`slab`), in which each value has a cell that a look reads and a drop writes:
//!
//! - look with insert, remove, take, flush, and sweep;
//! - look with remove and insert in the same slot;
//! - a first guard with remove, and a value of a later era under one guard;
//! - remove with take.
//!
//! Values without a drop (`slab::plain`):
//!
//! - look with remove and insert in the same slot, under a guard: the first, a later one, the last,
//!   and the remover's own;
//! - remove with remove, and remove with sweep.
//!
//! Participants of a slab (`slab::participants`):
//!
//! - one leaves a removed value;
//! - one joins during a flush;
//! - one takes over what another leaves.
//!
//! Counted references (`counted`): the drop of the last one with remove, get, sweep, and another
//! such drop, with the drop of the slab, and in a pool with create and shrink.
//!
//! Collected tables (`collected`), in which one object in each model counts its drop:
//!
//! - a mark with exchange, empty, free, allocate, publish, and another mark;
//! - the beginning of a collection, and its giving up, with allocate and exchange; two collections;
//! - a sweep with allocate, exchange, empty, free, get, and a look at an owned object;
//! - a minor collection with the same, in the young space and in the old one;
//! - a compaction with get, exchange, empty, free, allocate, and an overwritten cell;
//! - publish and unpublish with get; a look with empty and take; free with empty;
//! - a space that is closed, with get, free, and a space that takes its place;
//! - two-word entries: allocate and free with get, set with get, set, mark, free, and a compaction,
//!   and a sweep with get and set.
//!
//! A full table and a call inside a call: the search of one thread answers another
//! (`allocator::full_for_two`); a handler's calls are refused (`safepoint::interrupted_operation`).
//!
//! Not covered: more than three threads; more than one stop by each; magazines that three threads
//! both fill and spill; `set` with a helper; systems without an asymmetric fence, whose real fence
//! is stronger; and the parts that `docs/DESIGN.md` lists as outside loom's model.
//!
//! # A second checker
//!
//! Does loom find every outcome of a model? `cargo xtask verify shuttle` explores each model a
//! second time, on shuttle, by another search (`harness/scheduler.rs`). Then it compares the
//! *outcomes*. An outcome is the values that each thread read, the results of its operations, and
//! the final table. Loom must find every outcome that shuttle finds. It may find more, since
//! shuttle is sequentially consistent. For this, `--cfg slotarena_observed` records every access,
//! and `SLOTARENA_OUTCOMES` names the folder for the outcomes.
//!
//! `harness/search.rs` compares the search itself with the enumeration of `gap/program.rs`. On the
//! smallest models it is also compared with shuttle's own search, which tries every order of steps.
#![cfg(model)]

#[cfg(slotarena_shuttle)]
// Only the gap's own tests use programs with yields.
#[allow(dead_code)]
#[path = "gap/program.rs"]
mod program;
mod harness;
mod freelist;
mod safepoint;
mod allocator;
mod unswept;
mod sweep;
mod audit;
mod threads;
mod table;
mod unique;
mod bias;
mod slab;
mod code;
mod counted;
mod collected;
// They note no outcomes, by which two checkers could be compared.
#[cfg(not(slotarena_observed))]
mod newcomers;
