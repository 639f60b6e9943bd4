//! Made-up handles: reading them takes page tables, and no memory for entries.

use slotarena::{CodePointerTable, Protection};

use crate::alone::{alone, status_bytes};

/// A page table of 4 KiB maps 2 MiB of addresses.
#[test]
fn reading_all_handles_takes_page_tables_alone() {
    alone("reading::reading_all_handles_takes_page_tables_alone", || {
        for protection in Protection::ALL.into_iter().filter(|p| p.is_available()) {
            let builder = CodePointerTable::builder().index_bits(27).protection(protection);
            let table = builder.build().expect("a table of 1 GiB");
            let figures = || ["VmPTE:", "VmRSS:"].map(status_bytes);
            let [tables, resident] = figures();
            assert!((1..1 << 27).step_by(512).all(|raw| table.get_raw(raw).is_none()));
            let [more_tables, more_resident] = figures();
            let taken = more_tables - tables;
            assert!((1 << 20..5 << 20).contains(&taken), "{taken} bytes, {protection}");
            assert!(more_resident < resident + (1 << 20), "{resident} {more_resident}");
        }
    });
}
