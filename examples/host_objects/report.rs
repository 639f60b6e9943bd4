//! The report on a run.

use std::time::Duration;

use crate::host::{Log, Pause};
use crate::picture;
use crate::run::{Outcome, faults};
use crate::text::{counted, grouped, time};

/// Returns the report, with the picture.
pub fn report(outcome: &Outcome) -> String {
    let (log, end, last) = (&outcome.log, &outcome.at_end, outcome.ledger.numbers());
    let name = outcome.script.name();
    let rounds = counted(outcome.rounds.into(), "round");
    let mut lines = vec![format!("{name}, {rounds}, {}\n", time(outcome.time))];
    lines.push(picture::draw(&log.points));
    lines.push(format!(
        "  host objects  {} made, {} at most live, {} dropped by sweeps, {} with the table",
        grouped(last.made),
        grouped(last.peak),
        grouped(log.dropped),
        grouped(last.dropped - end.dropped)
    ));
    lines.push(format!(
        "  collections   {}, {} marked; {}, {} moved",
        grouped(log.collections),
        counted(log.marked, "handle"),
        counted(log.compactions, "compaction"),
        counted(log.moved, "handle")
    ));
    lines.push(format!(
        "  accesses      {}, {} reached an object",
        grouped(log.accesses),
        grouped(log.reached)
    ));
    if log.uses > 0 {
        lines.push(format!("  host thread   {} of buffers", counted(log.uses, "use")));
    }
    lines.push(pauses(log));
    for fault in faults(outcome) {
        lines.push(format!("  FAILED        {fault}"));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// Returns the greatest pause and the median one: of all, and of each kind.
fn pauses(log: &Log) -> String {
    let of = |kinds: &[Pause]| {
        let chosen = log.pauses.iter().filter(|(pause, _)| kinds.contains(pause));
        let mut times: Vec<Duration> = chosen.map(|&(_, time)| time).collect();
        times.sort();
        (times.last().copied(), median(&times))
    };
    let kinds: [(&str, &[Pause]); 5] = [
        ("pauses", &[Pause::Begin, Pause::Sweep, Pause::Step, Pause::Finish]),
        ("  ends", &[Pause::Begin, Pause::Sweep, Pause::Finish]),
        ("  steps", &[Pause::Step]),
        ("  stops", &[Pause::Stop]),
        ("compactions", &[Pause::Compaction]),
    ];
    let lines = kinds.into_iter().filter_map(|(name, kinds)| {
        let (Some(most), Some(median)) = of(kinds) else { return None };
        Some(format!("  {name:<14}max {}, median {}", time(most), time(median)))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn median(sorted: &[Duration]) -> Option<Duration> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_have_a_maximum_and_a_median() {
        let pause = |kind, micros| (kind, Duration::from_micros(micros));
        let log = Log {
            pauses: vec![
                pause(Pause::Step, 9),
                pause(Pause::Begin, 1),
                pause(Pause::Step, 2),
                pause(Pause::Compaction, 500),
            ],
            ..Log::default()
        };
        let expected = "  pauses        max 9.0 µs, median 2.0 µs\n    \
                        ends        max 1.0 µs, median 1.0 µs\n    \
                        steps       max 9.0 µs, median 9.0 µs\n  \
                        compactions   max 500.0 µs, median 500.0 µs";
        assert_eq!(pauses(&log), expected);
        assert_eq!(pauses(&Log::default()), "");
    }
}
