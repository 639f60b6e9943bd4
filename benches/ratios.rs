//! The peers side by side: each round measures all of them in turn, and the ratios are taken
//! within the round. Prints Markdown, for RESULTS.md.
//!
//! Arguments: `--rounds N`; words that a title must contain one of; `--test` to run everything
//! once and print no figures, as happens without `--bench` (which cargo passes), too. Other
//! arguments, which are meant for other benchmarks, are ignored.

mod common;

use std::rc::Rc;
use std::sync::Arc;

use common::Random;
use common::large;
use common::least::Least;
use common::peers::{Explicit, Implicit, Peer, Queue, Sharded, Single, Vouched};
use common::ratio::{Contest, Figure};
use common::readers::{self, Reader, Trail, Unchecked};
use common::traces::{self, Nothing, Parts, Trace};
use common::unique;
use common::values;
use common::work::{self, BATCH, Batch, MOST, PARCEL, alone, pairs};
use slotarena::Table;

/// How long a reading is to take.
const READING_NS: f64 = 2e6;

/// How many rounds there are if nobody says otherwise.
const ROUNDS: usize = 51;

/// How many there are at most of what takes long.
const FEW_ROUNDS: usize = 11;

/// How many values there are to be read.
const VALUES: u64 = 1_000_000;

/// Makes a contest with this title.
type Make = fn(&'static str) -> Contest;

/// Every contest.
const CONTESTS: [(&str, Make); 23] = [
    ("Pair", pair),
    ("Batch of 4096", batch),
    ("Pair by several threads", several_threads),
    ("Hand-over", hand_over),
    ("Read one of a million", random_get),
    ("Read one of a million, one after the other", chained_get),
    ("Read one over and over", hot_get),
    ("Read one over and over, by two threads", hot_get_by_two),
    ("Growth to ten million entries", growth),
    ("Slab: pair", values::pair),
    ("Slab: batch of 4096", values::batch),
    ("Slab: pair by two threads", values::pair_by_two),
    ("Slab: read one of a million", values::random_get),
    ("Slab: read one over and over", values::hot_get),
    ("Slab: growth to ten million values", values::growth),
    ("Sweep of 1 Mi slots, for each slot", sweep_1),
    ("Sweep of 16 Mi slots, for each slot", sweep_16),
    ("Pause of a sweep, half of the slots free", pause),
    ("Stop of the world", stop),
    ("Trace of a compiler of WebAssembly, by its threads", |title| {
        trace_by_threads(title, "wasm-compile")
    }),
    ("Trace of a compiler of WebAssembly, by one thread", |title| trace(title, "wasm-compile")),
    ("Trace of a server that keeps keys, by its threads", |title| {
        trace_by_threads(title, "redis-set-flush")
    }),
    ("Trace of a server that keeps keys, by one thread", |title| trace(title, "redis-set-flush")),
];

/// Adds each peer to a contest in the same way, those that only one thread can use last.
macro_rules! enter_all {
    ($contest:ident, $enter:ident $(, $more:ty)*) => {
        $enter::<Explicit>(&mut $contest);
        $enter::<Implicit>(&mut $contest);
        #[cfg(all(unix, target_pointer_width = "64"))]
        $enter::<common::peers::Mimalloc>(&mut $contest);
        $enter::<Sharded>(&mut $contest);
        $($enter::<$more>(&mut $contest);)*
    };
}

fn pair(title: &'static str) -> Contest {
    fn enter<P: Peer + 'static>(contest: &mut Contest) {
        let peer = P::new(MOST);
        contest.enter(P::NAME, 1, Figure::Spent, move |count| {
            let mut hand = peer.hand();
            pairs(&mut hand, 256);
            alone(|| pairs(&mut hand, count))
        });
    }
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Single::NAME]);
    enter_all!(contest, enter, Single, Vouched, Least);
    let table = Rc::new(unique::table());
    let shared = Rc::clone(&table);
    contest.enter(unique::MUTATOR, 1, Figure::Spent, move |count| {
        let mut mutator = shared.mutator();
        unique::pairs(&mut mutator, 256);
        alone(|| unique::pairs(&mut mutator, count))
    });
    contest.enter(unique::TABLE, 1, Figure::Spent, move |count| {
        unique::table_pairs(&table, 256);
        alone(|| unique::table_pairs(&table, count))
    });
    contest.promise(unique::MUTATOR, Single::NAME, 1.0);
    contest.promise(unique::MUTATOR, "mimalloc", 0.5);
    contest.promise(unique::TABLE, "mimalloc", 0.8);
    contest.promise(Explicit::<u64>::NAME, Single::NAME, 1.0);
    contest.promise(Explicit::<u64>::NAME, "mimalloc", 0.5);
    contest.promise(Implicit::<u64>::NAME, "mimalloc", 0.8);
    contest.promise(Explicit::<u64>::NAME, Sharded::NAME, 0.15);
    contest
}

