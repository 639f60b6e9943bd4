//! Contests of all peers: every round takes one reading of each, and ratios are taken within a
//! round. Prints Markdown, for RESULTS.md.
//!
//! Arguments: `--rounds N`; words, of which a title must contain one; `--test`, to run everything
//! once without figures. A run without `--bench`, which cargo passes, prints no figures either.
//! Other arguments are for other benchmarks and are ignored.

mod harness;
mod peers;

use std::rc::Rc;
use std::sync::Arc;

use harness::contest::{self, Contest, Figure, READING_NS, ROUNDS, enter_batches, enter_pairs, on};
use harness::traces::{self, Parts, Trace};
use harness::work::{self, MOST, PARCEL};
use harness::{Peer, is_measuring};
use peers::least::{Least, Nothing};
use peers::unbiased::{Swapping, SwappingTable};
use peers::{
    Explicit, Implicit, Queue, Sharded, Single, Vouched, collected, counted, large, readers,
    unique, values,
};

/// Creates a contest with this title.
type Make = fn(&'static str) -> Contest;

/// Every contest.
const CONTESTS: [(&str, Make); 35] = [
    ("Pair", pair),
    ("Batch of 4096", batch),
    ("Pair of two-word entries", wide_pair),
    ("Batch of 4096 two-word entries", wide_batch),
    ("Pair by several threads", several_threads),
    ("Hand-over", hand_over),
    ("Read one of a million", readers::random_get),
    ("Read one of a million, one after the other", readers::chained_get),
    ("Read one over and over", readers::hot_get),
    ("Read one over and over, by two threads", readers::hot_get_by_two),
    ("Growth to ten million entries", large::growth),
    ("Slab: pair", values::pair),
    ("Slab: batch of 4096", values::batch),
    ("Slab: pair by two threads", values::pair_by_two),
    ("Slab: read one of a million", values::random_get),
    ("Slab: read one over and over", values::hot_get),
    ("Slab: growth to ten million values", values::growth),
    ("Counted references: one taken and ended", counted::get),
    ("Counted references: owned ones", counted::get_owned),
    ("Counted references: a pool's value created and cleared", counted::create),
    ("Sweep of 1 Mi slots, for each slot", large::sweep_1),
    ("Sweep of 16 Mi slots, for each slot", large::sweep_16),
    ("Pause of a sweep, half of the slots free", large::pause),
    ("Stop of the world", large::stop),
    ("Collected: read one of a million", collected::random_get),
    ("Collected: read one over and over", collected::hot_get),
    ("Collected: mark a million random entries", collected::mark),
    ("Collected: sweep of 16 Mi entries, for each entry", collected::sweep_16),
    ("Collected: a million objects made, half of them freed", collected::whole),
    ("Collected: pause of a collection", collected::pause),
    ("Collected: minor collection, for each young entry", collected::minor),
    ("Trace of a compiler of WebAssembly, by its threads", |title| {
        trace_by_threads(title, "wasm-compile")
    }),
    ("Trace of a compiler of WebAssembly, by one thread", |title| trace(title, "wasm-compile")),
    ("Trace of a server that keeps keys, by its threads", |title| {
        trace_by_threads(title, "redis-set-flush")
    }),
    ("Trace of a server that keeps keys, by one thread", |title| trace(title, "redis-set-flush")),
];

/// Adds each peer to a contest in the same way, those for a single thread last.
macro_rules! enter_all {
    ($contest:ident, $enter:ident $(, $more:ty)*) => {
        $enter::<Explicit>(&mut $contest);
        $enter::<Implicit>(&mut $contest);
        #[cfg(all(unix, target_pointer_width = "64"))]
        $enter::<peers::Mimalloc>(&mut $contest);
        $enter::<Sharded>(&mut $contest);
        $($enter::<$more>(&mut $contest);)*
    };
}

/// A value inserted and removed.
fn pair(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Single::NAME]);
    enter_all!(contest, enter_pairs, Single, Vouched, Swapping, SwappingTable, Least);
    unique::enter_pairs(&mut contest);
    contest.target(unique::MUTATOR, Single::NAME, 1.0);
    contest.target(unique::MUTATOR, "mimalloc", 0.5);
    contest.target(unique::TABLE, "mimalloc", 0.8);
    contest.target(Explicit::<u64>::NAME, Single::NAME, 1.0);
    contest.target(Explicit::<u64>::NAME, "mimalloc", 0.5);
    contest.target(Implicit::<u64>::NAME, "mimalloc", 0.8);
    contest.target(Explicit::<u64>::NAME, Sharded::NAME, 0.15);
    contest
}

/// Many values inserted, and removed in a random order.
fn batch(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Single::NAME]);
    enter_all!(contest, enter_batches, Single, Vouched, Swapping, SwappingTable, Least);
    unique::enter_batches(&mut contest);
    contest.target(unique::MUTATOR, "mimalloc", 1.0);
    contest.target(unique::MUTATOR, Single::NAME, 1.3);
    contest.target(Explicit::<u64>::NAME, "mimalloc", 1.0);
    contest.target(Explicit::<u64>::NAME, Single::NAME, 1.3);
    contest
}

/// Pairs of two-word entries, compared with one-word entries.
fn wide_pair(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[Explicit::<u64>::NAME, Implicit::<u64>::NAME]);
    enter_pairs::<Explicit>(&mut contest);
    enter_pairs::<Implicit>(&mut contest);
    enter_pairs::<Explicit<[u64; 2]>>(&mut contest);
    enter_pairs::<Implicit<[u64; 2]>>(&mut contest);
    contest
}

