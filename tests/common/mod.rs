//! What the test files share.
//!
//! Each of them is a program of its own and uses its share of this.
#![allow(dead_code)]

use slotarena::{AllocError, Audit, FreeManyError, Handle, HandleError, Mutator, Packed, SetError};
use slotarena::{SEGMENT_BYTES, Table};

/// The line that tells the test command how much was tried.
pub fn cases(name: &str, count: u64) {
    println!("cases: {name} {count}");
}

/// Random numbers, the same ones in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number from 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// A bijection that leaves no bit where it was.
pub fn mix(x: u64) -> u64 {
    let x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ x >> 31
}

/// The handle with this number, which is not 0.
pub fn handle(raw: u32) -> Handle {
    Handle::try_from(raw).expect("not null")
}

/// Slots of a segment, slot 0 counted.
pub const fn slots_per_segment<E: Packed>() -> usize {
    SEGMENT_BYTES / Table::<E>::ENTRY_SIZE
}

/// One of the ways to operate on a table.
pub enum Participant<'t, E: Packed> {
    Thread(&'t Table<E>),
    Mutator(Mutator<'t, E>),
}

/// Forwards to whichever it is.
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
    /// Frees by `free_unchecked`.
    ///
    /// # Safety
    ///
    /// The slot is live, and nobody else frees or sets it.
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

/// Runs `work` on several threads at once and waits until they are gone, thread-locals and all,
/// which the end of a scope alone does not wait for.
pub fn on_threads<R: Send>(threads: usize, work: impl Fn(usize) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let work = &work;
        let running: Vec<_> = (0..threads).map(|i| scope.spawn(move || work(i))).collect();
        let ended = running.into_iter().map(|thread| thread.join());
        ended.map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// The panic message of `f`, which must panic.
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
    let payload = caught.err().expect("no panic");
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("").to_owned()
}

/// Holds the counts of a table that nobody is using against what an audit finds, and returns
/// that.
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

/// Sees that nothing is handed out, and that a sweep then gives all memory back.
#[track_caller]
pub fn check_empty<E: Packed>(table: &Table<E>) {
    let audit = check(table);
    assert_eq!((audit.live, audit.uninitialized), (0, 0), "still handed out");
    let report = table.sweep(0);
    assert_eq!(report.segments_committed, 0, "{report:?}");
    assert_eq!(check(table).segments, []);
}

/// Sees that all slots of a table can be had, from this thread, and no more; then frees them.
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