fn batch(title: &'static str) -> Contest {
    fn enter<P: Peer + 'static>(contest: &mut Contest) {
        let (peer, mut batch) = (P::new(MOST), Batch::new());
        contest.enter(P::NAME, 1, Figure::Spent, move |count| {
            let mut hand = peer.hand();
            batch.run(&mut hand);
            let times = count.div_ceil(BATCH);
            let reading = alone(|| (0..times).for_each(|_| batch.run(&mut hand)));
            reading.scaled(count, times * BATCH)
        });
    }
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Single::NAME]);
    enter_all!(contest, enter, Single, Vouched, Least);
    let (table, order) = (unique::table(), work::order());
    contest.enter(unique::MUTATOR, 1, Figure::Spent, move |count| {
        let mut mutator = table.mutator();
        unique::batches(&mut mutator, &order, 1);
        let times = count.div_ceil(BATCH);
        alone(|| unique::batches(&mut mutator, &order, times)).scaled(count, times * BATCH)
    });
    contest.promise(unique::MUTATOR, "mimalloc", 1.0);
    contest.promise(unique::MUTATOR, Single::NAME, 1.3);
    contest.promise(Explicit::<u64>::NAME, "mimalloc", 1.0);
    contest.promise(Explicit::<u64>::NAME, Single::NAME, 1.3);
    contest
}

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
    enter_all!(contest, enter, Queue);
    for name in [Explicit::<u64>::NAME, Implicit::<u64>::NAME] {
        contest.promise(&on(name, 2), &on(name, 1), 1.1);
    }
    contest
}

fn hand_over(title: &'static str) -> Contest {
    fn enter<P: Peer + Sync + 'static>(contest: &mut Contest) {
        let peer = P::new(MOST);
        contest.enter(P::NAME, 2, Figure::Passed, move |count| {
            let parcels = count.div_ceil(PARCEL);
            work::hand_over(&peer, parcels).scaled(count, parcels * PARCEL)
        });
    }
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME, Queue::NAME]);
    enter_all!(contest, enter, Queue, Vouched);
    contest.promise(Explicit::<u64>::NAME, "mimalloc", 0.5);
    contest.promise(Explicit::<u64>::NAME, Queue::NAME, 1.0);
    contest
}

/// Adds each reader to a contest, and what is promised.
macro_rules! enter_readers {
    ($contest:ident, $enter:ident) => {
        $enter::<Table<u64>>(&mut $contest);
        $enter::<readers::Vouched>(&mut $contest);
        $enter::<Table<[u64; 2]>>(&mut $contest);
        $enter::<Unchecked>(&mut $contest);
        $enter::<sharded_slab::Slab<u64>>(&mut $contest);
        $enter::<slab::Slab<u64>>(&mut $contest);
        $contest.promise(<Table<u64>>::NAME, Unchecked::NAME, 1.05);
        $contest.promise(readers::Vouched::NAME, Unchecked::NAME, 1.05);
    };
}

