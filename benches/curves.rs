//! How the cost of an exchange (a slot freed, another allocated) grows with the slots in use, the
//! threads, and how full a table is. Writes `benches/plots/*.svg`, and the figures as Markdown.
//!
//! `--test` runs everything once, on little, and writes nothing.

mod common;

use std::sync::Arc;

use common::Random;
use common::peers::{Explicit, Hand, Implicit, Peer, Sharded, Single};
use common::plot::{Chart, Line};
use common::ratio::{Contest, Figure};
use common::work::{self, MOST, alone};

/// How long a reading is to take.
const READING_NS: f64 = 2e6;

/// How many rounds of readings there are.
const ROUNDS: usize = 15;

/// Has `peer` hold `live` values, and exchanges random ones.
fn exchanges<P: Peer + 'static>(contest: &mut Contest, live: usize, most: usize) {
    // Leaked, like the hand that borrows it: the contest keeps both to its end, and the program
    // has one after the other.
    let peer: &'static P = Box::leak(Box::new(P::new(most)));
    let mut hand = peer.hand();
    let mut keys: Vec<P::Key> = (0..live as u64).map(|i| hand.insert(i)).collect();
    let mut random = Random(7);
    random.shuffle(&mut keys);
    contest.enter(P::NAME, 1, Figure::Spent, move |count| {
        let places: Vec<usize> =
            (0..count).map(|_| (random.next() % keys.len() as u64) as usize).collect();
        let mut run = || {
            for &place in &places {
                hand.remove(keys[place]);
                keys[place] = hand.insert(place as u64);
            }
        };
        run();
        alone(run)
    });
}

/// Adds points at `x` to lines.
fn add(lines: &mut Vec<Line>, x: f64, contest: &Contest) {
    for (name, y) in contest.medians() {
        match lines.iter_mut().find(|(known, _)| known == name) {
            Some((_, points)) => points.push((x, y)),
            None => lines.push((name.to_owned(), vec![(x, y)])),
        }
    }
}

fn by_slots(measuring: bool) -> Chart {
    let mut lines = Vec::new();
    let counts = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    for &live in &counts[..if measuring { counts.len() } else { 1 }] {
        let mut contest = Contest::new("slots", &[]);
        exchanges::<Explicit>(&mut contest, live, live + 1);
        #[cfg(all(unix, target_pointer_width = "64"))]
        exchanges::<common::peers::Mimalloc>(&mut contest, live, live + 1);
        exchanges::<Single>(&mut contest, live, live + 1);
        if live <= 10_000_000 {
            exchanges::<Sharded>(&mut contest, live, live + 1);
        }
        run(&mut contest, measuring);
        add(&mut lines, live as f64, &contest);
    }
    let title = "An exchange of a random one of so many slots";
    Chart { title, x: "slots in use", y: "ns", log_x: true, lines }
}

fn by_threads(measuring: bool) -> Chart {
    fn enter<P: Peer + Sync + 'static>(contest: &mut Contest, threads: usize) {
        let peer = Arc::new(P::new(MOST));
        contest.enter(P::NAME, threads, Figure::Spent, move |count| {
            work::pairs_together(&*peer, threads, count)
        });
    }
    let mut lines = Vec::new();
    let counts = [1, 2, 4, 8, 16];
    for &threads in &counts[..if measuring { counts.len() } else { 1 }] {
        let mut contest = Contest::new("threads", &[]);
        enter::<Explicit>(&mut contest, threads);
        enter::<Implicit>(&mut contest, threads);
        #[cfg(all(unix, target_pointer_width = "64"))]
        enter::<common::peers::Mimalloc>(&mut contest, threads);
        enter::<Sharded>(&mut contest, threads);
        run(&mut contest, measuring);
        add(&mut lines, threads as f64, &contest);
    }
    let title = "A pair, by so many threads at once on one table";
    Chart { title, x: "threads", y: "ns of a thread's time", log_x: true, lines }
}

fn by_fill(measuring: bool) -> Chart {
    const SLOTS: usize = 1_000_000;
    let mut lines = Vec::new();
    let parts = [1, 10, 25, 50, 75, 90, 99];
    for &part in &parts[..if measuring { parts.len() } else { 1 }] {
        let mut contest = Contest::new("fill", &[]);
        let live = SLOTS / 100 * part;
        exchanges::<common::peers::Exact>(&mut contest, live, SLOTS);
        exchanges::<Single>(&mut contest, live, SLOTS);
        exchanges::<Sharded>(&mut contest, live, SLOTS);
        run(&mut contest, measuring);
        add(&mut lines, part as f64, &contest);
    }
    let title = "An exchange in a table of a million slots, so full";
    Chart { title, x: "per cent in use", y: "ns", log_x: false, lines }
}

fn run(contest: &mut Contest, measuring: bool) {
    if measuring { contest.run(ROUNDS, READING_NS) } else { contest.try_out() }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let measuring = has("--bench") && !has("--test");
    let folder = format!("{}/benches/plots", env!("CARGO_MANIFEST_DIR"));
    for (name, chart) in
        [("slots", by_slots as fn(bool) -> Chart), ("threads", by_threads), ("fill", by_fill)]
    {
        let chart = chart(measuring);
        if !measuring {
            println!("Testing {name}\nSuccess");
            continue;
        }
        std::fs::create_dir_all(&folder).expect("a folder for the plots");
        let path = format!("{folder}/{name}.svg");
        std::fs::write(&path, chart.svg()).expect("a file for the plot");
        println!("{}", chart.table());
    }
}
