//! Contests: every round takes one reading of each peer, and ratios are taken within a round.
//!
//! A slow phase of the machine then affects all peers alike.

use super::Peer;
use super::work::{BATCH, Batch, MOST, Reading, alone, pairs};

/// The rounds of a contest, unless the command line says otherwise.
pub const ROUNDS: usize = 51;

/// The greatest number of rounds of long readings.
pub const FEW_ROUNDS: usize = 11;

/// The time that a reading should take, in nanoseconds.
pub const READING_NS: f64 = 2e6;

/// How often a reading is taken, at most, while a thread loses its processor during it.
const ATTEMPTS: usize = 3;

/// Which time of a reading counts.
#[derive(Clone, Copy)]
pub enum Figure {
    /// The sum of the threads' own times, for an operation of any of them.
    Spent,
    /// The wall-clock time, for an operation of one thread.
    Passed,
}

/// A contestant: a peer, or the same peer with another number of threads.
pub struct Contestant {
    name: String,
    /// Makes so many operations in each thread. Returns the nanoseconds that one took, and whether
    /// a thread was interrupted.
    measure: Box<dyn FnMut(usize) -> (f64, bool)>,
    /// The operations of a reading, in each thread.
    count: usize,
    /// The index of the same contestant with one thread.
    single: Option<usize>,
    /// Nanoseconds per operation, by round.
    results: Vec<f64>,
}

/// A target of the project: `name` takes at most `most` times as long as `reference`.
struct Target {
    name: String,
    reference: String,
    most: f64,
}

/// One kind of work, and its contestants.
pub struct Contest {
    title: &'static str,
    contestants: Vec<Contestant>,
    targets: Vec<Target>,
    /// The contestants that the others are compared with.
    references: Vec<&'static str>,
    /// The operations of a reading and the greatest number of rounds, where they are prescribed.
    fixed: Option<(usize, usize)>,
    /// Whether the table has a column for the worst reading.
    worst: bool,
    /// The contestant that does only what all others do, too. Ratios leave its time out.
    bare: Option<&'static str>,
}

impl Contest {
    /// Creates a contest without contestants. Those among `references` that enter it later are
    /// what the others are compared with.
    pub fn new(title: &'static str, references: &[&'static str]) -> Self {
        let references = references.to_vec();
        let (contestants, targets) = (Vec::new(), Vec::new());
        Self { title, contestants, targets, references, fixed: None, worst: false, bare: None }
    }

    /// Adds a column for the worst reading.
    pub fn show_worst(&mut self) {
        self.worst = true;
    }

    /// Subtracts the time of the contestant `bare` from the others' before ratios are taken.
    pub fn take_off(&mut self, bare: &'static str) {
        self.bare = Some(bare);
    }

    /// Prescribes `count` operations in a reading, and at most `rounds` rounds.
    pub fn fix(&mut self, count: usize, rounds: usize) {
        self.fixed = Some((count, rounds));
    }

    /// Adds a contestant. `run` makes the given number of operations in each of `threads` threads.
    pub fn enter(
        &mut self,
        name: impl Into<String>,
        threads: usize,
        figure: Figure,
        mut run: impl FnMut(usize) -> Reading + 'static,
    ) {
        let measure = move |count: usize| {
            let reading = run(count);
            let nanoseconds = match figure {
                Figure::Spent => reading.spent.as_nanos() as f64 / threads as f64,
                Figure::Passed => reading.passed.as_nanos() as f64,
            };
            (nanoseconds / count as f64, reading.interrupted)
        };
        self.contestants.push(Contestant {
            name: name.into(),
            measure: Box::new(measure),
            count: 1,
            single: None,
            results: Vec::new(),
        });
    }

    /// Marks the last contestant as the `back`th one before it with more threads.
    pub fn scales(&mut self, back: usize) {
        let last = self.contestants.len() - 1;
        self.contestants[last].single = last.checked_sub(back);
    }

    /// Adds a target: `name` takes at most `most` times as long as `reference`.
    pub fn target(&mut self, name: &str, reference: &str, most: f64) {
        self.targets.push(Target { name: name.into(), reference: reference.into(), most });
    }

    /// Runs every contestant once, for a few operations.
    pub fn try_out(&mut self) {
        for contestant in &mut self.contestants {
            (contestant.measure)(self.fixed.map_or(128, |(count, _)| count));
        }
    }

    /// Takes the readings: in each round one of every contestant, starting with the next one.
    pub fn run(&mut self, rounds: usize, reading_ns: f64) {
        for contestant in &mut self.contestants {
            match self.fixed {
                Some((count, _)) => contestant.count = count,
                None => contestant.calibrate(reading_ns),
            }
        }
        for round in 0..self.fixed.map_or(rounds, |(_, enough)| rounds.min(enough)) {
            for i in 0..self.contestants.len() {
                let at = (round + i) % self.contestants.len();
                self.contestants[at].take_reading();
            }
        }
    }

    /// Returns every contestant's name and median.
    pub fn medians(&self) -> impl Iterator<Item = (&str, f64)> {
        let median = |contestant: &Contestant| quantile(&contestant.results, 0.5);
        let measured = self.contestants.iter().filter(|one| !one.results.is_empty());
        measured.map(move |one| (one.name.as_str(), median(one)))
    }

    /// Returns the results as a Markdown table, followed by the targets.
    pub fn report(&self) -> String {
        let scales = self.contestants.iter().any(|contestant| contestant.single.is_some());
        let mut titles = vec!["".to_owned(), "ns".to_owned()];
        titles.extend(self.worst.then(|| "worst".to_owned()));
        titles.extend(self.bare.map(|bare| format!("less {bare}")));
        titles.extend(self.references.iter().map(|name| format!("to {name}")));
        titles.extend(scales.then(|| "to one thread".to_owned()));
        let mut text = format!("### {}\n\n{}", self.title, row(&titles));
        text += &row(&vec!["---".to_owned(); titles.len()]);
        for contestant in &self.contestants {
            let time = |part| {
                let time = quantile(&contestant.results, part);
                let digits = if time < 9.995 { 2 } else { 1 };
                format!("{time:.digits$}")
            };
            let mut cells = vec![contestant.name.clone(), time(0.5)];
            cells.extend(self.worst.then(|| time(1.0)));
            cells.extend(self.bare.map(|_| format!("{:.2}", quantile(&self.net(contestant), 0.5))));
            let references = self.references.iter().map(|name| self.named(name));
            cells.extend(references.map(|reference| self.cell(contestant, reference)));
            let single = contestant.single.map(|at| &self.contestants[at]);
            cells.extend(scales.then(|| self.cell(contestant, single)));
            text += &row(&cells);
        }
        for target in &self.targets {
            text += &self.verdict(target);
        }
        text + "\n"
    }

    fn named(&self, name: &str) -> Option<&Contestant> {
        self.contestants.iter().find(|contestant| contestant.name == name)
    }

    /// Returns a contestant's times by round, without what all contestants do.
    fn net(&self, one: &Contestant) -> Vec<f64> {
        match self.bare.and_then(|bare| self.named(bare)) {
            Some(bare) => {
                one.results.iter().zip(&bare.results).map(|(all, part)| all - part).collect()
            }
            None => one.results.clone(),
        }
    }

    /// Returns the quotients of two contestants' times, by round.
    fn ratios(&self, one: &Contestant, other: &Contestant) -> Vec<f64> {
        self.net(one).iter().zip(self.net(other)).map(|(mine, theirs)| mine / theirs).collect()
    }

    /// Returns the median of the ratios to `reference`, and the two quartiles.
    fn cell(&self, one: &Contestant, reference: Option<&Contestant>) -> String {
        match reference {
            None => "–".to_owned(),
            Some(other) if std::ptr::eq(one, other) => "1".to_owned(),
            Some(other) => {
                let ratios = self.ratios(one, other);
                let [low, mid, high] = [0.25, 0.5, 0.75].map(|q| quantile(&ratios, q));
                format!("{mid:.2} ({low:.2} to {high:.2})")
            }
        }
    }

    fn verdict(&self, Target { name, reference, most }: &Target) -> String {
        let (Some(one), Some(other)) = (self.named(name), self.named(reference)) else {
            return String::new();
        };
        let ratio = quantile(&self.ratios(one, other), 0.5);
        let verdict = if ratio <= *most { "met" } else { "missed" };
        format!("\nTarget: {name} at most {most} times {reference}: {ratio:.2}, **{verdict}**.\n")
    }
}

