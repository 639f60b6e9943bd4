//! A village: a table, and places in which successive threads live.
//!
//! A thread runs a mix of all operations. It takes over slots that others leave, leaves its own to
//! others, and ends with or without cleanup.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use fastrand::Rng;
use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{Participant, check, check_empty};
use crate::owners::Owners;
use crate::stamp::Stamp;
use crate::worker::Worker;

/// The stamp of a slot in the market.
const MARKET: u32 = u32::MAX;

/// The options of a village.
#[derive(Clone, Debug)]
pub struct Config {
    seed: u64,
    /// How many threads live simultaneously.
    places: usize,
    capacity: u32,
    stripes: usize,
    magazine: usize,
    /// Whether entries have two words.
    pub is_wide: bool,
    /// How many slots the threads want to hold together, in percent of all.
    fill: usize,
    /// How many of 1,024 steps come with a sweep.
    pub unrest: usize,
    /// The start of the run that this village is a part of.
    since: Instant,
}

impl Config {
    pub fn of(seed: u64, since: Instant) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut one_of = |choices: &[usize]| choices[random.usize(..choices.len())];
        Self {
            seed,
            places: one_of(&[2, 2, 3, 4, 6, 8, 16, 32]),
            // From so few that most allocations fail and stop the world, to many segments that are
            // committed and released.
            capacity: one_of(&[12, 64, 300, 1000, 10_000, 50_000, 200_000]) as u32,
            stripes: one_of(&[1, 2, 4]),
            magazine: one_of(&[1, 2, 4, 64]),
            is_wide: one_of(&[0, 0, 1]) == 1,
            // From more than all slots to so few that most segments are usually empty.
            fill: one_of(&[150, 150, 20, 1]),
            unrest: one_of(&[0, 1, 10, 100]),
            since,
        }
    }

    /// Runs a part of a village's life. If it panics, prints the reason and the options
    /// immediately, since other threads may never end once a table is broken.
    fn watch<R>(&self, part: impl FnOnce() -> R) -> R {
        catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|panic| {
            let Config { seed, places, capacity, stripes, magazine, .. } = self;
            let message = message(&*panic).replace('\n', "; ");
            let text = format!(
                "failure: {message} | after {:.3} s, seed {seed}: {places} threads, {capacity} \
                 slots, {stripes} stripes, magazines of {magazine}\n",
                self.since.elapsed().as_secs_f64(),
            );
            // Not by a macro, since the test harness holds back its output until the test ends.
            let _ = std::io::stderr().write_all(text.as_bytes());
            resume_unwind(panic)
        })
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

/// The payload of a thread that ends by unwinding.
struct UntimelyEnd;

/// The state that all threads of a village share.
pub struct Village<E: Stamp> {
    pub config: Config,
    pub table: Table<E>,
    pub owners: Owners,
    /// The slots that threads have left to others.
    market: Mutex<Vec<(Handle, E)>>,
    born: AtomicU32,
    steps: AtomicU64,
    is_broken: AtomicBool,
}

impl<E: Stamp> Village<E> {
    pub fn found(config: Config) -> Self {
        let builder = Table::builder().capacity(config.capacity).stripes(config.stripes);
        Self {
            table: builder.magazine_size(config.magazine).build().expect("a table"),
            owners: Owners::new(config.capacity),
            market: Mutex::default(),
            born: AtomicU32::new(1),
            steps: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
            config,
        }
    }

    /// Runs the threads until `end`, and checks the table. Returns the number of threads and of
    /// their steps.
    pub fn live_until(self, end: &Deadline) -> (u64, u64) {
        std::thread::scope(|scope| {
            for place in 0..self.config.places as u64 {
                let village = &self;
                scope.spawn(move || village.inhabit(place, end));
            }
        });
        assert!(!self.is_broken.load(Ordering::Relaxed), "the village of {:?}", self.config);
        let config = self.config.clone();
        config.watch(|| self.wind_up())
    }

