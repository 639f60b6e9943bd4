//! A progress bar on standard error, where that is a terminal; otherwise nothing at all.

use std::io::{self, IsTerminal, Write};

/// Cells of the bar.
const WIDTH: u64 = 40;

/// A bar that is wiped away when it is dropped.
pub struct Progress {
    shown: bool,
    label: String,
    total: u64,
}

impl Progress {
    /// A bar for `total` events.
    pub fn new(label: String, total: u64) -> Progress {
        let progress = Progress { shown: io::stderr().is_terminal(), label, total };
        progress.draw(0);
        progress
    }

    /// Shows that `done` events are done.
    pub fn draw(&self, done: u64) {
        if self.shown {
            let filled = (done * WIDTH).checked_div(self.total).unwrap_or(WIDTH);
            let percent = (done * 100).checked_div(self.total).unwrap_or(100);
            let bar: String =
                (0..WIDTH).map(|cell| if cell < filled { '█' } else { '░' }).collect();
            let _ = write!(io::stderr(), "\r{} {bar} {percent:>3} %", self.label);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            // Back to the start of the line, and erase it.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