impl Contestant {
    /// Determines how many operations take `reading_ns`. The shortest of several tries counts:
    /// disturbances only ever add time.
    fn calibrate(&mut self, reading_ns: f64) {
        let mut count = 1000;
        for _ in 0..4 {
            let times = (0..3).map(|_| (self.measure)(count).0);
            let least = times.fold(f64::INFINITY, f64::min);
            count = ((reading_ns / least.max(0.1)) as usize).clamp(1000, 1 << 24);
        }
        self.count = count;
    }

    fn take_reading(&mut self) {
        let mut result = (self.measure)(self.count);
        for _ in 1..ATTEMPTS {
            if !result.1 {
                break;
            }
            result = (self.measure)(self.count);
        }
        self.results.push(result.0);
    }
}

/// Adds a peer that inserts a value and removes it, over and over, in one thread.
pub fn enter_pairs<P: Peer + 'static>(contest: &mut Contest) {
    let peer = P::new(MOST);
    contest.enter(P::NAME, 1, Figure::Spent, move |count| {
        let mut access = peer.access();
        pairs(&mut access, 256);
        alone(|| pairs(&mut access, count))
    });
}

/// Adds a peer that inserts batches and removes them in a random order, in one thread.
pub fn enter_batches<P: Peer + 'static>(contest: &mut Contest) {
    let (peer, mut batch) = (P::new(MOST), Batch::new());
    contest.enter(P::NAME, 1, Figure::Spent, move |count| {
        let mut access = peer.access();
        batch.run(&mut access);
        let times = count.div_ceil(BATCH);
        let reading = alone(|| (0..times).for_each(|_| batch.run(&mut access)));
        reading.scaled(count, times * BATCH)
    });
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// Returns the quantile `part` of `values`, interpolated between two values.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// Returns the note above the tables.
pub fn preface(rounds: usize) -> String {
    format!(
        "Medians over {rounds} rounds: nanoseconds per operation, and the ratio to another \
         contestant's reading of the same round, with the two quartiles of the ratios. {}.",
        machine()
    )
}

/// Returns the machine's processors and load, as far as the system reports them.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let information = read("/proc/cpuinfo");
    let model = information.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown");
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().filter(|load| !load.is_empty()).unwrap_or("unknown");
    format!("{processors} processors ({model}); load at the start {load}")
}

/// Returns the name of a contestant with so many threads.
pub fn on(name: &str, threads: usize) -> String {
    format!("{name}, {threads} {}", if threads == 1 { "thread" } else { "threads" })
}