/// Batches of two-word entries, compared with one-word entries.
fn wide_batch(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[Explicit::<u64>::NAME, Implicit::<u64>::NAME]);
    enter_batches::<Explicit>(&mut contest);
    enter_batches::<Implicit>(&mut contest);
    enter_batches::<Explicit<[u64; 2]>>(&mut contest);
    enter_batches::<Implicit<[u64; 2]>>(&mut contest);
    contest
}

/// Pairs by one, two, and four threads.
fn several_threads(title: &'static str) -> Contest {
    fn enter<P: Peer + Sync + 'static>(contest: &mut Contest) {
        let peer = Arc::new(P::new(MOST));
        for (back, threads) in [1, 2, 4].into_iter().enumerate() {
            let peer = Arc::clone(&peer);
            contest.enter(on(P::NAME, threads), threads, Figure::Spent, move |count| {
                work::pairs_together(&*peer, threads, count)
            });
            contest.scales(back);
        }
    }
    let mut contest = Contest::new(title, &["mimalloc, 2 threads"]);
    enter_all!(contest, enter, Swapping, Queue);
    for name in [Explicit::<u64>::NAME, Implicit::<u64>::NAME] {
        contest.target(&on(name, 2), &on(name, 1), 1.1);
    }
    contest
}

/// Keys that one thread makes and another one uses up.
fn hand_over(title: &'static str) -> Contest {
    fn enter<P: Peer + Sync + 'static>(contest: &mut Contest) {
        let peer = P::new(MOST);
        contest.enter(P::NAME, 2, Figure::Passed, move |count| {
            let parcels = count.div_ceil(PARCEL);
            work::hand_over(&peer, parcels).scaled(count, parcels * PARCEL)
        });
    }
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Queue::NAME]);
    enter_all!(contest, enter, Queue, Vouched, Swapping);
    contest.target(Explicit::<u64>::NAME, "mimalloc", 0.5);
    contest.target(Explicit::<u64>::NAME, Queue::NAME, 1.0);
    contest
}

/// A trace, replayed by one thread.
fn trace(title: &'static str, name: &str) -> Contest {
    fn enter<P: Peer + 'static>(contest: &mut Contest, trace: &Rc<Trace>) {
        let trace = Rc::clone(trace);
        contest.enter(P::NAME, 1, Figure::Spent, move |_| traces::replay::<P>(&trace));
    }
    let trace = Rc::new(traces::read(name));
    let mut contest = contest_of_traces(title, &trace);
    enter::<Explicit>(&mut contest, &trace);
    enter::<Implicit>(&mut contest, &trace);
    #[cfg(all(unix, target_pointer_width = "64"))]
    enter::<peers::Mimalloc>(&mut contest, &trace);
    enter::<Sharded>(&mut contest, &trace);
    enter::<Vouched>(&mut contest, &trace);
    enter::<Swapping>(&mut contest, &trace);
    enter::<Least>(&mut contest, &trace);
    enter::<Nothing>(&mut contest, &trace);
    contest
}

/// A trace, replayed by its threads.
fn trace_by_threads(title: &'static str, name: &str) -> Contest {
    fn enter<P: Peer + Sync + 'static>(contest: &mut Contest, trace: &Rc<(Trace, Parts)>) {
        let trace = Rc::clone(trace);
        contest.enter(P::NAME, 1, Figure::Spent, move |_| {
            traces::replay_by_threads::<P>(&trace.0, &trace.1)
        });
    }
    let trace = traces::read(name);
    let mut contest = contest_of_traces(title, &trace);
    let parts = trace.parts();
    let trace = Rc::new((trace, parts));
    enter::<Explicit>(&mut contest, &trace);
    enter::<Implicit>(&mut contest, &trace);
    #[cfg(all(unix, target_pointer_width = "64"))]
    enter::<peers::Mimalloc>(&mut contest, &trace);
    enter::<Sharded>(&mut contest, &trace);
    enter::<Vouched>(&mut contest, &trace);
    enter::<Swapping>(&mut contest, &trace);
    enter::<Least>(&mut contest, &trace);
    enter::<Nothing>(&mut contest, &trace);
    contest
}

/// Creates a contest of replays, without contestants.
fn contest_of_traces(title: &'static str, trace: &Trace) -> Contest {
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME]);
    contest.fix(trace.events.len(), ROUNDS);
    contest.take_off(Nothing::NAME);
    contest.target(Explicit::<u64>::NAME, "mimalloc", 0.5);
    contest
}

/// The command line.
#[derive(Default)]
struct Options {
    rounds: Option<usize>,
    words: Vec<String>,
}

impl Options {
    fn read(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => options.rounds = arguments.next().and_then(|n| n.parse().ok()),
                flag if flag.starts_with('-') => {}
                word => options.words.push(word.to_lowercase()),
            }
        }
        options
    }

    fn want(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        self.words.is_empty() || self.words.iter().any(|word| title.contains(word))
    }
}

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let rounds = options.rounds.unwrap_or(ROUNDS).max(1);
    if is_measuring() {
        println!("{}\n", contest::preface(rounds));
    }
    for (title, contest) in CONTESTS.into_iter().filter(|(title, _)| options.want(title)) {
        let mut contest = contest(title);
        if is_measuring() {
            contest.run(rounds, READING_NS);
            println!("{}", contest.report());
        } else {
            println!("Testing {title}");
            contest.try_out();
            println!("Success");
        }
    }
}
