//! The parts that the test programs share.
//!
//! Each test program is built by itself and uses some of these.
#![allow(dead_code)]

use std::error::Error;
use std::fmt::Debug;

use fastrand::Rng;
use slotarena::{AllocError, Audit, FreeManyError, Handle, HandleError, Mutator, Packed, SetError};
use slotarena::{SEGMENT_BYTES, Table};

/// Checks that `Debug` writes one short line, and that it names the type.
#[track_caller]
pub fn is_short(value: &dyn Debug, name: &str) {
    let text = format!("{value:?}");
    assert!(text.len() < 200 && !text.contains('\n'), "{} bytes: {text}", text.len());
    assert!(text.starts_with(name), "{text}");
}

/// Returns the message of the source of an error.
pub fn source_of(error: &dyn Error) -> Option<String> {
    error.source().map(ToString::to_string)
}

/// Prints the line that tells the test command how many cases were tried.
pub fn cases(name: &str, count: u64) {
    println!("cases: {name} {count}");
}

/// Returns a number that follows from `x` and resembles none that follows from its neighbors.
pub fn mix(x: u64) -> u64 {
    Rng::with_seed(x).u64(..)
}

/// Makes the handle with this number, which is not 0.
pub fn handle(raw: u32) -> Handle {
    Handle::try_from(raw).expect("not null")
}

/// Returns the number of slots in a segment, slot 0 included.
pub const fn slots_per_segment<E: Packed>() -> usize {
    SEGMENT_BYTES / Table::<E>::ENTRY_SIZE
}

/// A way to operate on a table: as a thread, or through a mutator.
pub enum Participant<'t, E: Packed> {
    Thread(&'t Table<E>),
    Mutator(Mutator<'t, E>),
}

/// Forwards an operation to the table or to the mutator.
macro_rules! forward {
    ($self:ident.$operation:ident($($argument:ident),*)) => {
        match $self {
            Participant::Thread(table) => table.$operation($($argument),*),
            Participant::Mutator(mutator) => mutator.$operation($($argument),*),
        }
    };
}

impl<E: Packed> Participant<'_, E> {
    pub fn allocate(&mut self, entry: E) -> Result<Handle, AllocError> {
        forward!(self.allocate(entry))
    }
    pub fn allocate_uninitialized(&mut self) -> Result<Handle, AllocError> {
        forward!(self.allocate_uninitialized())
    }
    pub fn allocate_many(
        &mut self,
        entries: &[E],
        out: &mut Vec<Handle>,
    ) -> Result<(), AllocError> {
        forward!(self.allocate_many(entries, out))
    }
    pub fn set(&mut self, handle: Handle, entry: E) -> Result<Option<E>, SetError> {
        forward!(self.set(handle, entry))
    }
    pub fn free(&mut self, handle: Handle) -> Result<E, HandleError> {
        forward!(self.free(handle))
    }
    /// Frees a slot by `free_unchecked`.
    ///
    /// # Safety
    ///
    /// The slot is live, and no other thread frees or sets it.
    pub unsafe fn free_own(&mut self, handle: Handle) -> E {
        // SAFETY: by the contract of this function.
        unsafe { forward!(self.free_unchecked(handle)) }
    }
    pub fn free_uninitialized(&mut self, handle: Handle) -> Result<(), HandleError> {
        forward!(self.free_uninitialized(handle))
    }
    pub fn free_many(&mut self, handles: &[Handle]) -> Result<(), FreeManyError> {
        forward!(self.free_many(handles))
    }
}

/// Runs `work` on several threads simultaneously and joins them.
///
/// A joined thread has also dropped its thread-locals. The end of a scope does not wait for that.
pub fn on_threads<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads).map(|i| scope.spawn(move || work(i))).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended.map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// Returns the panic message of `f`, which must panic.
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let payload = caught.err().expect("no panic");
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("").to_owned()
}

/// Compares the counts of a table at rest with the counts of an audit, and returns the audit.
#[track_caller]
pub fn check<E: Packed>(table: &Table<E>) -> Audit {
    let audit = table.audit().expect("a sound table");
    let stats = table.stats();
    assert_eq!(stats.live + stats.uninitialized + stats.free, stats.slots_committed, "{stats:?}");
    let found = stats.free_in_stripes + stats.free_in_local_stores + stats.free_unswept;
    assert_eq!(found, stats.free, "{stats:?}");
    assert_eq!(stats.bytes_committed, stats.segments_committed * SEGMENT_BYTES as u64);
    let counted = [stats.live, stats.uninitialized, stats.free, stats.slots_committed];
    let found = [audit.live, audit.uninitialized, audit.free, audit.slots_committed];
    assert_eq!(counted, found, "live, uninitialized, free, committed: counted and found");
    assert_eq!(stats.segments_committed, audit.segments.len() as u64);
    assert!(audit.segments.is_sorted_by(|a, b| a.index < b.index), "{audit:?}");
    let live: u64 = audit.segments.iter().map(|segment| u64::from(segment.live)).sum();
    assert_eq!(live, audit.live);
    audit
}

/// Checks that no slot is in use, and that a sweep then releases all memory.
#[track_caller]
pub fn check_empty<E: Packed>(table: &Table<E>) {
    let audit = check(table);
    assert_eq!((audit.live, audit.uninitialized), (0, 0), "slots are still in use");
    let report = table.sweep(0);
    assert_eq!(report.segments_committed, 0, "{report:?}");
    assert_eq!(check(table).segments, []);
}

/// Checks that this thread can allocate every slot of a table and no more. Then frees them.
#[track_caller]
pub fn check_capacity(table: &Table<u64>) {
    let all: Vec<Handle> = (0..table.capacity())
        .map(|n| table.allocate(u64::from(n)).unwrap_or_else(|error| panic!("{n}: {error}")))
        .collect();
    let full = AllocError::CapacityExhausted { capacity: table.capacity() };
    assert_eq!(table.allocate(0), Err(full));
    let mut sorted = all.clone();
    sorted.sort_unstable();
    assert!(sorted.iter().map(|handle| handle.to_raw()).eq(1..=table.capacity()));
    assert_eq!(table.free_many(&all), Ok(()));
}

/// Checks what the participants left of a table of which none is there any more: with a bias, two
/// magazines of at most 16 of them; else nothing.
pub fn check_left<E: Packed>(table: &Table<E>, participants: u64) {
    let stats = table.stats();
    let kept = participants.min(16) * 2 * stats.magazine_size as u64;
    let most = if stats.bias { kept } else { 0 };
    assert!(stats.mutators == 0 && stats.free_in_local_stores <= most, "{stats:?}");
}
