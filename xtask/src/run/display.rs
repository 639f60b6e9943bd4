//! Shows which checks are running: a line for each that ticks on a terminal, plain lines elsewhere.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

const REDRAW: Duration = Duration::from_millis(200);
const HEARTBEAT: Duration = Duration::from_secs(30);

/// The lines that tick, one for each lane.
static LINES: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Prints text that stays, above the lines that tick.
pub fn print(text: &str) {
    LINES.suspend(|| println!("{text}"));
}

pub struct Display {
    bar: ProgressBar,
    told: Instant,
}

impl Display {
    /// Announces check number `index` of `total`.
    pub fn begin(index: usize, total: usize, name: &str) -> Self {
        let title = format!("[{index:>2}/{total:>2}] {name:<12}");
        // The template is right or wrong whatever runs; the default one would do.
        let style = ProgressStyle::with_template("{prefix} {elapsed:>9}  {wide_msg}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::new_spinner().with_prefix(title.clone()).with_style(style);
        let bar = LINES.add(bar);
        bar.enable_steady_tick(REDRAW);
        if bar.is_hidden() {
            println!("{} ...", title.trim_end());
        }
        Self { bar, told: Instant::now() }
    }

    pub fn update(&mut self, detail: &str) {
        self.bar.set_message(detail.to_owned());
    }

    /// Tells a log, now and then, that the check still runs.
    pub fn beat(&mut self) {
        if self.bar.is_hidden() && self.told.elapsed() >= HEARTBEAT {
            self.told = Instant::now();
            self.line(&self.bar.message());
        }
    }

    /// Prints a line that stays.
    pub fn say(&self, text: &str) {
        print(&format!("{} {text}", self.bar.prefix()));
    }

    /// Closes with the result, in a line that stays.
    pub fn end(&self, result: &str) {
        self.bar.finish_and_clear();
        self.line(result);
    }

    fn line(&self, text: &str) {
        print(&format!("{} {:>9}  {text}", self.bar.prefix(), seconds(self.bar.elapsed())));
    }
}

/// Writes `12.3 s`, or `2 min 05 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..100 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", HumanCount(count), if count == 1 { "" } else { "s" })
}

pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_printed_while_the_bar_ticks() {
        let display = Display::begin(1, 2, "some");
        display.say("a line that stays");
        display.end("ok");
        assert!(display.bar.is_finished());
    }
}
