//! `Debug`, `Display`, and `source()` of errors.

use slotarena::code::CodePointerError;
use slotarena::{AllocError, BuildError, CodePointerTable, HandleError, Protection};

use crate::common::{handle, is_short, source_of};
use crate::{entry_point, signature, tables};

#[test]
fn debug_of_a_table_is_one_short_line() {
    for table in tables(16) {
        is_short(&table, "CodePointerTable");
        is_short(&table.write_scope(), "WriteScope");
        let text = format!("{table:?}");
        assert!(text.contains(&format!("{:?}", table.protection())), "{text}");
    }
}

#[test]
fn debug_takes_no_lock() {
    for table in tables(16) {
        let s = signature(1);
        let scope = table.write_scope();
        let handle = scope.allocate(entry_point(s, 1), s).expect("a slot");
        let mut met = 0;
        table.for_each_live(|_, _| {
            is_short(&table, "CodePointerTable");
            is_short(&scope, "WriteScope");
            met += 1;
        });
        assert_eq!(met, 1);
        assert_eq!(scope.free(handle), Ok(()));
    }
}

#[test]
fn a_protection_is_displayed_in_words() {
    let texts = Protection::ALL.map(|protection| protection.to_string());
    assert_eq!(Protection::None.to_string(), "none");
    assert_eq!(Protection::DualMapping.to_string(), "dual mapping");
    assert_eq!(Protection::Keys.to_string(), "protection keys");
    assert_eq!(texts.len(), 3);
}

#[test]
fn errors_name_what_was_refused() {
    let refused = BuildError::ProtectionRefused { asked: Protection::Keys, code: 1 };
    assert!(refused.to_string().contains("protection keys"), "{refused}");
    assert!(refused.to_string().contains("os error 1"), "{refused}");
    for (error, word) in [
        (CodePointerError::Forked, "parent process"),
        (CodePointerError::AlreadyUnsealed, "unsealed"),
        (CodePointerError::Seal { code: 1 }, "os error 1"),
    ] {
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn errors_that_wrap_an_error_have_it_as_their_source() {
    for table in tables(1) {
        let s = signature(1);
        let scope = table.write_scope();
        let only = scope.allocate(entry_point(s, 1), s).expect("a slot");
        let full = scope.allocate(entry_point(s, 2), s).expect_err("one slot");
        let inner = AllocError::CapacityExhausted { capacity: 1 };
        assert_eq!(full, CodePointerError::Alloc(inner));
        assert_eq!(source_of(&full), Some(inner.to_string()));
        let gone = scope.free(handle(77)).expect_err("no such slot");
        let inner = HandleError::new(77);
        assert_eq!(gone, CodePointerError::InvalidHandle(inner));
        assert_eq!(source_of(&gone), Some(inner.to_string()));
        for error in [full, gone] {
            let text = error.to_string();
            assert!(!text.contains(&source_of(&error).expect("a source")), "{text}");
        }
        let other = CodePointerError::SignatureChanged { stored: Some(s), given: signature(2) };
        assert_eq!(source_of(&other), None);
        assert_eq!(scope.free(only), Ok(()));
    }
    let builder = CodePointerTable::builder().index_bits(13).read_only_segments(1);
    let error = builder.build().expect_err("no segment is left");
    assert!(matches!(error, BuildError::ReadOnly { asked: 1, .. }), "{error:?}");
    assert!(source_of(&error).is_some(), "{error:?}");
}

#[test]
fn a_capacity_that_is_no_power_of_two_less_one_is_refused() {
    for slots in [2, 1000, 1 << 20, u32::MAX - 1] {
        let error = CodePointerTable::builder().capacity(slots).build().expect_err("no such table");
        assert!(matches!(error, BuildError::IndexBits { slots: found, .. } if found == slots));
        assert!(error.to_string().contains(&slots.to_string()), "{error}");
    }
    assert!(CodePointerTable::builder().capacity(0).build().is_err());
    let table = CodePointerTable::builder().capacity(1023).build().expect("10 bits");
    assert_eq!((table.capacity(), table.entry_layout().mask), (1023, 1023));
}
