//! A global allocator that keeps a slot of a table for each block that it gives out.
//!
//! So the table is used in the middle of the table's own allocations, and while threads end.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_pointer_width = "64", not(any(miri, slotarena_heap))))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use slotarena::{Handle, Slab, Table};

/// The blocks that are given out, by their sizes.
static BLOCKS: LazyLock<Table<u64>> =
    LazyLock::new(|| Table::builder().capacity(1 << 20).build().expect("a table"));

static IS_ON: AtomicBool = AtomicBool::new(false);

/// Blocks whose slot was refused, since their thread was inside a call on the table.
static REFUSED: AtomicU64 = AtomicU64::new(0);

std::thread_local! {
    /// The hooks of the thread's own hooks are left out, as such allocators do.
    static IS_INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Room in front of a block for its handle.
const HEAD: usize = 16;

fn hook<R>(f: impl FnOnce() -> R) -> Option<R> {
    if !IS_ON.load(Ordering::Relaxed) || IS_INSIDE.replace(true) {
        return None;
    }
    let result = f();
    IS_INSIDE.set(false);
    Some(result)
}

struct Keeping;

fn with_head(layout: Layout) -> Option<Layout> {
    let size = layout.size().checked_add(HEAD)?;
    Layout::from_size_align(size, HEAD).ok().filter(|_| layout.align() <= HEAD)
}

// SAFETY: the system's allocator, with a head in front of each block of a usual alignment.
unsafe impl GlobalAlloc for Keeping {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(with_head) = with_head(layout) else {
            // SAFETY: by the contract of this function.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: the size is not 0.
        let block = unsafe { System.alloc(with_head) };
        if block.is_null() {
            return block;
        }
        let slot = hook(|| BLOCKS.allocate(layout.size() as u64));
        if let Some(Err(_)) = slot {
            REFUSED.fetch_add(1, Ordering::Relaxed);
        }
        let raw = slot.and_then(Result::ok).map_or(0, Handle::to_raw);
        // SAFETY: the head is there, and aligned.
        unsafe { block.cast::<u32>().write(raw) };
        block.wrapping_add(HEAD)
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        let Some(with_head) = with_head(layout) else {
            // SAFETY: by the contract of this function.
            return unsafe { System.dealloc(at, layout) };
        };
        let block = at.wrapping_sub(HEAD);
        // SAFETY: `alloc` has written it.
        let raw = unsafe { block.cast::<u32>().read() };
        if let Some(handle) = Handle::from_raw(raw) {
            let freed = hook(|| BLOCKS.free(handle));
            if !matches!(freed, Some(Ok(size)) if size == layout.size() as u64) {
                REFUSED.fetch_add(1, Ordering::Relaxed);
            }
        }
        // SAFETY: by the contract of this function.
        unsafe { System.dealloc(block, with_head) };
    }
}

#[global_allocator]
static ALLOCATOR: Keeping = Keeping;

#[test]
fn an_allocator_keeps_its_blocks_in_a_table() {
    let first = BLOCKS.allocate(0).expect("a slot");
    assert_eq!(BLOCKS.free(first), Ok(0));
    IS_ON.store(true, Ordering::Relaxed);
    let kept: Vec<Box<u64>> = (0..1000).map(Box::new).collect();
    for round in 0..50 {
        let thread = std::thread::spawn(move || {
            let blocks: Vec<Box<u64>> = (0..1000).map(Box::new).collect();
            let slab = Slab::<Vec<u8>>::builder().capacity(1000).build().expect("a slab");
            let keys: Vec<_> = (0..500)
                .map(|n| slab.insert(vec![round; n + 1]).map_err(|e| e.error()).expect("room"))
                .collect();
            assert!(keys.into_iter().all(|key| slab.remove(key)));
            blocks.len()
        });
        assert_eq!(thread.join().expect("no panic"), 1000);
        BLOCKS.sweep(0);
    }
    drop(kept);
    IS_ON.store(false, Ordering::Relaxed);
    let (live, refused) = (BLOCKS.stats().live, REFUSED.load(Ordering::Relaxed));
    // What the program still has, and what was refused while a thread registered.
    assert!(live < 1000, "{live} of the blocks are left, {refused} were refused");
    assert!(refused < 50 * 20, "{refused} were refused");
    BLOCKS.audit().expect("a sound table");
}
