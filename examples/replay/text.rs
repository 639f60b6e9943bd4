//! Numbers with units and nouns.

use std::time::Duration;

use indicatif::HumanCount;

/// Formats bytes in MiB, or `n/a`.
pub fn mebibytes(bytes: Option<u64>) -> String {
    match bytes {
        Some(bytes) => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
        None => "n/a".to_owned(),
    }
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

/// Formats a number with its noun: `1 thread`, `2 threads`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", HumanCount(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noun_agrees_with_its_number() {
        let texts = [0, 1, 1234].map(|number| counted(number, "sweep"));
        assert_eq!(texts, ["0 sweeps", "1 sweep", "1,234 sweeps"]);
    }

    #[test]
    fn times_and_sizes_have_units() {
        let texts = [7, 1500, 2_000_000, 3_210_000_000].map(Duration::from_nanos).map(time);
        assert_eq!(texts, ["7 ns", "1.5 µs", "2.0 ms", "3.21 s"]);
        assert_eq!(mebibytes(Some(3 << 19)), "1.5 MiB");
        assert_eq!(mebibytes(None), "n/a");
    }
}
