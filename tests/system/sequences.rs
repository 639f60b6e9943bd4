//! Restartable sequences: the system has them and cannot restart them, or no longer.

use slotarena::{Handle, Slab, Table};

use crate::alone::{alone, forbid, install, statement, unless_equal};
use crate::common::check_empty;

/// Makes every later call of the barrier that restarts sequences fail, and its registration.
fn forbid_restarts() -> bool {
    let refuse = || statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | 1);
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    install(vec![
        load(0),
        unless_equal(5, libc::SYS_membarrier as u32),
        load(16),
        unless_equal(1, 1 << 7),
        refuse(),
        unless_equal(1, 1 << 8),
        refuse(),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ])
}

fn table() -> Table<u64> {
    Table::builder().capacity(10_000).build().expect("a table")
}

/// Allocates some slots, and frees one, toward whose participant their range is biased then.
fn biased(table: &Table<u64>) -> Vec<Handle> {
    let mut handles: Vec<_> = (0..40).map(|i| table.allocate(i).expect("a slot")).collect();
    table.free(handles.pop().expect("a handle")).expect("live");
    handles
}

fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| scope.spawn(f).join().expect("no panic"))
}

#[test]
fn a_system_that_cannot_restart_them_has_no_bias() {
    alone("sequences::a_system_that_cannot_restart_them_has_no_bias", || {
        if !forbid_restarts() {
            println!("skipped: no seccomp filters here");
            return;
        }
        let table = table();
        assert!(!table.stats().bias);
        let handles = biased(&table);
        elsewhere(|| assert_eq!(table.free_many(&handles), Ok(())));
        check_empty(&table);
    });
}

#[test]
fn a_refusal_that_comes_later_is_made_up_for() {
    alone("sequences::a_refusal_that_comes_later_is_made_up_for", || {
        let table = table();
        let slab = Slab::<String>::builder().capacity(10_000).build().expect("a slab");
        let handles = biased(&table);
        let keys: Vec<_> = (0..40).map(|i| slab.insert(i.to_string()).expect("a slot")).collect();
        assert!(slab.remove(keys[0]));
        if !table.stats().bias || !forbid_restarts() {
            println!("skipped: no sequences, or no seccomp filters here");
            return;
        }
        elsewhere(|| {
            assert_eq!(table.free_many(&handles), Ok(()));
            assert!(keys[1..].iter().all(|&key| slab.remove(key)));
        });
        assert!(table.stats().revocations > 0);
        assert_eq!(slab.len(), 0);
        check_empty(&table);
    });
}

#[test]
fn a_refusal_for_good_loses_no_slot() {
    alone("sequences::a_refusal_for_good_loses_no_slot", || {
        let table = table();
        let handles = biased(&table);
        let calls = [libc::SYS_membarrier, libc::SYS_sched_setaffinity];
        if !table.stats().bias || !forbid(&calls) {
            println!("skipped: no sequences, or no seccomp filters here");
            return;
        }
        elsewhere(|| {
            assert!(table.free(handles[0]).is_err(), "no barrier");
            assert!(table.set(handles[0], 7).is_err(), "no barrier");
            assert_eq!(table.get(handles[0]), Some(0), "nothing is changed");
        });
        // The participant with the bias gives it up.
        assert_eq!(table.free(handles[1]), Ok(1));
        elsewhere(|| assert_eq!(table.free_many(&handles[2..]), Ok(())));
        assert_eq!(table.free(handles[0]), Ok(0));
    });
}
