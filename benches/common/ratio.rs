//! Contests: peers measured in turn, round after round, and compared within each round, so that
//! a slow spell of the machine falls on all of them.

use super::work::Reading;

/// How often a reading is taken again in which a thread lost its processor.
const ATTEMPTS: usize = 3;

/// What the figures of a reading are.
#[derive(Clone, Copy)]
pub enum Figure {
    /// The threads' time on processors over all their operations.
    Spent,
    /// The time that passed over the operations of one thread.
    Passed,
}

/// Somebody who takes part in a contest.
pub struct Contestant {
    name: String,
    /// Makes a number of operations a thread and says how long one took, in nanoseconds.
    measure: Box<dyn FnMut(usize) -> (f64, bool)>,
    /// How many operations fill a reading.
    count: usize,
    /// The contestant that is the same with one thread only.
    single: Option<usize>,
    /// Nanoseconds an operation, by round.
    results: Vec<f64>,
}

/// A promise of the project's.
struct Target {
    who: String,
    than: String,
    most: f64,
}

/// One kind of work, and who does it.
pub struct Contest {
    title: &'static str,
    contestants: Vec<Contestant>,
    targets: Vec<Target>,
    /// The names of the contestants that the others are compared with.
    references: Vec<&'static str>,
    /// How many operations make a reading and how many rounds there are at most, where neither
    /// is free to choose.
    fixed: Option<(usize, usize)>,
    /// Whether the worst reading is shown beside the median.
    worst: bool,
    /// The contestant that does what all of them do, and nothing else: its time is taken off.
    bare: Option<&'static str>,
}

impl Contest {
    /// A contest in which all are compared with `references`, as far as they take part.
    pub fn new(title: &'static str, references: &[&'static str]) -> Self {
        let references = references.to_vec();
        let (contestants, targets) = (Vec::new(), Vec::new());
        Self { title, contestants, targets, references, fixed: None, worst: false, bare: None }
    }

    /// Has the worst reading shown beside the median.
    pub fn show_worst(&mut self) {
        self.worst = true;
    }

    /// Has the time of one contestant, which does only what all the others do as well, taken off
    /// theirs in the ratios.
    pub fn take_off(&mut self, bare: &'static str) {
        self.bare = Some(bare);
    }

    /// Says that a reading is of exactly `count` operations, and that `rounds` rounds are enough.
    pub fn fix(&mut self, count: usize, rounds: usize) {
        self.fixed = Some((count, rounds));
    }

    /// Adds a contestant. `run` is given a number of operations, which each of `threads` threads
    /// makes.
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

    /// Says that the last contestant is the `back`th before it, but with more threads.
    pub fn scales(&mut self, back: usize) {
        let last = self.contestants.len() - 1;
        self.contestants[last].single = last.checked_sub(back);
    }

    /// Adds a promise: `who` takes at most `most` times as long as `than`.
    pub fn promise(&mut self, who: &str, than: &str, most: f64) {
        self.targets.push(Target { who: who.into(), than: than.into(), most });
    }

    /// Runs everybody once, on a few operations.
    pub fn try_out(&mut self) {
        for contestant in &mut self.contestants {
            (contestant.measure)(self.fixed.map_or(128, |(count, _)| count));
        }
    }

    /// Takes the readings: in each round one of everybody, another one first each time.
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

    /// Everybody's name and median.
    pub fn medians(&self) -> impl Iterator<Item = (&str, f64)> {
        let median = |contestant: &Contestant| quantile(&contestant.results, 0.5);
        let measured = self.contestants.iter().filter(|one| !one.results.is_empty());
        measured.map(move |one| (one.name.as_str(), median(one)))
    }

    /// The results as a table in Markdown, and below it what became of the promises.
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

    /// Somebody's times by round, less what all have to do.
    fn net(&self, one: &Contestant) -> Vec<f64> {
        match self.bare.and_then(|bare| self.named(bare)) {
            Some(bare) => {
                one.results.iter().zip(&bare.results).map(|(all, part)| all - part).collect()
            }
            None => one.results.clone(),
        }
    }

    /// One's time over the other one's, by round.
    fn ratios(&self, one: &Contestant, other: &Contestant) -> Vec<f64> {
        self.net(one).iter().zip(self.net(other)).map(|(mine, theirs)| mine / theirs).collect()
    }

    /// The median of the ratios, and between which values half of them lie.
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

    fn verdict(&self, Target { who, than, most }: &Target) -> String {
        let (Some(one), Some(other)) = (self.named(who), self.named(than)) else {
            return String::new();
        };
        let ratio = quantile(&self.ratios(one, other), 0.5);
        let verdict = if ratio <= *most { "met" } else { "missed" };
        format!("\nTarget: {who} at most {most} times {than}: {ratio:.2}, **{verdict}**.\n")
    }
}

impl Contestant {
    /// Finds out how many operations take `reading_ns`. The least of several tries counts: only
    /// disturbances make it longer.
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

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The value that this part of all values lie below, with what lies between two values
/// interpolated.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = part * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

/// What a reader of the tables should know.
pub fn preface(rounds: usize) -> String {
    format!(
        "Medians over {rounds} rounds: nanoseconds an operation, and the ratio to another one's \
         reading of the same round, with the two values between which half of the ratios lie. \
         {}.",
        machine()
    )
}

/// The machine, as far as it says.
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
