//! The process that a value belongs to: the one that made it, and not a child that inherited it.
//!
//! A page that the kernel clears in a child of the process (`MADV_WIPEONFORK`, Linux 4.14) holds a
//! number, the process's *mark*. So a load tells whether a value was inherited, whichever system
//! call made the child, and without a handler. Where there is no such page, process identifiers are
//! compared, which takes a system call.
//!
//! - `Process`: remembers a process (Linux)
//! - `Watch`: what each operation checks, on any system

use crate::sync::unmodelled::AtomicU32;
use crate::sync::{Ordering, PagePadding};

#[cfg(all(linux_mappings, not(model)))]
pub(crate) use imp::Process;

/// Where in its page lies what every operation loads: away from the offsets at which participants
/// keep what operations store (see [`PagePadding`]).
const READ_AT: usize = 0xf00;

/// Tells by one load whether the calling process still is the one in which this was made.
pub(crate) struct Watch<'a> {
    word: &'a AtomicU32,
    /// What the word is in that process.
    mark: u32,
}

fmt!(['a] Debug for Watch<'a>, |_, f| f.write_str("Watch"));

impl Watch<'static> {
    /// Makes a watch for what a child has a copy of: it is current in any process.
    pub(crate) fn idle() -> Self {
        /// Page-aligned: see [`READ_AT`].
        #[repr(C, align(4096))]
        struct Page {
            _padding: PagePadding<READ_AT>,
            word: AtomicU32,
        }
        static NEVER_CHANGES: Page = Page { _padding: PagePadding::new(), word: AtomicU32::new(0) };
        Watch { word: &NEVER_CHANGES.word, mark: 0 }
    }
}

impl Watch<'_> {
    #[inline(always)]
    pub(crate) fn is_current(&self) -> bool {
        // Relaxed: a number that only the kernel changes, before a child runs, or a flag that
        // carries no data.
        self.word.load(Ordering::Relaxed) == self.mark
    }
}

#[cfg(all(linux_mappings, not(model)))]
mod imp {

    use core::ptr;

    use super::super::unix;
    use super::{READ_AT, Watch};
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
            let same = self.page.is_some() || self.id == std::process::id();
            same && self.watch().is_current()
        }

        /// Returns what tells by a load whether this process is current. Without a page, it tells
        /// in a child only after [`leave`](Self::leave).
        pub(crate) fn watch(&self) -> Watch<'_> {
            match self.page {
                Some(word) => Watch { word, mark: self.mark },
                None => Watch { word: &self.left, mark: 0 },
            }
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
        let word = unsafe { &*at.wrapping_byte_add(READ_AT).cast::<AtomicU32>() };
        // If another thread was first, this page stays mapped and unused, which happens once at
        // most for each thread.
        Some(PAGE.get_or_init(|| word))
    }
}
