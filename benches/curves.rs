//! The cost of an exchange (a slot freed, another one allocated) by slots in use, by threads, and
//! by the share of slots in use. Writes `benches/plots/*.svg`, and prints the figures as Markdown.
//!
//! `--test` runs everything once on few slots, and writes nothing.

mod harness;
mod peers;

use std::sync::Arc;

use fastrand::Rng;
use harness::contest::{Contest, Figure, READING_NS};
use harness::plot::{Chart, Line};
use harness::work::{self, MOST, alone};
use harness::{Access, Peer, is_measuring};
use peers::{Explicit, Implicit, Sharded, Single};

/// The rounds of a contest.
const ROUNDS: usize = 15;

/// Adds a peer that holds `live` values and exchanges random ones.
fn exchanges<P: Peer + 'static>(contest: &mut Contest, live: usize, most: usize) {
    // Leaked, like the access that borrows it: the contest keeps both to its end.
    let peer: &'static P = Box::leak(Box::new(P::new(most)));
    let mut access = peer.access();
    let mut keys: Vec<P::Key> = (0..live as u64).map(|i| access.insert(i)).collect();
    let mut random = Rng::with_seed(7);
    random.shuffle(&mut keys);
    contest.enter(P::NAME, 1, Figure::Spent, move |count| {
        let places: Vec<usize> = (0..count).map(|_| random.usize(..keys.len())).collect();
        let mut run = || {
            for &place in &places {
                access.remove(keys[place]);
                keys[place] = access.insert(place as u64);
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

/// Exchanges, by slots in use.
fn by_slots(measuring: bool) -> Chart {
    let mut lines = Vec::new();
    let counts = [1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
    for &live in &counts[..if measuring { counts.len() } else { 1 }] {
        let mut contest = Contest::new("slots", &[]);
        exchanges::<Explicit>(&mut contest, live, live + 1);
        #[cfg(all(unix, target_pointer_width = "64"))]
        exchanges::<peers::Mimalloc>(&mut contest, live, live + 1);
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

/// Pairs, by threads.
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
        enter::<peers::Mimalloc>(&mut contest, threads);
        enter::<Sharded>(&mut contest, threads);
        run(&mut contest, measuring);
        add(&mut lines, threads as f64, &contest);
    }
    let title = "A pair, by so many threads at once on one table";
    Chart { title, x: "threads", y: "ns of a thread's time", log_x: true, lines }
}

/// Exchanges, by the share of slots in use.
fn by_fill(measuring: bool) -> Chart {
    const SLOTS: usize = 1_000_000;
    let mut lines = Vec::new();
    let parts = [1, 10, 25, 50, 75, 90, 99];
    for &part in &parts[..if measuring { parts.len() } else { 1 }] {
        let mut contest = Contest::new("fill", &[]);
        let live = SLOTS / 100 * part;
        exchanges::<peers::Exact>(&mut contest, live, SLOTS);
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
    let measuring = is_measuring();
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
