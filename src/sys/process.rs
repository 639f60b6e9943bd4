//! The process that a value belongs to: the one that made it, and not a child that inherited it.
//!
//! A page that the kernel clears in a child of the process (`MADV_WIPEONFORK`, Linux 4.14) holds a
//! number, the process's *mark*. So a load tells whether a value was inherited, whichever system
//! call made the child, and without a handler. Where there is no such page, process identifiers are
//! compared, which takes a system call.

use core::ptr;

use super::unix;
use crate::sync::unmodelled::AtomicU32;
use crate::sync::{OnceLock, Ordering};

/// A process: the one that called [`current`](Self::current).
#[derive(Debug)]
pub(crate) struct Process {
    /// The page's word, where there is a page.
    page: Option<&'static AtomicU32>,
    /// What the word is in this process. Not 0.
    mark: u32,
    id: u32,
    /// Not 0 in a child that knows that it is one. Serves where there is no page.
    left: AtomicU32,
}

impl Process {
    pub(crate) fn current() -> Self {
        let page = page();
        let mark = page.map_or(0, mark);
        Self { page, mark, id: std::process::id(), left: AtomicU32::new(0) }
    }

    /// Returns `true` in the process that made this value, and `false` in its children.
    pub(crate) fn is_current(&self) -> bool {
        let (word, mark) = match self.page {
            Some(word) => (word, self.mark),
            None if self.id != std::process::id() => return false,
            None => (&self.left, 0),
        };
        // Relaxed: a number that only the kernel changes, before a child runs, or a flag that
        // carries no data.
        word.load(Ordering::Relaxed) == mark
    }

    /// Notes that the calling process is a child. Async-signal-safe.
    pub(crate) fn leave(&self) {
        // Relaxed: a flag that carries no data.
        self.left.store(1, Ordering::Relaxed);
    }
}

/// Returns the mark of the calling process, and sets it first in a new process.
fn mark(word: &AtomicU32) -> u32 {
    // A child inherits the counter, so no two processes of a family have one mark in common.
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // Relaxed: the number itself is all that is passed on.
    let known = word.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // Relaxed: the numbers only have to differ.
    let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
    // Relaxed: the number itself is all that is passed on, and the first to set it has set it.
    match word.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => fresh,
        Err(known) => known,
    }
}

/// Returns the word of the page that the kernel clears in children. `None` where it has none to
/// give, or none at the moment.
fn page() -> Option<&'static AtomicU32> {
    const WIPE_ON_FORK: libc::c_int = 18;
    static PAGE: OnceLock<&'static AtomicU32> = OnceLock::new();
    if let Some(page) = PAGE.get() {
        return Some(page);
    }
    let bytes = unix::page_bytes()?;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANON;
    // SAFETY: a fresh anonymous mapping touches no existing memory.
    let at = unsafe { libc::mmap(ptr::null_mut(), bytes, rights, flags, -1, 0) };
    let at = unix::mapped(at).ok()?;
    // SAFETY: advice on a page that was mapped just now.
    if unsafe { libc::madvise(at, bytes, WIPE_ON_FORK) } != 0 {
        // SAFETY: mapped just now, and nothing refers to it.
        unsafe { libc::munmap(at, bytes) };
        return None;
    }
    // SAFETY: mapped just now, zeroed, aligned, and never unmapped from here on.
    let word = unsafe { &*at.cast::<AtomicU32>() };
    // If another thread was first, this page stays mapped and unused, which happens once at
    // most for each thread.
    Some(PAGE.get_or_init(|| word))
}
