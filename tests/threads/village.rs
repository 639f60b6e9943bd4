//! A village: a table, and places in which one thread after another lives. Each does a bit of
//! everything, takes over what others leave, leaves what it has to others, and ends tidily or not.

use std::any::Any;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use slotarena::{Handle, Table};

use crate::Deadline;
use crate::common::{Participant, Random, check, check_empty};
use crate::owners::Owners;
use crate::stamp::Stamp;
use crate::worker::Worker;

/// The stamp of what is in the market.
const MARKET: u32 = u32::MAX;

/// What a village is like.
#[derive(Clone, Debug)]
pub struct Plan {
    seed: u64,
    /// How many live at the same time.
    places: usize,
    capacity: u32,
    stripes: usize,
    magazine: usize,
    /// Two words to an entry.
    pub is_wide: bool,
    /// How many slots they want to have together, in per cent of all.
    fill: usize,
    /// How many of 1024 steps come with a sweep.
    pub unrest: usize,
    /// When the run began that this village is a part of.
    since: Instant,
}

impl Plan {
    pub fn of(seed: u64, since: Instant) -> Self {
        let mut random = Random::new(seed);
        let mut one_of = |choices: &[usize]| choices[random.below(choices.len())];
        Self {
            seed,
            places: one_of(&[2, 2, 3, 4, 6, 8, 16, 32]),
            // From hardly any, so that most allocations fail and stop the world, to segments that
            // come and go.
            capacity: one_of(&[12, 64, 300, 1000, 10_000, 50_000, 200_000]) as u32,
            stripes: one_of(&[1, 2, 4]),
            magazine: one_of(&[1, 2, 4, 64]),
            is_wide: one_of(&[0, 0, 1]) == 1,
            // More than there are, or so few that most segments are empty most of the time.
            fill: one_of(&[150, 150, 20, 1]),
            unrest: one_of(&[0, 1, 10, 100]),
            since,
        }
    }

    /// Runs a part of a village's life. If it panics, the reason is said at once, with what is
    /// needed to look into it: other threads may never come to an end once a table is broken.
    fn watch<R>(&self, part: impl FnOnce() -> R) -> R {
        catch_unwind(AssertUnwindSafe(part)).unwrap_or_else(|panic| {
            let Plan { seed, places, capacity, stripes, magazine, .. } = self;
            let message = message(&*panic).replace('\n', "; ");
            let text = format!(
                "failure: {message} | after {:.3} s, seed {seed}: {places} threads, {capacity} \
                 slots, {stripes} stripes, magazines of {magazine}\n",
                self.since.elapsed().as_secs_f64(),
            );
            // Not by a macro: what those print is kept back until the test has ended.
            let _ = std::io::stderr().write_all(text.as_bytes());
            resume_unwind(panic)
        })
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message")
}

/// How a thread ends that is to end untimely.
struct UntimelyEnd;

/// What all who live there share.
pub struct Village<E: Stamp> {
    pub plan: Plan,
    pub table: Table<E>,
    pub owners: Owners,
    /// What its owners have left to whoever takes it.
    market: Mutex<Vec<(Handle, E)>>,
    born: AtomicU32,
    steps: AtomicU64,
    is_broken: AtomicBool,
}

impl<E: Stamp> Village<E> {
    pub fn found(plan: Plan) -> Self {
        let builder = Table::builder().capacity(plan.capacity).stripes(plan.stripes);
        Self {
            table: builder.magazine_size(plan.magazine).build().expect("a table"),
            owners: Owners::new(plan.capacity),
            market: Mutex::default(),
            born: AtomicU32::new(1),
            steps: AtomicU64::new(0),
            is_broken: AtomicBool::new(false),
            plan,
        }
    }

