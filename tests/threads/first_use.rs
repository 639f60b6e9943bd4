//! A table in a `static` that two threads use for the first time at the same moment.

use slotarena::{StaticTable, Table};

use crate::common::{Random, cases, check, on_threads};
use crate::racing::{Line, THREADS};

/// How many there are: each is there for good once it has been used.
const TABLES: usize = 500;

static FRESH: [StaticTable<u64>; TABLES] =
    [const { StaticTable::new(Table::builder().capacity(100)) }; TABLES];

#[test]
fn of_several_that_use_a_static_table_first_all_get_the_same() {
    let line = Line::new();
    let seen = on_threads(THREADS, |i| {
        let mut random = Random::new(i as u64);
        let mut count = 0;
        let mut use_one = |fresh: &'static StaticTable<u64>| {
            line.start(i, &mut count, &mut random);
            let table = fresh.get().expect("a table");
            let handle = table.allocate(i as u64).expect("a slot");
            (std::ptr::from_ref(table).addr(), handle)
        };
        FRESH.iter().map(&mut use_one).collect::<Vec<_>>()
    });
    for (fresh, (one, other)) in FRESH.iter().zip(seen[0].iter().zip(&seen[1])) {
        assert_eq!(one.0, other.0, "two tables in one static");
        assert_ne!(one.1, other.1, "one slot for two");
        let table = fresh.get().expect("a table");
        assert_eq!((table.get(one.1), table.get(other.1)), (Some(0), Some(1)));
        assert_eq!(check(table).live, 2);
    }
    cases("static tables used first by two", TABLES as u64);
}
