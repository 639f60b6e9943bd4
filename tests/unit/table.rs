//! Sweeps of whole tables: the last cycle, and the topmost segment.

#[cfg(all(test, not(loom)))]
mod cycle_tests {
    use crate::Handle;
    use crate::Table;

    #[test]
    fn cycles_begin_again() {
        let table = Table::<u64>::builder().capacity(20_000).build().expect("a table");
        let mut handles = Vec::new();
        table.allocate_many(&[7; 20_000], &mut handles).expect("slots");
        let (live, freed): (Vec<Handle>, _) =
            handles.into_iter().partition(|handle| handle.to_raw() % 3 == 0);
        let (before, after) = freed.split_at(freed.len() / 2);
        assert_eq!(table.free_many(before), Ok(()));
        table.begin_last_cycle();
        assert_eq!(table.free_many(after), Ok(()));
        for _ in 0..3 {
            assert!(table.sweep(0).swept);
            assert_eq!(table.audit().expect("in order").free, freed.len() as u64);
            let mut again = Vec::new();
            table.allocate_many(&vec![8; freed.len()], &mut again).expect("what was freed");
            assert!(live.iter().all(|&handle| table.get(handle) == Some(7)));
            assert_eq!(table.free_many(&again), Ok(()));
        }
        assert_eq!(table.free_many(&live), Ok(()));
        assert_eq!(table.sweep(0).segments_committed, 0);
    }
}

#[cfg(all(test, not(any(loom, miri, slotarena_heap)), unix, target_pointer_width = "64"))]
mod topmost_tests {
    use crate::Handle;
    use crate::Table;

    #[test]
    fn the_topmost_segment_keeps_what_is_live() {
        let table = Table::<u64>::builder().capacity(u32::MAX).build().expect("32 GiB");
        table.grow_from_the_top();
        // The last 64 segments. Of each its last slot stays.
        let mut entries = Vec::new();
        table.allocate_many(&vec![7; 64 * 8192], &mut entries).expect("slots");
        let (live, freed): (Vec<Handle>, _) =
            entries.into_iter().partition(|handle| handle.to_raw() % 8192 == 8191);
        assert_eq!(table.free_many(&freed), Ok(()));
        let top = live.iter().max().expect("some are live");
        assert_eq!(top.to_raw(), u32::MAX);
        let report = table.sweep(0);
        assert!(report.swept);
        assert_eq!((report.live, live.len()), (64, 64));
        assert!(live.iter().all(|&handle| table.get(handle).is_some()));
        table.audit().expect("in order");
        assert_eq!(table.free_many(&live), Ok(()));
        assert_eq!(table.sweep(0).segments_committed, 0);
    }
}
