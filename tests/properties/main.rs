//! Random sequences of every operation, on tables of random shapes, compared with a plain model.
//!
//! The model is a map from the numbers in use to the entries stored last.
//!
//! Checked after each step:
//!
//! 1. *Exclusivity*: an allocated number was not in use before, is not null, and lies within the
//!    capacity.
//! 2. *Exactness*: an allocation fails if and only if all slots are in use, or the entry has the
//!    reserved bit. A bulk allocation stores all entries or none.
//! 3. *Reading*: `get` returns the model's entry for a live handle, and `None` for any other
//!    number: uninitialized, freed, never allocated, or beyond the capacity.
//! 4. *Writing*: `set`, `free`, `free_uninitialized`, and `free_many` succeed if and only if the
//!    model does. They return the model's entry and change nothing else.
//! 5. *Sweeping*: no entry moves or changes, and no segment without entries stays. Below the
//!    threshold a sweep does nothing.
//! 6. *Counting*: `stats`, `audit`, `for_each_live`, and the sweep's report agree with the model
//!    and with each other.
//!
//! Checked at the end of each sequence, whichever mutators were dropped or forgotten:
//!
//! 7. *Conservation*: an audit finds no slot lost or doubled. Every handle can be freed, a sweep
//!    then releases every segment, and all slots can be allocated again.
//!
//! Quickcheck shrinks a failing sequence before it reports it.
#![cfg(not(all(loom, feature = "loom")))]

#[path = "../common/mod.rs"]
mod common;
mod input;
mod model;
mod run;

use quickcheck::{Gen, QuickCheck};
use slotarena::Table;

use common::cases;
use input::{Shape, Step};
use model::Sample;
use run::Run;

fn matches_the_model<E: Sample>(shape: Shape, steps: Vec<Step>) {
    let Shape { capacity, stripes, magazine_size } = shape;
    let builder = Table::<E>::builder().capacity(capacity);
    let table = builder.stripes(stripes).magazine_size(magazine_size).build().expect("a table");
    let mut run = Run::new(&table);
    for step in &steps {
        run.step(step);
    }
    run.end();
}

/// Fewer without optimizations: those runs are frequent, and check debug assertions.
const SEQUENCES: u64 = if cfg!(debug_assertions) { 200 } else { 2000 };

/// The most operations that a sequence has.
const LENGTH: usize = 150;

fn holds<E: Sample>(name: &str) {
    let property = matches_the_model::<E> as fn(Shape, Vec<Step>);
    let mut random = QuickCheck::new().rng(Gen::new(LENGTH)).tests(SEQUENCES);
    let result = random.quicktest(property);
    cases(name, result.unwrap_or_else(|failure| panic!("{failure:#?}")));
}

#[test]
fn one_word_entries() {
    holds::<u64>("sequences of operations on one-word entries");
}

#[test]
fn two_word_entries() {
    holds::<[u64; 2]>("sequences of operations on two-word entries");
}
