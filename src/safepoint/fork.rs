//! `fork`: a child gets each table as it is between two operations.
//!
//! Before the process forks, the forking thread stops the world of every table, and after it lets
//! the worlds resume, in the parent and in the child. So a child has a private copy of each table,
//! and no operation of the threads that it has not got is half done in it. Their records stay, and
//! a sweep finds the slots in them.
//!
//! A table that cannot be stopped within [`PATIENCE`] is lost to the child: each call there answers
//! with an error, and destructors do nothing. So is a table whose memory a child does not share.
//!
//! What does not go through the C library's `fork` (`vfork`, a bare `clone`) runs none of this.

use core::cell::UnsafeCell;
use core::ptr::NonNull;
use std::sync::Once;
use std::time::{Duration, Instant};

use super::maker::MAKER;
use super::safepoint::Safepoint;
use super::stop::Stopped;
use crate::sync::{Held, Lock, backoff, make_room};
use crate::sys;

/// The longest that a fork waits for operations to end.
const PATIENCE: Duration = Duration::from_secs(1);

/// A table that a child inherits.
pub(super) trait Inherited {
    /// The safepoint. The table is there.
    fn safepoint(&self) -> &Safepoint;
    /// Makes good in the child what the threads that it has not got have left. Returns `false` if
    /// the child cannot use the table.
    fn adopt(&self) -> bool;
}

/// A table in the list of all.
#[derive(Clone, Copy)]
struct Listed(NonNull<dyn Inherited>);

// SAFETY: what is listed may be reached from any thread.
unsafe impl Send for Listed {}

type List = Vec<Listed>;

/// All tables of the process.
static TABLES: Lock<List> = Lock::new(Vec::new());

/// What a fork holds from its beginning to its end.
// Dropped in this order: no table goes while its world is stopped.
struct Fork {
    /// In the order of `tables`. `None` for a table that was not stopped.
    stops: Vec<Option<Stopped<'static>>>,
    tables: Held<'static, List>,
    /// `None` if the forking thread is making the process-wide table.
    _maker: Option<Held<'static, ()>>,
}

struct Place(UnsafeCell<Option<Fork>>);

// SAFETY: only the thread that holds the lock of `TABLES` touches it.
unsafe impl Sync for Place {}

static FORK: Place = Place(UnsafeCell::new(None));

/// Lists a table. Returns `false` if there is no memory, or if the caller is inside this.
///
/// # Safety
///
/// The table is there until [`strike`] has returned.
pub(super) unsafe fn list(table: NonNull<dyn Inherited>) -> bool {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        // A refusal leaves a child as it was.
        sys::at_fork(before, in_parent, in_child);
    });
    let mut larger = Vec::new();
    loop {
        let Ok(mut tables) = TABLES.lock() else { return false };
        let Err(wanted) = make_room(&mut tables, &mut larger) else {
            tables.push(Listed(table));
            return true;
        };
        drop(tables);
        if larger.try_reserve_exact(wanted).is_err() {
            return false;
        }
    }
}

/// Takes a table off the list.
pub(super) fn strike(table: NonNull<dyn Inherited>) {
    let Ok(mut tables) = TABLES.lock() else { return };
    let is_it = |listed: &Listed| core::ptr::addr_eq(listed.0.as_ptr(), table.as_ptr());
    if let Some(position) = tables.iter().rposition(is_it) {
        tables.swap_remove(position);
    }
    // The list of many goes with the last of them. Freed without the lock.
    let is_for_many = tables.is_empty() && tables.capacity() > 64;
    let list = is_for_many.then(|| core::mem::take(&mut *tables));
    drop(tables);
    drop(list);
}

extern "C" fn before() {
    let _maker = MAKER.lock().ok();
    // Inside this already: the child gets no such help.
    let Ok(tables) = TABLES.lock() else { return };
    let end = Instant::now() + PATIENCE;
    let mut stops = Vec::new();
    if stops.try_reserve_exact(tables.len()).is_ok() {
        for table in tables.iter() {
            // SAFETY: a listed table is there.
            let table: &'static dyn Inherited = unsafe { table.0.as_ref() };
            stops.push(table.safepoint().try_stop(|| Instant::now() < end));
        }
    }
    // SAFETY: this thread holds the lock.
    unsafe { *FORK.0.get() = Some(Fork { stops, tables, _maker }) };
}

/// Takes what [`before`] has left. The calling thread is the one that forks.
fn take() -> Option<Fork> {
    if !TABLES.is_held_by_caller() {
        return None;
    }
    // SAFETY: this thread holds the lock.
    unsafe { (*FORK.0.get()).take() }
}

extern "C" fn in_parent() {
    // The worlds resume.
    drop(take());
}

extern "C" fn in_child() {
    let Some(Fork { stops, tables, _maker }) = take() else { return };
    let mut stops = stops.into_iter();
    for table in tables.iter() {
        // SAFETY: a listed table is there.
        let table = unsafe { table.0.as_ref() };
        let stop = stops.next().flatten();
        // SAFETY: in a fresh child. If there is a stop, no operation of the sweeper's is under way.
        unsafe { table.safepoint().sweeping.reset(()) };
        // A thread that forks inside a stop of its own resumes the world later.
        let is_whole = stop.is_some() || table.safepoint().is_stopped_by_caller();
        if !table.adopt() || !is_whole {
            drop(stop);
            table.safepoint().lose();
        }
    }
}

impl Safepoint {
    /// Stops the world like [`stop`](Self::stop), unless `patience` ends first.
    fn try_stop(&self, patience: impl Fn() -> bool) -> Option<Stopped<'_>> {
        if self.is_stopped_by_caller() {
            return None;
        }
        let mut attempt = 0;
        let mut wait = || {
            attempt += 1;
            backoff(attempt);
            patience().then_some(())
        };
        let registry = loop {
            match self.registry.try_lock() {
                Some(registry) => break registry,
                None => wait()?,
            }
        };
        let stopped = self.announce(registry);
        self.pass_fence(&stopped);
        for record in stopped.records() {
            while record.is_busy() {
                wait()?;
            }
        }
        Some(stopped)
    }
}