    /// Runs one life after another in a place.
    fn inhabit(&self, place: u64, end: &Deadline) {
        let mut random = Rng::with_seed(self.config.seed ^ place << 32);
        let mut tool = None;
        while !end.has_come() && !self.is_broken.load(Ordering::Relaxed) {
            // Joined, so that thread-locals are dropped before the next life begins.
            let (random, inherited) = (&mut random, tool.take());
            let death = std::thread::scope(|scope| {
                scope.spawn(|| self.live(random, inherited, end)).join()
            });
            match death {
                Ok(left) => tool = left,
                Err(panic) if panic.is::<UntimelyEnd>() => {}
                Err(_) => self.is_broken.store(true, Ordering::Relaxed),
            }
        }
    }

    /// Lives once: takes slots over, works, and ends in one of several ways. Returns the
    /// participant if the next life is to use it.
    fn live<'v>(
        &'v self,
        random: &mut Rng,
        inherited: Option<Participant<'v, E>>,
        end: &Deadline,
    ) -> Option<Participant<'v, E>> {
        let me = self.born.fetch_add(1, Ordering::Relaxed);
        let through = inherited.unwrap_or_else(|| match random.usize(..2) {
            0 => Participant::Thread(&self.table),
            _ => Participant::Mutator(self.table.mutator()),
        });
        let wanted = self.config.capacity as usize * self.config.fill / 100;
        let most = wanted.div_ceil(self.config.places).max(1);
        let mut worker = Worker::new(me, self, through, most, random.u64(..));
        self.config.watch(|| {
            worker.take_over();
            // Many short lives, some long ones.
            for _ in 0..1 << random.usize(..9) {
                worker.work(16);
                if end.has_come() || self.is_broken.load(Ordering::Relaxed) {
                    break;
                }
            }
            worker.settle_all();
            // Some lives abandon a part of their slots, which stay live.
            if random.usize(..16) == 0 {
                worker.held.truncate(worker.held.len() / 2);
            } else if random.usize(..4) == 0 {
                worker.free_all();
            }
            worker.leave(usize::MAX);
        });
        self.steps.fetch_add(worker.steps, Ordering::Relaxed);
        match worker.into_participant() {
            // Few, since the table keeps a forgotten participant forever.
            Participant::Mutator(mutator) if random.usize(..32) == 0 => {
                std::mem::forget(mutator);
                None
            }
            through => match random.usize(..4) {
                0 => Some(through),
                1 => {
                    // Prints no message, and drops the participant while it unwinds.
                    let _dropped = through;
                    resume_unwind(Box::new(UntimelyEnd))
                }
                _ => None,
            },
        }
    }

    /// Moves slots of `me` to the market.
    pub fn offer(&self, me: u32, mut goods: Vec<(Handle, E)>) {
        for &(handle, _) in &goods {
            self.owners.pass(handle, me, MARKET);
        }
        self.market.lock().expect("no thread panics with the lock").append(&mut goods);
    }

    /// Takes up to `count` slots out of the market.
    pub fn buy(&self, me: u32, count: usize) -> Vec<(Handle, E)> {
        let goods = {
            let mut market = self.market.lock().expect("no thread panics with the lock");
            let rest = market.len() - market.len().min(count);
            market.split_off(rest)
        };
        for &(handle, _) in &goods {
            self.owners.pass(handle, MARKET, me);
        }
        goods
    }

    /// Checks, after all threads have ended, that exactly the stamped slots are live and none is
    /// lost.
    fn wind_up(self) -> (u64, u64) {
        let market = self.market.into_inner().expect("no thread panics with the lock");
        for (handle, entry) in market {
            assert_eq!(self.table.get(handle), Some(entry));
            assert_eq!(self.owners.owner(handle), MARKET);
        }
        let mut live = Vec::new();
        self.table.for_each_live(|handle, entry| live.push((handle, entry)));
        assert_eq!(check(&self.table).live, live.len() as u64);
        assert_eq!(
            self.owners.count(),
            live.len() as u64,
            "the live slots are those with an owner"
        );
        for &(handle, entry) in &live {
            assert!(entry.is_sound(), "{entry:?} in {handle:?}");
            self.owners.give_up(handle, self.owners.owner(handle));
        }
        let live: Vec<Handle> = live.into_iter().map(|(handle, _)| handle).collect();
        assert_eq!(self.table.free_many(&live), Ok(()));
        check_empty(&self.table);
        (u64::from(self.born.into_inner() - 1), self.steps.into_inner())
    }
}
