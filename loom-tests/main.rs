//! Models: every interleaving of a few operations on a table of a few slots, on the real code.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --features loom --test loom -- --nocapture
//! ```
//!
//! Each model prints one line: its name, the invariants that it holds the table against (numbers
//! of `docs/DESIGN.md`), what runs, the bound, how many executions there were, and how long they
//! took. *No bound* means that loom explored all that it can distinguish. A model that is not
//! explored to its end does not return: no limit on time or number is set.
//!
//! After every execution the table is audited (Invariants 1, 2, 4, 5), what each thread holds is
//! held against it (3, 7), everything is freed, and a sweep must release every segment (4, 5).
//! While it runs, loom itself reports any two accesses to a private store, or by two owners to a
//! free slot, that are not ordered (2, 8).
//!
//! With `SLOTARENA_LOOM_QUICK` set to a number, the models that take long are explored up to so
//! many preemptions; their lines say so.
//!
//! # What runs beside what
//!
//! | | allocate | free | set | get | sweep |
//! |---|---|---|---|---|---|
//! | **allocate** | `allocator` (from one chain, growing, refused, the last slot), `freelist` | | | | |
//! | **free** | `allocator`, `freelist` | `allocator` (two handles; one handle twice) | | | |
//! | **set** | `table` | `table` (also of the same slot) | `table` | | |
//! | **get** | `table` | `table` | `table` | nothing to see | |
//! | **sweep** | `sweep`; `unswept` (also helping, and again later) | `sweep` | `sweep` (also by a stale handle) | `sweep` | `sweep` |
//! | **bulk calls** | `allocator` | `table` | `table` | `table` | `sweep` |
//! | **register, end** | `safepoint` | `safepoint` | `table` | `table` | `sweep` |
//! | **audit, stats** | `audit` | `audit` | `audit` (of an uninitialized slot) | | `sweep` |
//! | **a full table** | `allocator` | `allocator` | `table` | `table` | `sweep` |
//! | **threads without a mutator** | `threads` | `threads` | | | `threads` |
//!
//! Three at once: allocate, free and sweep; two allocations and a sweep; two that put back and one
//! that pushes. Besides: a table that is
//! dropped while a thread that used it ends; two-word entries while the table grows. Each at one
//! size; stripes of 1 and 2, magazines of 1 and 2. `INDEX.md` has them all, with their bounds.
//!
//! Code pointers (`code`): publish beside get; set beside set, and free and use again, beside
//! get; publish beside publish, unpublish beside free; one native function's handle asked for by
//! two; and with a sweep.
//!
//! An owner who frees without a compare-and-swap (`unique`): beside get, beside an allocation, and
//! where the slot was allocated by another thread.
//!
//! The slab (`slab`): look beside remove (also as the first guard), take, remove and insert in the
//! same slot, flush, sweep; remove beside take; insert beside look; a value of a later era under
//! one guard. With values that need no drop (`slab::plain`): look beside remove and insert in the
//! same slot (also as the first guard, as the last, and as one's own); remove beside remove; remove
//! beside sweep. Its participants (`slab::participants`): one goes and leaves a removed value, one comes beside
//! a flush, one takes over what another leaves. Each value has a cell that looking reads and
//! dropping writes.
//!
//! Not covered: more than three threads, more than one stop by each, magazines that are both filled
//! and spilled by three threads, `set` beside a helper, systems without an asymmetric fence (the
//! real fence is stronger), and what `docs/DESIGN.md` says that loom does not model.
//!
//! # Against another checker
//!
//! Does loom find all that a model can come to? `cargo xtask verify shuttle` has each model
//! explored a second time, on shuttle, by a search of another kind (`harness/scheduler.rs`), and compares:
//! what each thread has read, access by access, what its operations returned, and what was left.
//! Loom must find every such *outcome* that shuttle does; it may find more, since shuttle is
//! sequentially consistent. For this `--cfg slotarena_observed` has every access noted, and
//! `SLOTARENA_OUTCOMES` names the folder for the outcomes. The search itself is held against the
//! enumeration of `gap/program.rs` (`harness/search.rs`), and on the smallest models against shuttle's own,
//! which tries every order of all steps.
#![cfg(model)]

#[cfg(slotarena_shuttle)]
// Its programs with yields are for the gap's own tests.
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
mod slab;
mod code;
// Shows how it is done on loom.
#[cfg(not(slotarena_shuttle))]
mod user_code;
