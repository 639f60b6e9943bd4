//! Scenarios in a process of their own, which may have to die of them.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Output};

/// Says to a process of this program that it is the one to run a scenario, and which.
const SCENARIO: &str = "SLOTARENA_SCENARIO";

/// Runs `scenario` in a process of its own, the test of this name called once more, and says how
/// that ended: nothing in that process itself.
fn process(test: &str, scenario: impl FnOnce()) -> Option<Output> {
    if std::env::var(SCENARIO).is_ok_and(|name| name == test) {
        scenario();
        println!("{test} has come to its end");
        return None;
    }
    let program = std::env::current_exe().expect("this program");
    let arguments = [test, "--exact", "--nocapture", "--test-threads=1"];
    let output = Command::new(program).args(arguments).env(SCENARIO, test).output();
    Some(output.expect("a process"))
}

/// Runs `scenario` in a process of its own, which must come to its end.
#[track_caller]
pub fn alone(test: &str, scenario: impl FnOnce()) {
    if let Some(output) = process(test, scenario) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let ended = text.contains(&format!("{test} has come to its end"));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && ended, "{}\n{text}\n{errors}", output.status);
    }
}

/// What a process says when it is about to do what it must die of.
pub const NOW: &str = "and now";

/// Runs `scenario` in a process of its own, which must print [`NOW`] and then die of an access to
/// memory.
#[track_caller]
pub fn dies(test: &str, scenario: impl FnOnce()) {
    if let Some(output) = process(test, scenario) {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let died = |status: ExitStatus| status.signal() == Some(libc::SIGSEGV);
        let said = text.contains(NOW);
        assert!(died(output.status) && said, "{}\n{text}", output.status);
    }
}
