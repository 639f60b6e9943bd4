//! A scheduler for shuttle that explores every sequentially consistent interleaving, up to the
//! order of independent steps.
//!
//! At each step it knows the next access of each thread ([`Access`]). A thread whose next step no
//! other thread can observe runs immediately. Otherwise each runnable thread is tried in turn. Once
//! tried, a thread *sleeps* in the rest of the search until another thread makes a step that its
//! own step depends on. Before that, its step would lead to a state that the search has visited
//! (Godefroid, *Partial-order methods for the verification of concurrent systems*, 1996). Two steps
//! depend on each other if they access the same object and one of them changes it. Nothing else is
//! left out, and the search keeps no history of an object, which is loom's mistake.
//!
//! With a bound on preemptions no thread sleeps, since its step may have been beyond the bound.
//!
//! A thread that yields in a loop waits for a change of the object that it read last.

use shuttle::current::{TaskId, remove_label_for_task};
use shuttle::scheduler::{Schedule, Scheduler, Task};
use slotarena::observed::{Access, Done};

/// The search.
pub struct Exhaustive {
    /// The most preemptions in one execution.
    bound: Option<usize>,
    /// The choices of the current execution, or of the last one.
    path: Vec<Choice>,
    /// Whether no execution has begun yet.
    fresh: bool,
    now: Moment,
}

/// A choice between several runnable threads.
struct Choice {
    chosen: Step,
    /// The steps still to be tried.
    untried: Vec<Step>,
    /// The steps of sleeping threads.
    asleep: Vec<Step>,
}

/// A thread's next step, as announced or as made.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    task: TaskId,
    access: Access,
}

/// The state of the current execution.
#[derive(Default)]
struct Moment {
    /// The number of choices so far.
    depth: usize,
    preemptions: usize,
    /// Whether all runnable threads slept: the rest runs to its end and is not searched.
    known: bool,
    asleep: Vec<Step>,
    /// The current step.
    last: Option<Step>,
    /// Whether the current step was chosen from several.
    chose: bool,
    /// How often each object has changed.
    changes: Vec<u32>,
    threads: Vec<Thread>,
}

/// The last access of a thread.
#[derive(Clone, Copy, Default)]
struct Thread {
    /// The object of the last access, and how often it had changed then.
    seen: Option<(u32, u32)>,
    /// Whether the thread has yielded since.
    waits: bool,
}

/// Returns the element with this number, and makes it if necessary.
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

    /// Chooses among the possible steps, each of which other threads can observe.
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
                "an execution cannot be repeated"
            );
        } else {
            let mut open: Vec<Step> = steps.iter().filter(|step| !known(step)).copied().collect();
            // The current thread first, so that the first execution has no preemptions.
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
    /// Records the actual access of the step that was chosen last.
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

    /// Returns `true` if the thread would repeat the read that it made before it yielded.
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
