//! What a core dump has of a table: of a plain one the part that was once in use, of a protected
//! one nothing. The flag `dd` of a mapping leaves it out.

use slotarena::Table;

use crate::alone::alone;
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
