//! Small random programs, and what they do one step at a time.

use std::collections::BTreeSet;

/// Which of the shared atomics.
pub type Place = usize;

pub const PLACES: usize = 3;

/// What one thread does. All values are small, so that threads meet in them.
#[derive(Clone, Copy, Debug)]
pub enum Op {
    Load(Place),
    Store(Place, u64),
    Swap(Place, u64),
    CompareExchange(Place, u64, u64),
    Add(Place, u64),
    /// Takes the program's only lock.
    Lock,
    Unlock,
    /// Lets somebody else go first.
    Yield,
}

/// What a program has beside operations on atomics.
#[derive(Clone, Copy)]
pub enum Extra {
    Nothing,
    /// Each thread does some of them under the lock.
    Locks,
    /// Each thread yields once, after its first operation or later.
    Yields,
}

/// The operations of each thread.
pub type Program = Vec<Vec<Op>>;

/// What a run shows: what each thread read, and what is left at the end.
pub type Outcome = (Vec<Vec<u64>>, [u64; PLACES]);

/// Numbers that look random, the same in every run (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % bound
    }

    fn op(&mut self) -> Op {
        let place = self.below(PLACES as u64) as Place;
        match self.below(6) {
            0 | 1 => Op::Load(place),
            2 => Op::Store(place, 1 + self.below(3)),
            3 => Op::Swap(place, 1 + self.below(3)),
            4 => Op::CompareExchange(place, self.below(2), 1 + self.below(3)),
            _ => Op::Add(place, 1),
        }
    }

    /// A program of threads with so many operations each, beside those of the extra kind.
    pub fn program(&mut self, threads: usize, ops: u64, extra: Extra) -> Program {
        let mut program = Program::new();
        for _ in 0..threads {
            let mut thread: Vec<Op> = (0..ops).map(|_| self.op()).collect();
            match extra {
                Extra::Nothing => {}
                Extra::Locks => {
                    let first = self.below(ops);
                    let end = first + 1 + self.below(ops - first);
                    thread.insert(end as usize, Op::Unlock);
                    thread.insert(first as usize, Op::Lock);
                }
                Extra::Yields => thread.insert(1 + self.below(ops - 1) as usize, Op::Yield),
            }
            program.push(thread);
        }
        program
    }
}

/// The outcomes of a program whose threads take turns at one memory.
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
    /// Who goes on only after somebody else, or where nobody else can.
    yielded: Vec<bool>,
    read: Vec<Vec<u64>>,
}

impl Moment {
    /// What comes of one more step of a thread; `None` where it has ended or waits for the lock.
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
