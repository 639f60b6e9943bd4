//! The limit on the mappings of a process (`vm.max_map_count`) is reached.

use slotarena::{BuildError, Slab, Table};

use crate::alone::{alone, status_bytes};
use crate::common::check_empty;
use crate::{protected, works};

/// Mappings of one page each, until the system refuses one.
struct Full {
    at: *mut libc::c_void,
    bytes: usize,
}

impl Full {
    /// `None` if the limit is too high to be reached.
    fn new() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("a limit");
        let limit = text.trim().parse::<usize>().expect("a number");
        if limit > 300_000 {
            println!("skipped: {limit} mappings are too many to make");
            return None;
        }
        let bytes = 2 * limit * 4096;
        let (none, flags) = (libc::PROT_NONE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, none, flags, -1, 0) };
        assert_ne!(at, libc::MAP_FAILED);
        for page in (0..2 * limit).step_by(2) {
            let page = at.cast::<u8>().wrapping_add(page * 4096).cast();
            // SAFETY: of this mapping.
            if unsafe { libc::mprotect(page, 4096, libc::PROT_READ) } != 0 {
                break;
            }
        }
        // The system lets a few more new ones be made than parts of old ones.
        for n in 0.. {
            assert!(n < 100, "{limit} mappings are no limit");
            let rights = if n % 2 == 0 { libc::PROT_READ } else { libc::PROT_NONE };
            // SAFETY: a new mapping, which is kept.
            let page = unsafe { libc::mmap(std::ptr::null_mut(), 4096, rights, flags, -1, 0) };
            if page == libc::MAP_FAILED {
                break;
            }
        }
        Some(Self { at, bytes })
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        // SAFETY: nothing else uses it.
        assert_eq!(unsafe { libc::munmap(self.at, self.bytes) }, 0);
    }
}

/// What the crate needs of mappings, it makes when a table is built.
#[test]
fn without_mappings_tables_work_on_and_new_ones_are_errors() {
    alone("maps::without_mappings_tables_work_on_and_new_ones_are_errors", || {
        let table = Table::<u64>::builder().capacity(1_000_000).build().expect("a table");
        let slab = Slab::<u64>::builder().capacity(1_000_000).build().expect("a slab");
        let code = protected();
        let first = table.allocate(0).expect("a slot");
        let mut made = Vec::with_capacity(300_000);
        let Some(full) = Full::new() else { return };
        // Either is refused, or needs no mapping of its own: nothing is lost.
        made.extend((1..300_000).map_while(|n| table.allocate(n).ok()));
        let keys: Vec<_> = (0..1000).map_while(|n| slab.insert(n).ok()).collect();
        let refused = Table::<u64>::builder().capacity(1_000_000).build().expect_err("no mapping");
        let text = refused.to_string();
        assert!(matches!(refused, BuildError::Reserve { .. }), "{text}");
        assert!(text.contains("vm.max_map_count is "), "{text}");
        let swept = table.sweep(0).bytes_refused;
        drop(full);
        println!("{} slots, {} values, {swept} bytes refused", made.len(), keys.len());
        assert!(made.iter().zip(1..).all(|(&handle, n)| table.free(handle) == Ok(n)));
        assert_eq!(table.free(first), Ok(0));
        check_empty(&table);
        assert!(keys.into_iter().all(|key| slab.remove(key)));
        slab.audit().expect("a whole slab");
        works(&code);
    });
}

/// Builds a slab of the default size, and checks that it takes 4 GiB of addresses at most, apart
/// from the words of its ranges.
fn default_size<T: Send + Sync + 'static>() {
    let before = status_bytes("VmSize:");
    let slab = Slab::<T>::new().expect("addresses");
    let reserved = status_bytes("VmSize:") - before;
    let ranges = u64::from(slab.capacity()) / 8 + (1 << 20);
    assert!(reserved <= (1 << 32) + ranges, "{reserved} bytes for {} slots", slab.capacity());
}

#[test]
fn slabs_of_the_default_size_reserve_four_gib_whatever_the_size_of_a_value() {
    alone("maps::slabs_of_the_default_size_reserve_four_gib_whatever_the_size_of_a_value", || {
        default_size::<u64>();
        default_size::<[u64; 2]>();
        default_size::<[u64; 5]>();
        default_size::<[u64; 13]>();
        default_size::<[u64; 1250]>();
    });
}
