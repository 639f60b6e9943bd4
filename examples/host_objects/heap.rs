//! The table, and the phase of its collection.

use std::cell::RefCell;
use std::mem;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use slotarena::Handle;
use slotarena::collected::{
    CollectionReport, Compaction, ExternalPointerTable, Marking, Relocated, Space, Sweeping, Tag,
    TagRange,
};

use crate::text::chain;

/// The slots of the table: more than any script has live objects.
const SLOTS: u32 = 1 << 20;
/// The segments that a compaction is to free at least. It costs the guest a whole collection.
const WORTH: u64 = 2;

/// How sweeps are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sweeper {
    /// In steps, between the steps of the script.
    Steps,
    /// By a thread, while the script runs on.
    Thread,
}

/// The phase of the table's collection.
#[derive(Default)]
enum Phase {
    #[default]
    Idle,
    Marking(Marking),
    Sweeping(Sweeping),
    /// A thread sweeps.
    Away(JoinHandle<Result<CollectionReport, String>>),
    Relocating(Compaction),
}

/// What a visit did with a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    Marked,
    Moved,
    Nothing,
}

/// A table with one space, and the phase of its collection.
pub struct Heap {
    phase: RefCell<Phase>,
    space: Space,
    table: ExternalPointerTable,
    sweeper: Sweeper,
}

impl Heap {
    pub fn new(sweeper: Sweeper) -> Result<Self, String> {
        let table = ExternalPointerTable::builder().capacity(SLOTS).build().map_err(chain)?;
        let space = table.space().map_err(chain)?;
        let phase = RefCell::default();
        Ok(Self { phase, space, table, sweeper })
    }

    pub fn table(&self) -> &ExternalPointerTable {
        &self.table
    }

    /// Makes an entry that owns an object.
    pub fn allocate<T>(&self, tag: Tag<T>, object: Box<T>) -> Result<Handle, String>
    where
        T: Send + Sync + 'static,
    {
        self.space.allocate_owned(tag, object).map_err(chain)
    }

    /// Uses the object of this tag behind any number.
    pub fn with<T, R>(&self, raw: u32, tag: Tag<T>, f: impl FnOnce(&T) -> R) -> Option<R>
    where
        T: Send + Sync + 'static,
    {
        self.table.with(raw, tag, f).ok()
    }

    /// Returns `true` if any number leads to an entry with any tag.
    pub fn reaches(&self, raw: u32, tag: u16) -> bool {
        let tags = TagRange::new(tag, tag);
        tags.is_some_and(|tags| self.table.get_in(raw, tags).is_some())
    }

    /// Counts the slots of the segments in use. Stops the space for a moment.
    pub fn slots(&self) -> u64 {
        self.space.stats().slots_committed
    }

    pub fn is_idle(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Idle)
    }

    /// Returns `true` if the guest's tracer may visit handles.
    pub fn takes_visits(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Marking(_) | Phase::Relocating(_))
    }

    /// Begins to mark. Nothing else is under way.
    pub fn begin(&self) -> Result<(), String> {
        let marking = self.table.begin(&[&self.space]).map_err(chain)?;
        *self.phase.borrow_mut() = Phase::Marking(marking);
        Ok(())
    }

    /// Marks or relocates a handle, as the phase wants it.
    pub fn visit(&self, handle: &AtomicU32) -> Result<Visit, String> {
        match &mut *self.phase.borrow_mut() {
            Phase::Marking(marking) => {
                let is_first = marking.mark(handle.load(Ordering::Relaxed));
                Ok(if is_first { Visit::Marked } else { Visit::Nothing })
            }
            Phase::Relocating(compaction) => {
                let relocated = compaction.relocate(handle).map_err(chain)?;
                Ok(if relocated == Relocated::Moved { Visit::Moved } else { Visit::Nothing })
            }
            _ => Ok(Visit::Nothing),
        }
    }

    /// Begins to sweep, if the marking is under way.
    pub fn start_sweep(&self) -> Result<(), String> {
        let mut phase = self.phase.borrow_mut();
        *phase = match mem::take(&mut *phase) {
            Phase::Marking(marking) => {
                let sweeping = marking.sweep().map_err(chain)?;
                match self.sweeper {
                    Sweeper::Steps => Phase::Sweeping(sweeping),
                    Sweeper::Thread => {
                        Phase::Away(thread::spawn(|| sweeping.finish().map_err(chain)))
                    }
                }
            }
            other => other,
        };
        Ok(())
    }

    /// Sweeps this many segments, if a sweep in steps is under way. Returns `true` if there is more
    /// to do.
    pub fn step(&self, segments: usize) -> Result<bool, String> {
        match &mut *self.phase.borrow_mut() {
            Phase::Sweeping(sweeping) => sweeping.step(segments).map_err(chain),
            _ => Ok(true),
        }
    }

    /// Returns `true` if a sweep in steps is under way.
    pub fn takes_steps(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Sweeping(_))
    }

    /// Returns `true` if a thread has swept all.
    pub fn is_swept(&self) -> bool {
        matches!(&*self.phase.borrow(), Phase::Away(thread) if thread.is_finished())
    }

    /// Ends a sweep, if one is under way.
    pub fn finish(&self) -> Result<Option<CollectionReport>, String> {
        let phase = mem::take(&mut *self.phase.borrow_mut());
        match phase {
            Phase::Sweeping(sweeping) => sweeping.finish().map(Some).map_err(chain),
            Phase::Away(thread) => match thread.join() {
                Ok(report) => report.map(Some),
                Err(_) => Err("a drop panicked".to_owned()),
            },
            other => {
                *self.phase.borrow_mut() = other;
                Ok(None)
            }
        }
    }

    /// Returns `true` if a compaction would free memory. Nothing is under way.
    pub fn wants_compaction(&self) -> bool {
        let plan = self.is_idle().then(|| self.space.compaction_plan()).flatten();
        plan.is_some_and(|plan| plan.segments - plan.needed >= WORTH)
    }

    /// Begins a compaction. Nothing else is under way.
    pub fn begin_compaction(&self) -> Result<(), String> {
        if let Some(compaction) = self.table.compact(&self.space).map_err(chain)? {
            *self.phase.borrow_mut() = Phase::Relocating(compaction);
        }
        Ok(())
    }

    /// Ends a compaction, if one is under way.
    pub fn end_compaction(&self) -> Result<(), String> {
        let phase = mem::take(&mut *self.phase.borrow_mut());
        match phase {
            Phase::Relocating(compaction) => compaction.finish().map(drop).map_err(chain),
            other => {
                *self.phase.borrow_mut() = other;
                Ok(())
            }
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // A thread's sweep ends first.
        match mem::take(self.phase.get_mut()) {
            Phase::Away(thread) => drop(thread.join()),
            other => drop(other),
        }
    }
}
