//! A scheduler for shuttle that explores every sequentially consistent interleaving, or one of each
//! kind.
//!
//! At each step it knows what each thread does next ([`Access`]). A thread whose next step nobody
//! else can notice goes on at once. Else each thread that can go on is tried, in turn; once tried,
//! it *sleeps* in the others' part of the search until one of them does something that its step
//! depends on: before that, its step would lead to where the search has been already (Godefroid,
//! *Partial-order methods for the verification of concurrent systems*, 1996). Two steps depend on
//! each other if they access the same object and one of them changes it. Nothing else is left
//! out, and nothing is remembered of one object's history, which is where loom went wrong.
//!
//! With a bound on preemptions nothing sleeps: what a sleeping thread's step leads to may have
//! been beyond the bound.
//!
//! A thread that yields in a loop waits for a change of what it has read last.

use shuttle::current::{TaskId, remove_label_for_task};
use shuttle::scheduler::{Schedule, Scheduler, Task};
use slotarena::observed::{Access, Done};

/// The search.
pub struct Exhaustive {
    /// The most preemptions in one execution.
    bound: Option<usize>,
    /// The choices of the execution under way, or of the last one.
    path: Vec<Choice>,
    /// The first execution is to come.
    fresh: bool,
    now: Moment,
}

/// Which thread goes on, where several can.
struct Choice {
    chosen: Step,
    /// Those whose turn is still to come.
    untried: Vec<Step>,
    /// Those that need not go on from here.
    asleep: Vec<Step>,
}

/// A thread's next step, or what that has turned out to be.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    task: TaskId,
    access: Access,
}

/// Where the execution under way has got to.
#[derive(Default)]
struct Moment {
    /// How many choices there have been.
    depth: usize,
    preemptions: usize,
    /// All that could go on were asleep: the rest is run, since it must be, and not searched.
    known: bool,
    asleep: Vec<Step>,
    /// The step that is being made.
    last: Option<Step>,
    /// There was a choice.
    chose: bool,
    /// How often each object has changed.
    changes: Vec<u32>,
    threads: Vec<Thread>,
}

/// What is known of a thread.
#[derive(Clone, Copy, Default)]
struct Thread {
    /// The object of its last access, and how often that had changed then.
    seen: Option<(u32, u32)>,
    /// It has yielded since.
    waits: bool,
}

/// The element with this number, made if it is not there yet.
fn at<T: Default>(list: &mut Vec<T>, number: usize) -> &mut T {
    if list.len() <= number {
        list.resize_with(number + 1, T::default);
    }
    &mut list[number]
}

impl Step {
    fn depends_on(&self, other: &Step) -> bool {
        let same = self.access.object == other.access.object;
        self.task == other.task || same && (self.access.writes || other.access.writes)
    }
}

impl Exhaustive {
    pub fn new(bound: Option<usize>) -> Self {
        Self { bound, path: Vec::new(), fresh: true, now: Moment::default() }
    }

    /// Chooses among the steps that can be made, none of them unnoticed by the others.
    fn choose(&mut self, steps: &[Step], current: Option<TaskId>) -> Step {
        let now = &mut self.now;
        let known = |step: &Step| now.asleep.iter().any(|asleep| asleep.task == step.task);
        now.known |= steps.iter().all(known);
        now.chose = !now.known && steps.len() > 1;
        if !now.chose {
            return steps[0];
        }
        if let Some(choice) = self.path.get(now.depth) {
            now.asleep.clone_from(&choice.asleep);
            assert!(
                steps.iter().any(|step| step.task == choice.chosen.task),
                "an execution does not repeat itself"
            );
        } else {
            let mut open: Vec<Step> = steps.iter().filter(|step| !known(step)).copied().collect();
            // First who is at it, so that the first execution has no preemptions.
            open.sort_by_key(|step| Some(step.task) != current);
            let goes_on = steps.iter().any(|step| Some(step.task) == current);
            if goes_on && self.bound == Some(now.preemptions) {
                open.truncate(1);
            }
            let (chosen, untried) = (open[0], open.split_off(1));
            self.path.push(Choice { chosen, untried, asleep: now.asleep.clone() });
        }
        let chosen = self.path[now.depth].chosen.task;
        now.depth += 1;
        let goes_on = steps.iter().any(|step| Some(step.task) == current);
        now.preemptions += usize::from(goes_on && Some(chosen) != current);
        *steps.iter().find(|step| step.task == chosen).expect("as asserted")
    }
}

impl Moment {
    /// Notes what the step that was chosen last has turned out to be.
    fn settle(&mut self, path: &mut [Choice]) {
        let Some(mut step) = self.last.take() else { return };
        if let Some(Done { changed }) = remove_label_for_task(step.task) {
            step.access.writes = changed;
        }
        let changes = at(&mut self.changes, step.access.object as usize);
        *changes += u32::from(step.access.writes);
        let seen = Some((step.access.object, *changes));
        *at(&mut self.threads, step.task.into()) = Thread { seen, waits: false };
        if self.chose {
            path[self.depth - 1].chosen = step;
        }
        self.asleep.retain(|asleep| !asleep.depends_on(&step));
    }

    /// Would the thread read again what it read before it yielded?
    fn in_vain(&mut self, step: &Step) -> bool {
        let changes = *at(&mut self.changes, step.access.object as usize);
        let thread = at(&mut self.threads, step.task.into());
        let same = thread.seen == Some((step.access.object, changes));
        thread.waits && same && !step.access.writes
    }
}

impl Scheduler for Exhaustive {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.now.settle(&mut self.path);
        while !self.fresh {
            let choice = self.path.last_mut()?;
            if let Some(next) = choice.untried.pop() {
                let tried = std::mem::replace(&mut choice.chosen, next);
                if self.bound.is_none() {
                    choice.asleep.push(tried);
                }
                break;
            }
            self.path.pop();
        }
        self.fresh = false;
        self.now = Moment::default();
        Some(Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        self.now.settle(&mut self.path);
        if let (Some(task), true) = (current, is_yielding) {
            at(&mut self.now.threads, task.into()).waits = true;
        }
        let mut steps = Vec::with_capacity(runnable.len());
        for task in runnable.iter().map(|task| task.id()) {
            match shuttle::current::get_label_for_task::<Access>(task) {
                Some(access) => steps.push(Step { task, access }),
                None => return Some(task),
            }
        }
        steps.retain(|step| !self.now.in_vain(step));
        assert!(!steps.is_empty(), "all threads wait for one another");
        let step = self.choose(&steps, current);
        self.now.last = Some(step);
        Some(step.task)
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("no model draws random numbers")
    }
}
