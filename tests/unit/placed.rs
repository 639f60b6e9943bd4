//! Unit tests of `src/sync/placed.rs`.

use super::*;

struct Part([u64; 32]);

impl InPage for Part {
    const AT: usize = 0x880;
    const STORED: Range<usize> = 128..256;
}

#[test]
fn a_part_lies_at_its_offset_and_one_of_a_small_table_takes_what_it_needs() {
    let (layout_apart, at) = layout::<Part>(Place::Apart);
    assert_eq!((layout_apart.size(), layout_apart.align(), at), (PAGE, PAGE, Part::AT));
    let (layout_anywhere, at) = layout::<Part>(Place::Anywhere);
    assert_eq!((layout_anywhere.size(), at), (size_of::<Part>(), 0));
    for place in [Place::Apart, Place::Anywhere] {
        let part = Placed::new(Part([7; 32]), place, None).expect("memory");
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
    let bad = Placed::new(Bad([1, 2]), Place::Apart, None).expect("memory");
    assert!(std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| drop(bad))).is_err());
}

#[test]
fn what_is_stored_does_not_alias_what_is_shared() {
    let shared = 0x7000_0b00;
    let begin = |offset: usize| 0x1000_0000 + offset - Part::STORED.start;
    for (offset, is_aliased) in
        [(0xa80, false), (0xa81, true), (0xb00, true), (0xfff, true), (0, false), (0x880, false)]
    {
        assert_eq!(aliases::<Part>(begin(offset), shared), is_aliased, "{offset:#x}");
    }
    // Those of many slabs, wherever the allocator has memory.
    let shared = |n: usize| shared + n * 1_664;
    let parts: Vec<_> = (0..1000)
        .map(|n| Placed::new(Part([7; 32]), Place::Anywhere, Some(shared(n))).expect("memory"))
        .collect();
    let is_aliased =
        |&(n, part): &(usize, &Placed<Part>)| aliases::<Part>(part.value.addr().get(), shared(n));
    let aliased = parts.iter().enumerate().filter(is_aliased).count();
    assert!(aliased < 50, "{aliased} of 1000");
}
