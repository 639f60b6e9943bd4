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
