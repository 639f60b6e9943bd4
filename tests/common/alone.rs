//! Scenarios that run in a process of their own, since they set limits or end by a signal.
#![allow(dead_code)]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Output};

/// Names the scenario that a process of this program runs.
const SCENARIO: &str = "SLOTARENA_SCENARIO";

/// Runs the test of this name once more, in a process of its own, and returns that process's
/// output.
///
/// In that process it runs `scenario` and returns `None`.
fn process(test: &str, scenario: impl FnOnce()) -> Option<Output> {
    if std::env::var(SCENARIO).is_ok_and(|name| name == test) {
        scenario();
        println!("{test} has ended");
        return None;
    }
    let program = std::env::current_exe().expect("this program");
    let arguments = [test, "--exact", "--nocapture", "--test-threads=1"];
    let output = Command::new(program).args(arguments).env(SCENARIO, test).output();
    Some(output.expect("a process"))
}

/// Runs `scenario` in a process of its own, which must succeed.
#[track_caller]
pub fn alone(test: &str, scenario: impl FnOnce()) {
    if let Some(output) = process(test, scenario) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ended = text.contains(&format!("{test} has ended"));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && ended, "{}\n{text}\n{errors}", output.status);
    }
}

/// The line that a process prints just before the access that must end it.
pub const NOW: &str = "the access is next";

/// Runs `scenario` in a process of its own, which must print [`NOW`] and then end by `SIGSEGV`.
#[track_caller]
pub fn dies(test: &str, scenario: impl FnOnce()) {
    if let Some(output) = process(test, scenario) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let died = |status: ExitStatus| status.signal() == Some(libc::SIGSEGV);
        let said = text.contains(NOW);
        assert!(died(output.status) && said, "{}\n{text}", output.status);
    }
}

/// Runs `scenario` in a child of this process (`fork`), which must end by itself.
#[track_caller]
pub fn child(scenario: impl FnOnce()) {
    // SAFETY: the child has this thread alone. What it needs of the C library works there.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let run = std::panic::AssertUnwindSafe(scenario);
        let failed = std::panic::catch_unwind(run).is_err();
        // SAFETY: ends the child, without the destructors of its threads.
        unsafe { libc::_exit(i32::from(failed)) };
    }
    let mut status = 0;
    // SAFETY: waits for the child, and writes to `status`.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0, "{:?}", ExitStatus::from_raw(status));
}

/// The C type of a resource, which differs between C libraries.
#[cfg(target_env = "gnu")]
pub type Resource = libc::__rlimit_resource_t;
#[cfg(not(target_env = "gnu"))]
pub type Resource = libc::c_int;

/// Sets the soft limit of this process on a resource, or lifts it.
pub fn limit(resource: Resource, bytes: Option<u64>) {
    let mut limits = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes to `limits`.
    assert_eq!(unsafe { libc::getrlimit(resource, &mut limits) }, 0);
    limits.rlim_cur = bytes.map_or(libc::RLIM_INFINITY, |bytes| bytes as libc::rlim_t);
    // SAFETY: reads `limits`.
    assert_eq!(unsafe { libc::setrlimit(resource, &limits) }, 0);
}

/// Returns a value of `/proc/self/status`, in bytes.
pub fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process's status");
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of this name");
    let kib = line.trim_matches(|c: char| !c.is_ascii_digit());
    kib.parse::<u64>().expect("a number") * 1024
}

/// Makes every later call of these system calls fail with `EPERM`, in all threads of the process.
///
/// Returns `false` if the system cannot do that.
#[cfg(target_os = "linux")]
pub fn forbid(calls: &[libc::c_long]) -> bool {
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for &call in calls {
        filter.extend([
            unless_equal(1, call as u32),
            statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        ]);
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    install(filter)
}

/// A statement of a filter. Offset 0 of its input is the number of the call, and the arguments are
/// at offsets 16, 24, and so on.
#[cfg(target_os = "linux")]
pub fn statement(code: u32, k: u32) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// A statement that skips the next ones unless the word that was loaded last is `k`.
#[cfg(target_os = "linux")]
pub fn unless_equal(skip: u8, k: u32) -> libc::sock_filter {
    let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    libc::sock_filter { code, jt: 0, jf: skip, k }
}

/// Installs a filter of system calls in all threads of the process.
#[cfg(target_os = "linux")]
pub fn install(mut filter: Vec<libc::sock_filter>) -> bool {
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: takes numbers only.
    let gives_up = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    let (mode, all) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
    // SAFETY: reads the program and its filter, which live until the call returns.
    let set = unsafe { libc::syscall(libc::SYS_seccomp, mode, all, &raw const program) };
    gives_up == 0 && set == 0
}
