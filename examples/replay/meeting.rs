//! The meeting point of the thread that allocates an object and the thread that frees it.
//!
//! There is one word for each object:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | not allocated yet, or freed |
//! | 1 to 2^32 - 129 | allocated: the handle |
//! | 2^32 - 1 - n, for n to 127 | not allocated yet, and thread n sleeps until it is |
//!
//! At most one thread sleeps for an object, because an object is freed once. The sleeper's number
//! therefore fits into the word. The allocating thread finds it in the swap that publishes the
//! handle, and wakes exactly that thread.

use std::hint;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, Thread};

use slotarena::Handle;

/// Loads of the word before the waiting thread yields.
const SPINS: u32 = 100;
/// Yields before the waiting thread sleeps.
const YIELDS: u32 = 4;
/// The thread numbers that a word can tell apart.
const THREADS_MAX: u32 = 128;
/// The greatest word that is a handle.
const HANDLE_MAX: u32 = u32::MAX - THREADS_MAX;

/// The meeting points of all objects of a trace.
pub struct Meeting {
    /// By object. Only its allocating thread and its freeing thread write the word.
    words: Box<[AtomicU32]>,
    /// By number. Set once, before the first round.
    threads: OnceLock<Vec<Thread>>,
    /// Set when the replay cannot go on: all waits end.
    stopped: AtomicBool,
}

impl Meeting {
    /// Creates meeting points for so many objects.
    pub fn new(objects: u32) -> Meeting {
        Meeting {
            words: crate::memory::touched((0..objects).map(|_| AtomicU32::new(0))),
            threads: OnceLock::new(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Sets the threads that may wait, by number.
    pub fn introduce(&self, threads: Vec<Thread>) {
        let _ = self.threads.set(threads);
    }

    /// Publishes the handle of an allocated object, and wakes the thread that waits for it.
    pub fn arrive(&self, object: u32, handle: Handle) {
        // Release: publishes the allocation and its checks to the freeing thread, which reads this
        // word in `look`. No acquire: the old word leads to no other memory.
        let old = self.words[object as usize].swap(handle.to_raw(), Ordering::Release);
        if old > HANDLE_MAX {
            let sleeper = (u32::MAX - old) as usize;
            if let Some(thread) = self.threads.get().and_then(|threads| threads.get(sleeper)) {
                thread.unpark();
            }
        }
    }

    /// Returns the handle of an object that is allocated.
    pub fn look(&self, object: u32) -> Option<Handle> {
        // Acquire: pairs with the release in `arrive`.
        match self.words[object as usize].load(Ordering::Acquire) {
            handle @ 1..=HANDLE_MAX => Handle::from_raw(handle),
            _ => None,
        }
    }

    /// Waits as thread `own` until the object is allocated; `None` if the replay is stopped.
    pub fn wait(&self, object: u32, own: usize) -> Option<Handle> {
        for _ in 0..SPINS {
            if let Some(handle) = self.look(object) {
                return Some(handle);
            }
            hint::spin_loop();
        }
        for _ in 0..YIELDS {
            if let Some(handle) = self.look(object) {
                return Some(handle);
            }
            thread::yield_now();
        }
        let asleep = u32::MAX - own as u32;
        // Relaxed: the mark carries nothing, and on failure `look` reads the word again.
        let _ = self.words[object as usize].compare_exchange(
            0,
            asleep,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        loop {
            if let Some(handle) = self.look(object) {
                return Some(handle);
            }
            // Acquire: pairs with the release in `stop`. If `stop` or `arrive` comes between this
            // load and the park, its unpark makes the park return immediately.
            if self.stopped.load(Ordering::Acquire) {
                return None;
            }
            thread::park();
        }
    }

    /// Records that the object is about to be freed.
    pub fn leave(&self, object: u32) {
        // Relaxed: from now on only this thread reads the word, and the caller of `present` after
        // all threads have come to rest.
        self.words[object as usize].store(0, Ordering::Relaxed);
    }

    /// Returns the allocated objects, with their handles.
    pub fn present(&self) -> impl Iterator<Item = (u32, Handle)> {
        (0..self.words.len() as u32).filter_map(|object| Some((object, self.look(object)?)))
    }

    /// Ends all present and future waits.
    pub fn stop(&self) {
        // Release: pairs with the acquire in `wait` and `stopped`.
        self.stopped.store(true, Ordering::Release);
        for thread in self.threads.get().into_iter().flatten() {
            thread.unpark();
        }
    }

    /// Returns `true` if the replay cannot go on.
    pub fn stopped(&self) -> bool {
        // Acquire: pairs with the release in `stop`.
        self.stopped.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(raw: u32) -> Handle {
        Handle::from_raw(raw).unwrap()
    }

    /// Runs `work` concurrently with a thread that waits for object 0, and returns what that thread
    /// found.
    fn with_sleeper(meeting: &Meeting, work: impl FnOnce()) -> Option<Handle> {
        thread::scope(|scope| {
            let (ready, go) = std::sync::mpsc::channel::<()>();
            let sleeper = scope.spawn(move || {
                let _ = go.recv();
                meeting.wait(0, 0)
            });
            meeting.introduce(vec![sleeper.thread().clone()]);
            ready.send(()).unwrap();
            // Until the thread has left its mark in the word, and is about to sleep.
            while meeting.words[0].load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            assert_eq!(meeting.look(0), None);
            work();
            sleeper.join().unwrap()
        })
    }

    #[test]
    fn an_allocation_wakes_the_thread_that_waits_for_it() {
        let meeting = Meeting::new(2);
        meeting.arrive(1, handle(9));
        let found = with_sleeper(&meeting, || meeting.arrive(0, handle(7)));
        assert_eq!(found, Some(handle(7)));
        assert!(meeting.present().eq([(0, handle(7)), (1, handle(9))]));
        meeting.leave(0);
        assert!(meeting.present().eq([(1, handle(9))]));
    }

    #[test]
    fn a_stop_wakes_every_thread() {
        let meeting = Meeting::new(1);
        assert_eq!(with_sleeper(&meeting, || meeting.stop()), None);
        assert!(meeting.stopped() && meeting.wait(0, 0).is_none());
    }

    #[test]
    fn no_thread_waits_for_an_allocated_object() {
        let meeting = Meeting::new(1);
        meeting.arrive(0, handle(u32::MAX - THREADS_MAX));
        assert_eq!(meeting.wait(0, 0), Some(handle(HANDLE_MAX)));
    }
}
