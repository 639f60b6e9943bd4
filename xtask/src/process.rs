//! Runs one command, hands on its output line by line, and ends it when its time is up.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::invocation::Invocation;

/// How often a silent command is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long output is still awaited after the command itself has ended. Something it started may
/// live on and hold its streams open.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command to its end. `hear` gets each line of output, and `None` now and then while
/// there is none. The error says why the command counts as failed.
pub fn run(
    invocation: &Invocation,
    directory: &Path,
    limit: Duration,
    mut hear: impl FnMut(Option<&str>),
) -> Result<(), String> {
    run_while(invocation, directory, limit, |line| {
        hear(line);
        true
    })
}

/// As [`run`], but ends the command as soon as `hear` says no.
pub fn run_while(
    invocation: &Invocation,
    directory: &Path,
    limit: Duration,
    mut hear: impl FnMut(Option<&str>) -> bool,
) -> Result<(), String> {
    let started = Instant::now();
    let mut command = invocation.command(directory);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("could not be started: {error}"))?;
    let (sender, lines) = mpsc::channel();
    forward(child.stdout.take(), sender.clone());
    forward(child.stderr.take(), sender);

    let mut ended: Option<Instant> = None;
    loop {
        let goes_on = match lines.recv_timeout(TICK) {
            Ok(line) => hear(Some(&line)),
            Err(RecvTimeoutError::Timeout) => {
                let goes_on = hear(None);
                if ended.is_none() && matches!(child.try_wait(), Ok(Some(_))) {
                    ended = Some(Instant::now());
                }
                goes_on
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if !goes_on {
            kill_tree(&mut child);
            return Err("ended, since enough was heard".to_owned());
        }
        if ended.is_some_and(|at| at.elapsed() > GRACE) {
            break;
        }
        if ended.is_none() && started.elapsed() > limit {
            kill_tree(&mut child);
            return Err(format!("not done after {} minutes", limit.as_secs() / 60));
        }
    }
    verdict(child.wait())
}

/// Runs the command quietly and returns what it printed on its standard output.
pub fn output_of(invocation: &Invocation, directory: &Path) -> Result<String, String> {
    let mut command = invocation.command(directory);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{invocation}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match verdict(Ok(output.status)) {
        Ok(()) => Ok(text(&output.stdout)),
        Err(reason) => Err(format!("{invocation}: {reason}: {}", text(&output.stderr))),
    }
}

fn verdict(status: std::io::Result<ExitStatus>) -> Result<(), String> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(error) => Err(format!("its exit status was lost: {error}")),
    }
}

/// Sends a stream's lines from a thread of their own, so that neither stream can fill up unread.
fn forward(stream: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(stream) = stream else { return };
    thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            if sender.send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
}

/// Ends the command and, on Linux, all it has started: cargo does not take its tests with it.
fn kill_tree(child: &mut Child) {
    let mut family = vec![child.id()];
    let mut next = 0;
    while let Some(parent) = family.get(next) {
        family.extend(children_of(*parent));
        next += 1;
    }
    for process in &family[1..] {
        // One that has ended meanwhile is fine, and there is nobody to tell of another error.
        let _ = Command::new("kill").args(["-KILL", &process.to_string()]).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn children_of(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let lists = tasks.into_iter().flatten().flatten().map(|task| task.path().join("children"));
    let lists = lists.filter_map(|list| std::fs::read_to_string(list).ok());
    lists
        .flat_map(|list| list.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::invocation::program;

    fn lines(script: &str, limit: Duration) -> (Vec<String>, Result<(), String>) {
        let mut invocation = program("sh", "-c");
        invocation = invocation.argument(script);
        let mut heard = Vec::new();
        let hear = |line: Option<&str>| heard.extend(line.map(str::to_owned));
        let result = run(&invocation, Path::new("/"), limit, hear);
        (heard, result)
    }

    #[test]
    fn both_streams_are_heard_and_the_status_is_told() {
        let (mut heard, result) = lines("echo one; echo two >&2; exit 3", Duration::from_secs(9));
        heard.sort();
        assert_eq!(heard, ["one", "two"]);
        assert!(result.is_err_and(|reason| reason.contains('3')));
    }

    #[test]
    fn a_command_past_its_limit_is_ended_with_its_children() {
        let started = Instant::now();
        let (heard, result) = lines("sleep 61 & echo $!; sleep 60; true", Duration::from_secs(1));
        assert!(result.is_err_and(|reason| reason.starts_with("not done")));
        assert!(started.elapsed() < Duration::from_secs(20));
        let state = std::fs::read_to_string(format!("/proc/{}/stat", heard[0]));
        assert!(state.is_err() || state.is_ok_and(|state| state.contains(") Z ")));
    }

    #[test]
    fn a_survivor_that_holds_the_streams_is_not_waited_for() {
        let started = Instant::now();
        let (heard, result) = lines("sleep 30 & echo done", Duration::from_secs(20));
        assert_eq!((heard, result), (vec!["done".to_owned()], Ok(())));
        assert!(started.elapsed() < Duration::from_secs(15));
    }
}
