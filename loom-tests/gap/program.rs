//! Small random programs, and all their interleavings.

use std::collections::BTreeSet;

use fastrand::Rng;

/// The index of a shared atomic.
pub type Place = usize;

pub const PLACES: usize = 3;

/// An operation of a thread. All values are small, so that threads store equal ones.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Load(Place),
    Store(Place, u64),
    Swap(Place, u64),
    CompareExchange(Place, u64, u64),
    Add(Place, u64),
    /// Acquires the program's only lock.
    Lock,
    Unlock,
    /// Lets another thread run first.
    Yield,
}

/// The operations of a program other than those on atomics.
#[derive(Clone, Copy)]
pub enum Extra {
    Nothing,
    /// Each thread makes some of its operations under the lock.
    Locks,
    /// Each thread yields once, after its first operation or later.
    Yields,
}

/// The operations of each thread.
pub type Program = Vec<Vec<Op>>;

/// The outcome of a run: the values that each thread read, and the final memory.
pub type Outcome = (Vec<Vec<u64>>, [u64; PLACES]);

/// Makes a random operation.
fn random_op(random: &mut Rng) -> Op {
    let place = random.usize(..PLACES);
    match random.u8(..6) {
        0 | 1 => Op::Load(place),
        2 => Op::Store(place, random.u64(1..4)),
        3 => Op::Swap(place, random.u64(1..4)),
        4 => Op::CompareExchange(place, random.u64(..2), random.u64(1..4)),
        _ => Op::Add(place, 1),
    }
}

/// Makes a program of threads with `ops` operations on atomics each, and those of the extra kind.
pub fn random_program(random: &mut Rng, threads: usize, ops: usize, extra: Extra) -> Program {
    let mut thread = || {
        let mut thread: Vec<Op> = (0..ops).map(|_| random_op(random)).collect();
        match extra {
            Extra::Nothing => {}
            Extra::Locks => {
                let first = random.usize(..ops);
                let end = random.usize(first + 1..=ops);
                thread.insert(end, Op::Unlock);
                thread.insert(first, Op::Lock);
            }
            Extra::Yields => thread.insert(random.usize(1..ops), Op::Yield),
        }
        thread
    };
    (0..threads).map(|_| thread()).collect()
}

/// Returns the outcomes of all interleavings of a program on one memory.
pub fn interleavings(program: &Program) -> BTreeSet<Outcome> {
    let threads = program.len();
    let start = Moment {
        next: vec![0; threads],
        memory: [0; PLACES],
        holder: None,
        yielded: vec![false; threads],
        read: vec![Vec::new(); threads],
    };
    let (mut seen, mut ends) = (BTreeSet::new(), BTreeSet::new());
    let mut open = vec![start];
    while let Some(moment) = open.pop() {
        if !seen.insert(moment.clone()) {
            continue;
        }
        let before = open.len();
        for yielded in [false, true] {
            let able = (0..threads).filter(|&thread| moment.yielded[thread] == yielded);
            open.extend(able.filter_map(|thread| moment.step(program, thread)));
            if open.len() > before {
                break;
            }
        }
        if open.len() == before {
            ends.insert((moment.read, moment.memory));
        }
    }
    ends
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Moment {
    /// Each thread's next operation.
    next: Vec<usize>,
    memory: [u64; PLACES],
    holder: Option<usize>,
    /// The threads that run only after another one, or if no other can.
    yielded: Vec<bool>,
    read: Vec<Vec<u64>>,
}

impl Moment {
    /// Returns the state after one step of a thread. `None` if it has ended or waits for the lock.
    fn step(&self, program: &Program, thread: usize) -> Option<Moment> {
        let mut ops = program[thread][self.next[thread]..].iter();
        let op = *ops.next()?;
        let mut after = self.clone();
        after.next[thread] += 1;
        for (other, yielded) in after.yielded.iter_mut().enumerate() {
            *yielded &= other == thread;
        }
        if let Some(Op::Yield) = ops.next() {
            after.next[thread] += 1;
            after.yielded[thread] = true;
        }
        let (place, new) = match op {
            Op::Load(place) => (place, self.memory[place]),
            Op::Store(place, value) | Op::Swap(place, value) => (place, value),
            Op::CompareExchange(place, expected, value) => {
                let old = self.memory[place];
                (place, if old == expected { value } else { old })
            }
            Op::Add(place, value) => (place, self.memory[place] + value),
            Op::Lock => {
                after.holder = Some(thread);
                return self.holder.is_none().then_some(after);
            }
            Op::Unlock => {
                after.holder = None;
                return Some(after);
            }
            Op::Yield => unreachable!("it belongs to the operation before it"),
        };
        if !matches!(op, Op::Store(..)) {
            after.read[thread].push(self.memory[place]);
        }
        after.memory[place] = new;
        Some(after)
    }
}
