//! Descriptors run out, are closed, and the size of files is limited. A protected table keeps no
//! descriptor.

use std::fs::{self, File};
use std::io::Write;

use slotarena::{BuildError, CodePointerTable, Protection};

use crate::alone::{alone, limit};
use crate::{protected, works};

#[test]
fn a_thousand_protected_tables_take_no_descriptor() {
    alone("descriptors::a_thousand_protected_tables_take_no_descriptor", || {
        limit(libc::RLIMIT_NOFILE, Some(64));
        let before = fs::read_dir("/proc/self/fd").expect("open files").count();
        let tables: Vec<CodePointerTable> =
            (0..1000).map(|_| CodePointerTable::new().expect("a table")).collect();
        assert_eq!(fs::read_dir("/proc/self/fd").expect("open files").count(), before);
        for table in &tables {
            assert_ne!(table.protection(), Protection::None);
            assert_eq!(table.capacity(), (1 << 28) - 1);
        }
        works(&tables[999]);
    });
}

/// A daemon closes all descriptors but the standard ones. Its next file gets their numbers.
#[test]
fn a_program_that_closes_all_descriptors_keeps_its_files_and_its_table() {
    alone(
        "descriptors::a_program_that_closes_all_descriptors_keeps_its_files_and_its_table",
        || {
            let table = protected();
            works(&table);
            // SAFETY: this process uses none of them.
            assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 0);
            let path = std::env::temp_dir().join(format!("slotarena-{}", std::process::id()));
            let mut file = File::create_new(&path).expect("a file");
            file.write_all(&[7; 300_000]).expect("written");
            works(&table);
            let kept = fs::read(&path).expect("the file");
            fs::remove_file(&path).expect("removed");
            assert!(kept.len() == 300_000 && kept.iter().all(|&byte| byte == 7));
            drop(table);
            // Still open: dropping the table has closed nothing.
            file.write_all(&[7]).expect("written");
        },
    );
}

/// A table needs no file of its size where files may not have it: no signal ends the process.
#[test]
fn with_a_limit_on_files_a_table_is_protected_and_of_full_size() {
    alone("descriptors::with_a_limit_on_files_a_table_is_protected_and_of_full_size", || {
        limit(libc::RLIMIT_FSIZE, Some(1 << 30));
        let table = CodePointerTable::new().expect("a table");
        assert_eq!(table.capacity(), (1 << 28) - 1);
        assert_ne!(table.protection(), Protection::None);
        works(&table);
    });
}

#[test]
fn without_a_descriptor_a_table_is_protected() {
    alone("descriptors::without_a_descriptor_a_table_is_protected", || {
        limit(libc::RLIMIT_NOFILE, Some(64));
        let files: Vec<File> =
            std::iter::from_fn(|| File::open("/dev/null").ok()).take(100).collect();
        assert!(files.len() < 100, "all are taken");
        let table = CodePointerTable::new().expect("a table");
        drop(files);
        assert_ne!(table.protection(), Protection::None);
        works(&table);
    });
}

/// A refusal for want of addresses holds for the moment, and makes no table without protection.
#[test]
fn a_protection_that_is_refused_for_the_moment_is_asked_for_again() {
    alone("descriptors::a_protection_that_is_refused_for_the_moment_is_asked_for_again", || {
        limit(libc::RLIMIT_AS, Some(4096));
        let refused = [
            CodePointerTable::new().map(drop),
            CodePointerTable::builder().protection(Protection::DualMapping).build().map(drop),
        ];
        let is_available = Protection::DualMapping.is_available();
        limit(libc::RLIMIT_AS, None);
        assert!(!is_available);
        let (asked, code) = (Protection::DualMapping, libc::ENOMEM);
        assert_eq!(refused, [Err(BuildError::ProtectionRefused { asked, code }); 2]);
        let table = CodePointerTable::new().expect("a table");
        assert_eq!(table.protection(), Protection::strongest());
        assert!(Protection::DualMapping.is_available());
        works(&table);
    });
}