const READ_REFERENCES: [&str; 3] = [Unchecked::NAME, Sharded::NAME, "slab"];

fn random_get(title: &'static str) -> Contest {
    fn enter<R: Reader + 'static>(contest: &mut Contest) {
        let (reader, mut keys) = R::filled(VALUES);
        Random(2).shuffle(&mut keys);
        contest.enter(R::NAME, 1, Figure::Spent, move |count| {
            // The others have had the caches since.
            work::reads(&reader, &keys, 0, keys.len().min(count));
            alone(|| work::reads(&reader, &keys, 0, count))
        });
    }
    let mut contest = Contest::new(title, &READ_REFERENCES);
    enter_readers!(contest, enter);
    contest
}

fn chained_get(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[Unchecked::NAME]);
    let table = Trail::<Table<u64>>::new(VALUES);
    contest.enter(<Table<u64>>::NAME, 1, Figure::Spent, move |count| {
        table.follow(count);
        alone(|| table.follow(count))
    });
    let vector = Trail::<Unchecked>::new(VALUES);
    contest.enter(Unchecked::NAME, 1, Figure::Spent, move |count| {
        vector.follow(count);
        alone(|| vector.follow(count))
    });
    contest.promise(<Table<u64>>::NAME, Unchecked::NAME, 1.05);
    contest
}

fn hot_get(title: &'static str) -> Contest {
    fn enter<R: Reader + 'static>(contest: &mut Contest) {
        let (reader, keys) = R::filled(100);
        let hot = vec![keys[50]; 1024];
        contest.enter(R::NAME, 1, Figure::Spent, move |count| {
            work::reads(&reader, &hot, 0, 1024);
            alone(|| work::reads(&reader, &hot, 0, count))
        });
    }
    let mut contest = Contest::new(title, &READ_REFERENCES);
    enter_readers!(contest, enter);
    contest
}

fn hot_get_by_two(title: &'static str) -> Contest {
    fn enter<R: Reader + Send + 'static>(contest: &mut Contest) {
        let (reader, keys) = R::filled(100);
        let shared = Arc::new((reader, vec![keys[50]; 1024]));
        for (back, threads) in [1, 2].into_iter().enumerate() {
            let shared = Arc::clone(&shared);
            contest.enter(on(R::NAME, threads), threads, Figure::Spent, move |count| {
                work::reads_together(&shared.0, &shared.1, threads, count)
            });
            contest.scales(back);
        }
    }
    let mut contest = Contest::new(title, &[]);
    enter::<Table<u64>>(&mut contest);
    enter::<readers::Vouched>(&mut contest);
    enter::<Unchecked>(&mut contest);
    enter::<sharded_slab::Slab<u64>>(&mut contest);
    enter::<slab::Slab<u64>>(&mut contest);
    contest.promise(&on(<Table<u64>>::NAME, 2), &on(<Table<u64>>::NAME, 1), 1.3);
    contest
}

fn growth(title: &'static str) -> Contest {
    const ENTRIES: usize = 10_000_000;
    const TOUCH: &str = "first touch of as much memory";
    let mut contest = Contest::new(title, &[TOUCH]);
    contest.fix(ENTRIES, FEW_ROUNDS);
    contest.enter(Explicit::<u64>::NAME, 1, Figure::Spent, large::grow);
    contest.enter(TOUCH, 1, Figure::Spent, large::first_touch);
    contest.promise(Explicit::<u64>::NAME, TOUCH, 1.3);
    contest
}

fn sweep_1(title: &'static str) -> Contest {
    sweep(title, 1 << 20)
}

fn sweep_16(title: &'static str) -> Contest {
    sweep(title, 16 << 20)
}

