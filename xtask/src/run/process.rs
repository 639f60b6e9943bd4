//! Runs a command, hands on its output line by line, and ends it when its time is up.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{self, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{iter, thread};

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::command::Command;
use super::context::all_right;

/// How often a silent command is looked at.
const TICK: Duration = Duration::from_millis(200);

/// How long output is still awaited after the command has ended. A process that it started may
/// live on and hold its streams open.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the command to its end. `hear` gets each line of output. The error says why the command
/// counts as failed.
pub fn run(command: &Command, limit: Duration, mut hear: impl FnMut(&str)) -> Result<()> {
    run_while(command, limit, |line| {
        line.map(&mut hear);
        true
    })
}

/// As [`run`], but ends the command as soon as `hear` says no. That gets `None` now and then while
/// there is no line.
pub fn run_while(
    command: &Command,
    limit: Duration,
    mut hear: impl FnMut(Option<&str>) -> bool,
) -> Result<()> {
    let started = Instant::now();
    let mut command = command.ready();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("could not be started")?;
    let (sender, lines) = mpsc::channel();
    forward(child.stdout.take(), sender.clone());
    forward(child.stderr.take(), sender);

    let mut ended: Option<Instant> = None;
    let reason = loop {
        let goes_on = match lines.recv_timeout(TICK) {
            Ok(line) => hear(Some(&line)),
            Err(RecvTimeoutError::Timeout) => {
                if ended.is_none() && matches!(child.try_wait(), Ok(Some(_))) {
                    ended = Some(Instant::now());
                }
                hear(None)
            }
            Err(RecvTimeoutError::Disconnected) => return verdict(child.wait()?),
        };
        if !goes_on {
            break "ended, since enough was heard".to_owned();
        } else if ended.is_some_and(|at| at.elapsed() > GRACE) {
            return verdict(child.wait()?);
        } else if ended.is_none() && started.elapsed() > limit {
            break format!("not done after {} minutes", limit.as_secs() / 60);
        }
    };
    kill_tree(child.id());
    // Where there is no program to do it.
    let _ = child.kill();
    child.wait()?;
    bail!(reason)
}

/// Runs the command to its end and returns all that it printed, or why it failed, and that.
pub fn said(command: &Command, limit: Duration) -> Result<String> {
    let mut said = String::new();
    let result = run(command, limit, |line| said.extend([line, "\n"]));
    result.map_err(|reason| anyhow!("{reason:#}\n{said}")).map(|()| said)
}

/// Runs the command quietly and returns what it printed on its standard output.
pub fn output_of(command: &Command) -> Result<String> {
    let output = command.ready().stdin(Stdio::null()).output();
    let output = output.with_context(|| command.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    verdict(output.status)
        .map_err(|reason| anyhow!("{command}: {reason}: {}", text(&output.stderr)))?;
    Ok(text(&output.stdout))
}

fn verdict(status: ExitStatus) -> Result<()> {
    ensure!(status.success(), "{status}");
    Ok(())
}

/// Runs `work` on each item, two at a time. Returns its results in no order, or all errors.
pub fn share_out<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(usize, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results = twice(|worker| {
        let items = iter::from_fn(|| items.get(next.fetch_add(1, Ordering::Relaxed)));
        items.map(|item| work(worker, item)).collect()
    });
    let (done, wrong): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let wrong = wrong.into_iter().filter_map(Result::err).map(|error| format!("{error:#}"));
    all_right(wrong.collect())?;
    done.into_iter().collect()
}

/// Runs `work` on each item and its place, in two lanes at once: the items that go `aside`, and the
/// others. Each lane keeps the order. Returns the results in the order of the items.
pub fn in_lanes<T: Sync, R: Send>(
    items: &[T],
    aside: impl Fn(&T) -> bool + Sync,
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let mut results = twice(|lane| {
        let own = items.iter().enumerate().filter(|(_, item)| aside(item) == (lane == 1));
        own.map(|(at, item)| (at, work(at, item))).collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs `work` on 0 and 1 at once. Returns all results.
fn twice<R: Send>(work: impl Fn(usize) -> Vec<R> + Sync) -> Vec<R> {
    thread::scope(|scope| {
        let other = scope.spawn(|| work(1));
        [work(0), other.join().expect("a worker that does not panic")].into_iter().flatten()
    })
    .collect()
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

/// Ends a process and, on Linux, all it has started: cargo does not take its tests with it.
///
/// A process group would do so in one call, but then an interrupt from the keyboard would no
/// longer reach the command.
fn kill_tree(process: u32) {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let children: String = lists.collect();
    children.split_whitespace().filter_map(|id| id.parse().ok()).for_each(kill_tree);
    // One that has ended in the meantime is fine.
    let _ = process::Command::new("kill").args(["-KILL", &process.to_string()]).status();
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::{Barrier, Mutex};

    use super::*;
    use crate::run::command::program;

    fn lines(script: &str, seconds: u64) -> (Vec<String>, String) {
        let command = program("sh", "-c").argument(script);
        let mut heard = Vec::new();
        let hear = |line: &str| heard.push(line.to_owned());
        let result = run(&command, Duration::from_secs(seconds), hear);
        (heard, result.map_or_else(|reason| reason.to_string(), |()| String::new()))
    }

    #[test]
    fn lanes_run_at_once_each_in_order_and_neither_stops_the_other() {
        // Each lane's second item waits for the other's first; `false` fails at once.
        let (order, [first, second]) = (Mutex::new(Vec::new()), [(); 2].map(|()| Barrier::new(2)));
        let results = in_lanes(
            &[1, -1, 0, 2, -2, 3],
            |item| *item < 0,
            |at, item| {
                match i32::abs(*item) {
                    1 => _ = first.wait(),
                    2 => _ = second.wait(),
                    _ => {}
                }
                order.lock().unwrap().push((*item, at));
                *item != 0
            },
        );
        assert_eq!(results, [true, true, false, true, true, true]);
        let mut order = order.into_inner().unwrap();
        order.sort_by_key(|(item, _)| *item < 0);
        assert_eq!(order, [(1, 0), (0, 2), (2, 3), (3, 5), (-1, 1), (-2, 4)]);
    }

    #[test]
    fn both_streams_are_heard_and_the_status_is_told() {
        let (mut heard, result) = lines("echo one; echo two >&2; exit 3", 9);
        heard.sort();
        assert_eq!(heard, ["one", "two"]);
        assert!(result.contains('3'));
        // A survivor that holds the streams is not waited for.
        let started = Instant::now();
        let (heard, result) = lines("sleep 30 & echo done", 20);
        assert_eq!((heard, result), (vec!["done".to_owned()], String::new()));
        assert!(started.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_command_past_its_limit_is_ended_with_its_children() {
        let started = Instant::now();
        let (heard, result) = lines("sleep 61 & echo $!; sleep 60; true", 1);
        assert!(result.starts_with("not done"));
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
