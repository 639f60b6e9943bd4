//! Numbers with units and nouns.

use std::error::Error;
use std::time::Duration;

/// Formats a number with commas: `1,234`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a number with its noun: `1 sweep`, `2 sweeps`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

/// Formats an error with its reasons.
pub fn chain(error: impl Error) -> String {
    let mut text = error.to_string();
    let mut reason = error.source();
    while let Some(error) = reason {
        text.push_str(&format!(": {error}"));
        reason = error.source();
    }
    text
}

/// Formats a time in the unit that suits it.
pub fn time(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    match nanoseconds {
        ..1e3 => format!("{nanoseconds:.0} ns"),
        ..1e6 => format!("{:.1} µs", nanoseconds / 1e3),
        ..1e9 => format!("{:.1} ms", nanoseconds / 1e6),
        _ => format!("{:.2} s", nanoseconds / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_and_their_nouns_agree() {
        let texts = [0, 1, 999, 1000, 1_234_567].map(|number| counted(number, "sweep"));
        let expected = ["0 sweeps", "1 sweep", "999 sweeps", "1,000 sweeps", "1,234,567 sweeps"];
        assert_eq!(texts, expected);
    }

    #[test]
    fn an_error_has_its_reasons() {
        let error = slotarena::Table::<u64>::builder().capacity(0).build().unwrap_err();
        assert!(!chain(error).ends_with(": "));
    }

    #[test]
    fn times_have_units() {
        let texts = [7, 1500, 2_000_000, 3_210_000_000].map(Duration::from_nanos).map(time);
        assert_eq!(texts, ["7 ns", "1.5 µs", "2.0 ms", "3.21 s"]);
    }
}
