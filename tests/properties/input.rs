//! Random inputs, and how quickcheck shrinks them.

use quickcheck::{Arbitrary, Gen};

/// The options of a table.
#[derive(Clone, Debug)]
pub struct Shape {
    pub capacity: u32,
    pub stripes: usize,
    pub magazine_size: usize,
}

impl Arbitrary for Shape {
    fn arbitrary(g: &mut Gen) -> Self {
        // Very small, small, and around the ends of segments of 4,096 and 8,192 slots.
        let capacity = match u32::arbitrary(g) % 4 {
            0 => 1 + u32::arbitrary(g) % 8,
            1 => 1 + u32::arbitrary(g) % 500,
            _ => {
                let edge = *g.choose(&[4096, 8192, 12_288, 16_384]).expect("not empty");
                edge - 2 + u32::arbitrary(g) % 5
            }
        };
        let stripes = *g.choose(&[1, 2, 8]).expect("not empty");
        let magazine_size = *g.choose(&[1, 2, 64, 256]).expect("not empty");
        Self { capacity, stripes, magazine_size }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let &Self { capacity, stripes, magazine_size } = self;
        let capacities = [1, 2, 10, 100, 4096, 8192].into_iter().filter(move |&c| c < capacity);
        let smaller = capacities.map(move |capacity| Self { capacity, stripes, magazine_size });
        let simple = [(1, 1), (1, magazine_size), (stripes, 1)].into_iter();
        let simpler = simple
            .filter(move |&pair| pair != (stripes, magazine_size))
            .map(move |(stripes, magazine_size)| Self { capacity, stripes, magazine_size });
        Box::new(smaller.chain(simpler))
    }
}

/// A number to try as a handle.
#[derive(Clone, Copy, Debug)]
pub enum Pick {
    /// A number in use, by its index modulo how many there are.
    Used(u16),
    /// A number freed before, by its index modulo how many there are.
    Stale(u16),
    Any(u32),
}

impl Arbitrary for Pick {
    fn arbitrary(g: &mut Gen) -> Self {
        match u8::arbitrary(g) % 8 {
            0 => Pick::Stale(u16::arbitrary(g)),
            1 => Pick::Any(u32::arbitrary(g)),
            _ => Pick::Used(u16::arbitrary(g)),
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match *self {
            Pick::Used(n) => Box::new(n.shrink().map(Pick::Used)),
            Pick::Stale(n) => Box::new(n.shrink().map(Pick::Stale)),
            Pick::Any(n) => Box::new(n.shrink().map(Pick::Any)),
        }
    }
}

/// One operation.
#[derive(Clone, Debug)]
pub enum Op {
    Allocate,
    AllocateUninitialized,
    /// So many in one call. If the flag is set, the last entry has the reserved bit.
    AllocateMany(u16, bool),
    AllocateReservedBit,
    Get(Pick),
    Set(Pick),
    SetReservedBit(Pick),
    Free(Pick),
    /// By `free_unchecked`, if the handle is live.
    FreeOwn(Pick),
    FreeUninitialized(Pick),
    FreeMany(Vec<Pick>),
    /// All slots in use except one in so many.
    FreeMost(u8),
    Sweep(u16),
    Stats,
    Audit,
    ForEachLive,
    Register,
    DropMutator(u8),
    ForgetMutator(u8),
}

impl Arbitrary for Op {
    fn arbitrary(g: &mut Gen) -> Self {
        match u8::arbitrary(g) % 32 {
            0..4 => Op::Allocate,
            4..6 => Op::AllocateUninitialized,
            6..8 => Op::AllocateMany(u16::arbitrary(g) % 600, u8::arbitrary(g) % 8 == 0),
            8 => Op::AllocateMany(u16::arbitrary(g) % 20_000, false),
            9 => Op::AllocateReservedBit,
            10..13 => Op::Get(Pick::arbitrary(g)),
            13..15 => Op::Set(Pick::arbitrary(g)),
            15 => Op::SetReservedBit(Pick::arbitrary(g)),
            16..19 => Op::Free(Pick::arbitrary(g)),
            19 => Op::FreeOwn(Pick::arbitrary(g)),
            20 => Op::FreeUninitialized(Pick::arbitrary(g)),
            21..23 => Op::FreeMany(Vec::arbitrary(g)),
            23 => Op::FreeMost(u8::arbitrary(g)),
            24 => Op::Sweep(0),
            25 => Op::Sweep(u16::arbitrary(g)),
            26 => Op::Stats,
            27 => Op::Audit,
            28 => Op::ForEachLive,
            29 => Op::Register,
            30 => Op::DropMutator(u8::arbitrary(g)),
            _ => Op::ForgetMutator(u8::arbitrary(g)),
        }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        match self.clone() {
            Op::AllocateMany(n, reserved) => {
                Box::new((n, reserved).shrink().map(|(n, w)| Op::AllocateMany(n, w)))
            }
            Op::Get(pick) => Box::new(pick.shrink().map(Op::Get)),
            Op::Set(pick) => Box::new(pick.shrink().map(Op::Set)),
            Op::SetReservedBit(pick) => Box::new(pick.shrink().map(Op::SetReservedBit)),
            Op::Free(pick) => Box::new(pick.shrink().map(Op::Free)),
            Op::FreeOwn(pick) => Box::new(pick.shrink().map(Op::FreeOwn)),
            Op::FreeUninitialized(pick) => Box::new(pick.shrink().map(Op::FreeUninitialized)),
            Op::FreeMany(picks) => Box::new(picks.shrink().map(Op::FreeMany)),
            Op::Sweep(threshold) => Box::new(threshold.shrink().map(Op::Sweep)),
            _ => quickcheck::empty_shrinker(),
        }
    }
}

/// An operation and its participant: the table for 0, else one of the mutators, if there are any.
#[derive(Clone, Debug)]
pub struct Step(pub u8, pub Op);

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        Step(u8::arbitrary(g) % 5, Op::arbitrary(g))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        let through = self.0;
        let by_table = (through > 0).then(|| Step(0, self.1.clone()));
        Box::new(by_table.into_iter().chain(self.1.shrink().map(move |op| Step(through, op))))
    }
}
