//! Runs a command, hands on its output line by line, and ends it when its time is up.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{self, Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::command::Command;
use super::context::all_right;

/// How often a silent command is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long output is still awaited after the command has ended. A process that it started may
/// live on and hold its streams open.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command to its end. `hear` gets each line of output. The error says why the command
/// counts as failed.
pub fn run(
    command: &Command,
    folder: &Path,
    limit: Duration,
    mut hear: impl FnMut(&str),
) -> Result<(), String> {
    run_while(command, folder, limit, |line| {
        line.map(&mut hear);
        true
    })
}

/// As [`run`], but ends the command as soon as `hear` says no. That gets `None` now and then while
/// there is no line.
pub fn run_while(
    command: &Command,
    folder: &Path,
    limit: Duration,
    mut hear: impl FnMut(Option<&str>) -> bool,
) -> Result<(), String> {
    let started = Instant::now();
    let mut command = command.in_folder(folder);
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
                if ended.is_none() && matches!(child.try_wait(), Ok(Some(_))) {
                    ended = Some(Instant::now());
                }
                hear(None)
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
    child.wait().map_err(|error| format!("its exit status was lost: {error}")).and_then(verdict)
}

/// Runs the command to its end and returns all that it printed, or why it failed, and that.
pub fn said(command: &Command, folder: &Path, limit: Duration) -> Result<String, String> {
    let mut said = String::new();
    let result = run(command, folder, limit, |line| said.extend([line, "\n"]));
    result.map_err(|reason| format!("{reason}\n{said}")).map(|()| said)
}

/// Runs the command quietly and returns what it printed on its standard output.
pub fn output_of(command: &Command, folder: &Path) -> Result<String, String> {
    let output = command.in_folder(folder).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{command}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    verdict(output.status)
        .map_err(|reason| format!("{command}: {reason}: {}", text(&output.stderr)))?;
    Ok(text(&output.stdout))
}

fn verdict(status: ExitStatus) -> Result<(), String> {
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

/// Runs `work` on each item, on so many threads, until none is left. Returns all errors.
pub fn share_out<T: Sync>(
    threads: usize,
    items: &[T],
    work: impl Fn(usize, &T) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let on_thread = |thread: usize| {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = work(thread, item);
            wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(result.err());
        }
    };
    thread::scope(|scope| {
        let on_thread = &on_thread;
        (0..threads).for_each(|n| drop(scope.spawn(move || on_thread(n))));
    });
    all_right(wrong.into_inner().unwrap_or_else(PoisonError::into_inner))
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
///
/// A process group would do so in one call, but then an interrupt from the keyboard would no
/// longer reach the command.
fn kill_tree(child: &mut Child) {
    let mut family = vec![child.id()];
    let mut next = 0;
    while let Some(parent) = family.get(next) {
        family.extend(children_of(*parent));
        next += 1;
    }
    for process in &family[1..] {
        // One that has ended in the meantime is fine.
        let _ = process::Command::new("kill").args(["-KILL", &process.to_string()]).status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

fn children_of(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let ids = |list: String| list.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>();
    lists.flat_map(ids).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::run::command::program;

    fn lines(script: &str, limit: Duration) -> (Vec<String>, Result<(), String>) {
        let command = program("sh", "-c").argument(script);
        let mut heard = Vec::new();
        let result = run(&command, Path::new("/"), limit, |line| heard.push(line.to_owned()));
        (heard, result)
    }

    #[test]
    fn both_streams_are_heard_and_the_status_is_told() {
        let (mut heard, result) = lines("echo one; echo two >&2; exit 3", Duration::from_secs(9));
        heard.sort();
        assert_eq!(heard, ["one", "two"]);
        assert!(result.is_err_and(|reason| reason.contains('3')));
        // A survivor that holds the streams is not waited for.
        let started = Instant::now();
        let (heard, result) = lines("sleep 30 & echo done", Duration::from_secs(20));
        assert_eq!((heard, result), (vec!["done".to_owned()], Ok(())));
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_command_past_its_limit_is_ended_with_its_children() {
        let started = Instant::now();
        let (heard, result) = lines("sleep 61 & echo $!; sleep 60; true", Duration::from_secs(1));
        assert!(result.is_err_and(|reason| reason.starts_with("not done")));
        // A killed process ends when it is next scheduled.
        let lives = || {
            let state = fs::read_to_string(format!("/proc/{}/stat", heard[0]));
            state.is_ok_and(|state| !state.contains(") Z "))
        };
        while lives() && started.elapsed() < Duration::from_secs(30) {
            thread::sleep(TICK);
        }
        assert!(!lives());
    }
}
