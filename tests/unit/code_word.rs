//! Unit tests of `src/code/word.rs`.

use super::*;

fn at(address: usize) -> EntryPoint {
    EntryPoint(NonZeroUsize::new(address).expect("not null"))
}

#[test]
fn no_signature_is_taken_for_a_native_function() {
    let last = Signature::new(Signature::LIMIT - 1).expect("below the limit");
    let entry = CodeWord::compiled(at(0xffff_ffff_fff0), last).expect("it fits");
    assert_eq!(entry.as_native(), None);
    let native = CodeWord::native(at(0xffff_ffff_ffff)).expect("it fits");
    assert!((0..Signature::LIMIT).all(|n| native.under(Signature(n)).is_none()));
    let native = CodeWord::native(at(16)).expect("it fits");
    assert!((0..Signature::LIMIT).all(|n| native.under(Signature(n)).is_none()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let signature = Signature(3);
    assert!(CodeWord::compiled(at(0x1008), signature).is_none());
    assert!(CodeWord::compiled(at(1 << 48), signature).is_none());
    assert!(CodeWord::native(at(1 << 48)).is_none());
    assert!(CodeWord::native(at(0x1001)).is_some());
    assert!(EntryPoint::new(core::ptr::null()).is_none());
}

#[test]
fn a_free_slots_word_has_no_tag() {
    // Free and uninitialized slots have bit 63 clear, whatever their cycle and link.
    for word in [0, 1 << 62, (1 << 62) - 1] {
        assert_ne!((word ^ Signature(0).tag()) & Signature::MASK, 0);
        assert_ne!((word ^ Signature::NATIVE_TAG) & Signature::NATIVE_MASK, 0);
    }
}

quickcheck::quickcheck! {
    fn an_entry_is_found_under_its_signature_alone(address: u64, a: u32, b: u32) -> bool {
        let address = (address & ADDRESS & !ALIGNMENT) | 16;
        let (a, b) = (Signature(a % Signature::LIMIT), Signature(b % Signature::LIMIT));
        let entry = CodeWord::compiled(at(address as usize), a).expect("it fits");
        let expected = (a == b).then(|| at(address as usize));
        let generated = entry.live() ^ b.tag();
        let found = (generated & Signature::MASK == 0).then_some(generated);
        entry.under(b) == expected
            && found == expected.map(|e| e.address() as u64)
            && entry.read().and_then(|read| read.signature) == Some(a)
    }
}
