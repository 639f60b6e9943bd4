//! Shows which check is running: one line that ticks on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the ticking line is redrawn.
const REDRAW: Duration = Duration::from_millis(200);

/// How often a log is told that a check still runs.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The width the ticking line is cut to.
const COLUMNS: usize = 79;

/// The display of one check's progress.
pub struct Progress {
    terminal: bool,
    /// `[ 3/15] doc`
    title: String,
    started: Instant,
    shown: Instant,
    detail: String,
}

impl Progress {
    /// Announces check number `index` of `total`.
    pub fn begin(index: usize, total: usize, name: &str) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let title = format!("[{index:>2}/{total:>2}] {name:<11}");
        let now = Instant::now();
        let progress = Self { terminal, title, started: now, shown: now, detail: String::new() };
        if terminal {
            progress.draw();
        } else {
            println!("{} ...", progress.title.trim_end());
        }
        progress
    }

    /// Changes the words after the time, and shows them when it is due.
    pub fn update(&mut self, detail: Option<&str>) {
        if let Some(detail) = detail {
            detail.clone_into(&mut self.detail);
        }
        let due = if self.terminal { REDRAW } else { HEARTBEAT };
        if self.shown.elapsed() < due {
            return;
        }
        self.shown = Instant::now();
        if self.terminal {
            self.draw();
        } else {
            println!("{}", self.status());
        }
    }

    /// Prints a line that stays.
    pub fn say(&self, text: &str) {
        self.clear();
        println!("{} {text}", self.title);
    }

    /// Closes with the result, in a line that stays.
    pub fn end(&self, result: &str) {
        self.clear();
        println!("{} {:>9}  {result}", self.title, seconds(self.started.elapsed()));
    }

    fn status(&self) -> String {
        let elapsed = seconds(self.started.elapsed());
        format!("{} {elapsed:>9}  {}", self.title, self.detail)
    }

    fn draw(&self) {
        let line: String = self.status().chars().take(COLUMNS).collect();
        print!("\r\x1b[2K{line}");
        // A display that cannot be refreshed is no reason to stop checking.
        let _ = std::io::stdout().flush();
    }

    fn clear(&self) {
        if self.terminal {
            print!("\r\x1b[2K");
        }
    }
}

/// `12.3 s`, or `2 min 05 s`.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 100 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_to_read() {
        assert_eq!(seconds(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
