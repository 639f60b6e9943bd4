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
//! With `SLOTARENA_LOOM_QUICK` set, the models that take long are explored up to two preemptions;
//! their lines say so.
#![cfg(all(loom, feature = "loom"))]

mod allocator;
mod freelist;
mod stage;
mod static_table;
mod sweep;
mod table;
mod thread_cache;
mod world;
mod yours;
