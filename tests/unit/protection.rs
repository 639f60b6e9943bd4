//! Unit tests of `src/sys/protection.rs`.

use super::*;

#[test]
#[cfg(not(model))]
fn rights_nest_and_end_in_any_order() {
    let protection = Protection::DualMapping;
    assert!(!Rights::are_open(protection) && Rights::are_open(Protection::None));
    let first = Rights::open(protection);
    let second = Rights::open(protection);
    drop(first);
    assert!(Rights::are_open(protection));
    std::thread::spawn(move || assert!(!Rights::are_open(protection))).join().expect("ended");
    drop(second);
    assert!(!Rights::are_open(protection));
}

#[test]
fn there_is_always_one() {
    assert!(Protection::strongest().is_available() && Protection::None.is_available());
}
