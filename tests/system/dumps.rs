//! What a core dump has of a table: of a plain one the part that was once in use, of a protected
//! one nothing. The flag `dd` of a mapping leaves it out.

use std::path::PathBuf;
use std::process::Command;

use slotarena::code::CodePointerTable;
use slotarena::{Protection, Slab, Table};

use crate::alone::{alone, limit};
use crate::{mappings, protected, works};

#[test]
fn a_dump_has_the_used_part_of_a_plain_table() {
    alone("dumps::a_dump_has_the_used_part_of_a_plain_table", || {
        let table = Table::<u64>::builder().capacity(4_000_000).build().expect("a table");
        for n in 0..200_000 {
            table.allocate(n).expect("a slot");
        }
        let found = mappings(table.base().addr(), table.reserved_bytes());
        assert_eq!(found.len(), 2, "{found:?}");
        for (head, flags) in found {
            let (writable, left_out) = (head.contains(" rw-p "), flags.contains(" dd"));
            assert!(writable != left_out, "{head}: {flags}");
        }
    });
}

#[test]
fn a_dump_has_nothing_of_a_protected_table() {
    alone("dumps::a_dump_has_nothing_of_a_protected_table", || {
        let table = protected();
        works(&table);
        let mut found = mappings(table.entry_layout().base, table.reserved_bytes());
        assert_eq!(found.len(), 2, "{found:?}");
        let all = mappings(0, usize::MAX);
        found.extend(all.into_iter().filter(|(head, _)| head.contains("memfd:slotarena")));
        assert!(found.len() >= 5, "{found:?}");
        for (head, flags) in found {
            assert!(flags.contains(" dd"), "{head}: {flags}");
        }
    });
}

/// Tables and a slab as a program has them that sets nothing, with something in each.
struct Defaults(Table<u64>, #[allow(dead_code)] Slab<u64>, Option<CodePointerTable>);

impl Defaults {
    fn new(protection: Option<Protection>) -> Self {
        let table = Table::new().expect("a table");
        let slab = Slab::new().expect("a slab");
        for n in 0..10_000 {
            table.allocate(n).expect("a slot");
            slab.insert(n).expect("a slot");
        }
        let code = protection.map(|protection| {
            CodePointerTable::builder().protection(protection).build().expect("a table")
        });
        code.iter().for_each(works);
        Self(table, slab, code)
    }

    fn reserved(&self) -> usize {
        let code = self.2.as_ref().map_or(0, CodePointerTable::reserved_bytes);
        self.0.reserved_bytes() + code
    }
}

/// An empty folder.
fn folder() -> PathBuf {
    let path = std::env::temp_dir().join(format!("slotarena-core-{}", std::process::id()));
    std::fs::create_dir(&path).expect("a folder");
    path
}

/// Removes a folder, and returns the size of the only file there. `None` if there is none.
fn size(folder: PathBuf) -> Option<u64> {
    let file = std::fs::read_dir(&folder).expect("the folder").next();
    let bytes = file.map(|file| file.expect("an entry").metadata().expect("its size").len());
    std::fs::remove_dir_all(folder).expect("it was there");
    bytes
}

fn check_size(bytes: u64, reserved: usize) {
    assert!(reserved > 1 << 30, "{reserved}: too small to tell");
    assert!((64 << 10..16 << 20).contains(&bytes), "{bytes} bytes, of {reserved} reserved");
}

/// A child of `fork` has all but the protected table.
#[test]
fn a_core_by_the_kernel_is_small() {
    alone("dumps::a_core_by_the_kernel_is_small", || {
        let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").expect("a pattern");
        if pattern.contains(['|', '/']) {
            println!("skipped: cores go elsewhere: {pattern}");
            return;
        }
        let (all, folder) = (Defaults::new(None), folder());
        // SAFETY: the child has this thread alone. What it needs of the C library works there.
        let child = unsafe { libc::fork() };
        if child == 0 {
            std::env::set_current_dir(&folder).expect("the folder");
            limit(libc::RLIMIT_CORE, None);
            std::process::abort();
        }
        let mut status = 0;
        // SAFETY: waits for the child, and writes to `status`.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        match size(folder) {
            Some(bytes) => check_size(bytes, all.reserved()),
            None => println!("skipped: no core: {status:x}"),
        }
    });
}

/// The size of a core of this process.
fn gcore() -> Option<u64> {
    let folder = folder();
    let mut gcore = Command::new("gcore");
    gcore.arg("-o").arg(folder.join("core")).arg(std::process::id().to_string());
    let done = gcore.output();
    let bytes = size(folder);
    if bytes.is_none() {
        println!("skipped: no gcore here: {done:?}");
    }
    bytes
}

#[test]
fn a_core_by_a_debugger_is_small() {
    alone("dumps::a_core_by_a_debugger_is_small", || {
        // SAFETY: takes numbers.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY, 0, 0, 0) };
        let Some(before) = gcore() else { return };
        let all = Defaults::new(Some(Protection::DualMapping));
        let after = gcore().expect("a core, as before");
        check_size(after.saturating_sub(before), all.reserved());
    });
}