fn sweep(title: &'static str, slots: usize) -> Contest {
    const READ: &str = "reading as much memory";
    const RETURN: &str = "reading and returning as much memory";
    const SORT: [&str; 2] = ["copy and sort, a random half free", "copy and sort, all free"];
    let mut contest = Contest::new(title, &[READ, RETURN, SORT[0], SORT[1]]);
    // Copying and sorting takes seconds where there are many.
    contest.fix(slots, if slots > 1 << 20 { 3 } else { FEW_ROUNDS });
    contest.enter("a random half free", 1, Figure::Spent, |slots| large::sweep(slots, false));
    contest.enter("all free", 1, Figure::Spent, |slots| large::sweep(slots, true));
    contest.enter(READ, 1, Figure::Spent, large::read_through);
    #[cfg(target_os = "linux")]
    contest.enter(RETURN, 1, Figure::Spent, large::read_and_return);
    for (all, name) in [false, true].into_iter().zip(SORT) {
        contest.enter(name, 1, Figure::Spent, move |slots| large::copy_and_sort(slots, all));
    }
    // The promises are about large tables.
    if slots > 1 << 20 {
        contest.promise("a random half free", READ, 2.0);
        contest.promise("all free", READ, 2.0);
        contest.promise("all free", RETURN, 1.3);
        contest.promise("a random half free", SORT[0], 0.05);
        contest.promise("all free", SORT[1], 0.05);
    }
    contest
}

fn pause(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &[]);
    contest.fix(1, FEW_ROUNDS);
    contest.show_worst();
    for (slots, name) in [(10_000, "10^4"), (1_000_000, "10^6"), (16_000_000, "1.6 * 10^7")] {
        for (stopped, how) in [(false, ""), (true, ", all in the pause")] {
            let name = format!("{name} slots{how}");
            contest.enter(name, 1, Figure::Passed, move |_| large::pause(slots, stopped));
        }
    }
    contest
}

fn stop(title: &'static str) -> Contest {
    let mut contest = Contest::new(title, &["1 idle mutator"]);
    let idle = |mutators| move |times| large::stops_of_idle(mutators, times);
    contest.enter("1 idle mutator", 1, Figure::Passed, idle(1));
    contest.enter("64 idle mutators", 1, Figure::Passed, idle(64));
    contest.enter("1 mutator at work", 1, Figure::Passed, large::stops_of_busy);
    contest
}

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
    enter::<common::peers::Mimalloc>(&mut contest, &trace);
    enter::<Sharded>(&mut contest, &trace);
    enter::<Vouched>(&mut contest, &trace);
    enter::<Least>(&mut contest, &trace);
    enter::<Nothing>(&mut contest, &trace);
    contest
}

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
    enter::<common::peers::Mimalloc>(&mut contest, &trace);
    enter::<Sharded>(&mut contest, &trace);
    enter::<Vouched>(&mut contest, &trace);
    enter::<Least>(&mut contest, &trace);
    enter::<Nothing>(&mut contest, &trace);
    contest
}

fn contest_of_traces(title: &'static str, trace: &Trace) -> Contest {
    let mut contest = Contest::new(title, &["mimalloc", Sharded::NAME]);
    contest.fix(trace.events.len(), ROUNDS);
    contest.take_off(Nothing::NAME);
    contest.promise(Explicit::<u64>::NAME, "mimalloc", 0.5);
    contest
}

fn on(name: &str, threads: usize) -> String {
    format!("{name}, {threads} {}", if threads == 1 { "thread" } else { "threads" })
}

/// What the command line asks for.
#[derive(Default)]
struct Options {
    bench: bool,
    test: bool,
    rounds: Option<usize>,
    words: Vec<String>,
}

impl Options {
    fn read(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--bench" => options.bench = true,
                "--test" => options.test = true,
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
    let measuring = options.bench && !options.test;
    if measuring {
        println!("{}\n", common::ratio::preface(rounds));
    }
    for (title, contest) in CONTESTS.into_iter().filter(|(title, _)| options.want(title)) {
        let mut contest = contest(title);
        if measuring {
            contest.run(rounds, READING_NS);
            println!("{}", contest.report());
        } else {
            println!("Testing {title}");
            contest.try_out();
            println!("Success");
        }
    }
}
