//! Unit tests of `src/sync/placed.rs`.

use super::*;

struct Part([u64; 32]);

impl InPage for Part {
    const AT: usize = 0x880;
}

#[test]
fn a_part_lies_at_its_offset_and_one_of_a_small_table_takes_what_it_needs() {
    let (layout_apart, at) = layout::<Part>(Place::Apart);
    assert_eq!((layout_apart.size(), layout_apart.align(), at), (PAGE, PAGE, Part::AT));
    let (layout_anywhere, at) = layout::<Part>(Place::Anywhere);
    assert_eq!((layout_anywhere.size(), at), (size_of::<Part>(), 0));
    for place in [Place::Apart, Place::Anywhere] {
        let part = Placed::new(Part([7; 32]), place).expect("memory");
        assert!(place == Place::Anywhere || part.value.addr().get() % PAGE == Part::AT);
        let raw = part.into_raw();
        // SAFETY: of this place, and not used otherwise.
        let part = unsafe { Placed::from_raw(raw, place) };
        assert_eq!(part.0, [7; 32]);
    }
}

#[test]
fn memory_is_freed_also_if_the_drop_of_the_contents_panics() {
    struct Bad([u64; 2]);
    impl InPage for Bad {
        const AT: usize = 0;
    }
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("{}", self.0[0]);
        }
    }
    let bad = Placed::new(Bad([1, 2]), Place::Apart).expect("memory");
    assert!(std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| drop(bad))).is_err());
}
