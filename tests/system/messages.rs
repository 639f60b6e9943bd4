//! Errors name the limits that a refusal may be due to, and their values.

use slotarena::{CodePointerTable, SEGMENT_BYTES, Table};

use crate::alone::{alone, limit, status_bytes};

#[test]
fn a_refused_reservation_names_the_limit_on_addresses() {
    alone("messages::a_refused_reservation_names_the_limit_on_addresses", || {
        let exact = || Table::<u64>::builder().capacity(u32::MAX).build().expect_err("too much");
        limit(libc::RLIMIT_AS, Some(1 << 30));
        let text = exact().to_string();
        assert!(text.contains("RLIMIT_AS is 1073741824 bytes"), "{text}");
        let mappings = std::fs::read_to_string("/proc/sys/vm/max_map_count").expect("a number");
        let named = format!("vm.max_map_count is {}", mappings.trim());
        assert!(text.contains(&named), "{text}");
        assert!(!text.contains("RLIMIT_DATA"), "{text}");
        limit(libc::RLIMIT_FSIZE, Some(123_456_789));
        let text = exact().to_string();
        assert!(text.contains("RLIMIT_FSIZE is 123456789 bytes"), "{text}");
        let builder = CodePointerTable::builder().index_bits(32);
        let text = builder.build().expect_err("too much").to_string();
        assert!(text.contains("RLIMIT_AS is 1073741824 bytes"), "{text}");
    });
}

#[test]
fn refused_memory_names_the_limit_on_data() {
    alone("messages::refused_memory_names_the_limit_on_data", || {
        let table = Table::<u64>::builder().capacity(1_000_000).build().expect("a table");
        table.allocate(1).expect("a slot");
        let bytes = status_bytes("VmData:") + 10 * SEGMENT_BYTES as u64;
        limit(libc::RLIMIT_DATA, Some(bytes));
        let error = (0..1_000_000).find_map(|n| table.allocate(n).err()).expect("a refusal");
        let text = error.to_string();
        limit(libc::RLIMIT_DATA, None);
        assert!(text.contains(&format!("RLIMIT_DATA is {bytes} bytes")), "{text}");
        assert!(!error.to_string().contains("RLIMIT_DATA"), "the limits are those of the moment");
    });
}

#[test]
fn a_refused_reservation_names_the_limit_on_locked_memory() {
    alone("messages::a_refused_reservation_names_the_limit_on_locked_memory", || {
        limit(libc::RLIMIT_MEMLOCK, Some(8 << 20));
        // Locked memory is not limited for a privileged process.
        // SAFETY: takes numbers.
        unsafe { libc::setresuid(65534, 65534, 65534) };
        // SAFETY: takes a number.
        if unsafe { libc::mlockall(libc::MCL_FUTURE) } != 0 {
            println!("skipped: memory cannot be locked here: {}", std::io::Error::last_os_error());
            return;
        }
        let exact = Table::<u64>::builder().capacity(100_000_000).build();
        let text = exact.expect_err("more than may be locked").to_string();
        assert!(text.contains("RLIMIT_MEMLOCK is 8388608 bytes"), "{text}");
        assert!(Table::<u64>::new().expect("a smaller table").reserved_bytes() <= 8 << 20);
    });
}