    /// Lets it live, and sees that nothing is amiss at its end. Returns how many threads there
    /// were, and how many steps they made.
    pub fn live_until(self, end: &Deadline) -> (u64, u64) {
        std::thread::scope(|scope| {
            for place in 0..self.plan.places as u64 {
                let village = &self;
                scope.spawn(move || village.inhabit(place, end));
            }
        });
        assert!(!self.is_broken.load(Ordering::Relaxed), "the village of {:?}", self.plan);
        let plan = self.plan.clone();
        plan.watch(|| self.wind_up())
    }

    /// One life after the other.
    fn inhabit(&self, place: u64, end: &Deadline) {
        let mut random = Random::new(self.plan.seed ^ place << 32);
        let mut tool = None;
        while !end.has_come() && !self.is_broken.load(Ordering::Relaxed) {
            // Joined, so that thread-locals are gone when the next one comes.
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

    /// A life: takes something over, works for a while, and ends in one of several ways. Returns
    /// the participant, if the next one is to have it.
    fn live<'v>(
        &'v self,
        random: &mut Random,
        inherited: Option<Participant<'v, E>>,
        end: &Deadline,
    ) -> Option<Participant<'v, E>> {
        let me = self.born.fetch_add(1, Ordering::Relaxed);
        let through = inherited.unwrap_or_else(|| match random.below(2) {
            0 => Participant::Thread(&self.table),
            _ => Participant::Mutator(self.table.mutator()),
        });
        let wanted = self.plan.capacity as usize * self.plan.fill / 100;
        let most = wanted.div_ceil(self.plan.places).max(1);
        let mut worker = Worker::new(me, self, through, most, random.next());
        self.plan.watch(|| {
            worker.take_over();
            // Many short lives, some long ones.
            for _ in 0..1 << random.below(9) {
                worker.work(16);
                if end.has_come() || self.is_broken.load(Ordering::Relaxed) {
                    break;
                }
            }
            worker.settle_all();
            // Some leave part of it to nobody: it stays live.
            if random.once_in(16) {
                worker.held.truncate(worker.held.len() / 2);
            } else if random.once_in(4) {
                worker.free_all();
            }
            worker.leave(usize::MAX);
        });
        self.steps.fetch_add(worker.steps, Ordering::Relaxed);
        match worker.into_participant() {
            // Few, since a forgotten participant is remembered for ever.
            Participant::Mutator(mutator) if random.once_in(32) => {
                std::mem::forget(mutator);
                None
            }
            through => match random.below(4) {
                0 => Some(through),
                1 => {
                    // Without a word on the terminal, and drops the participant on the way.
                    let _dropped = through;
                    resume_unwind(Box::new(UntimelyEnd))
                }
                _ => None,
            },
        }
    }

    /// Puts in the market what `me` has.
    pub fn offer(&self, me: u32, mut goods: Vec<(Handle, E)>) {
        for &(handle, _) in &goods {
            self.owners.pass(handle, me, MARKET);
        }
        self.market.lock().expect("nobody panics with it").append(&mut goods);
    }

    /// Takes as much out of the market, if it is there.
    pub fn buy(&self, me: u32, count: usize) -> Vec<(Handle, E)> {
        let goods = {
            let mut market = self.market.lock().expect("nobody panics with it");
            let rest = market.len() - market.len().min(count);
            market.split_off(rest)
        };
        for &(handle, _) in &goods {
            self.owners.pass(handle, MARKET, me);
        }
        goods
    }

    /// All threads have gone: what is live is what is stamped, and nothing else is lost.
    fn wind_up(self) -> (u64, u64) {
        let market = self.market.into_inner().expect("nobody panics with it");
        for (handle, entry) in market {
            assert_eq!(self.table.get(handle), Some(entry));
            assert_eq!(self.owners.owner(handle), MARKET);
        }
        let mut live = Vec::new();
        self.table.for_each_live(|handle, entry| live.push((handle, entry)));
        assert_eq!(check(&self.table).live, live.len() as u64);
        assert_eq!(self.owners.count(), live.len() as u64, "as many as have an owner are live");
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
