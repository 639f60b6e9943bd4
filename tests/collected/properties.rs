//! Random object graphs, collected and compacted, against a model that knows what is reachable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use quickcheck::{Arbitrary, Gen, QuickCheck};
use slotarena::collected::{ExternalPointerTable, Marking, Space};

use super::{Counted, count, counted};

/// A step of a program, and of its collector. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    /// A new object, in the young space or the old one, that this object refers to.
    Allocate(u8, bool),
    /// This object refers to that one.
    Link(u8, u8),
    /// This object refers to nothing any more.
    Unlink(u8),
    /// The root refers to this object no more.
    Forget(u8),
    Zap(u8),
    Free(u8),
    Take(u8),
    /// A collection of the young space, the old one, or both, to the end or dropped.
    Collect(bool, bool, bool),
    /// Survivors of the young space go to the old one.
    Promote,
    Compact(bool),
}

impl Arbitrary for Step {
    fn arbitrary(g: &mut Gen) -> Self {
        let (a, b) = (u8::arbitrary(g), u8::arbitrary(g));
        let (x, y) = (bool::arbitrary(g), bool::arbitrary(g));
        match u8::arbitrary(g) % 16 {
            0..6 => Step::Allocate(a, x),
            6..8 => Step::Link(a, b),
            8 => Step::Unlink(a),
            9 => Step::Forget(a),
            10 => Step::Zap(a),
            11 => [Step::Free(a), Step::Take(a)][usize::from(x)].clone(),
            12..14 => Step::Collect(x, y, a > 30),
            14 => Step::Promote,
            _ => Step::Compact(x),
        }
    }
}

/// An object of the model, named by its number.
struct Object {
    cell: AtomicU32,
    is_young: bool,
    /// The numbers of the objects that it refers to.
    fields: Vec<u64>,
}

struct World {
    table: ExternalPointerTable,
    young: Space,
    old: Space,
    drops: Arc<AtomicUsize>,
    made: u64,
    /// All objects that have an entry.
    objects: BTreeMap<u64, Object>,
    roots: BTreeSet<u64>,
}

impl World {
    fn new() -> Self {
        let table = ExternalPointerTable::builder().capacity(200_000).build().expect("a table");
        let (young, old) = (table.space().expect("a space"), table.space().expect("a space"));
        let (drops, objects, roots) = (Arc::default(), BTreeMap::new(), BTreeSet::new());
        Self { table, young, old, drops, made: 0, objects, roots }
    }

    fn choose(&self, number: u8) -> Option<u64> {
        let at = usize::from(number) % self.objects.len().max(1);
        self.objects.keys().nth(at).copied()
    }

    fn load(&self, number: u64) -> u32 {
        self.objects[&number].cell.load(Ordering::Relaxed)
    }

    /// Makes some objects at once, so that there are segments to compact.
    fn allocate(&mut self, by: u8, is_young: bool) {
        let by = self.choose(by);
        let space = if is_young { &self.young } else { &self.old };
        for i in 0..200 {
            let object = Box::new(Counted { drops: Arc::clone(&self.drops), number: self.made });
            let Ok(handle) = space.allocate_owned(counted(), object) else {
                // All segments are taken. The object came back, and is gone.
                self.made += 1;
                return;
            };
            let cell = AtomicU32::new(handle.to_raw());
            self.objects.insert(self.made, Object { cell, is_young, fields: vec![] });
            match by.and_then(|by| self.objects.get_mut(&by)).filter(|_| i % 3 > 0) {
                Some(object) => object.fields.push(self.made),
                None => drop(self.roots.insert(self.made)),
            }
            self.made += 1;
        }
    }

    fn forget(&mut self, number: u64) {
        self.objects.remove(&number);
        self.roots.remove(&number);
        self.objects.values_mut().for_each(|object| object.fields.retain(|&f| f != number));
    }

    /// Marks what the roots reach, through all objects, and returns it.
    fn trace(&self, marking: &Marking) -> BTreeSet<u64> {
        let mut reached = BTreeSet::new();
        let mut gray: Vec<u64> = self.roots.iter().copied().collect();
        while let Some(number) = gray.pop() {
            if reached.insert(number) {
                marking.mark(self.load(number));
                gray.extend(&self.objects[&number].fields);
            }
        }
        reached
    }

    fn collect(&mut self, spaces: [bool; 2], ends: bool, promotes: bool) -> Result<(), String> {
        let all = [&self.young, &self.old];
        let chosen: Vec<&Space> =
            all.iter().zip(spaces).filter(|(_, is_in)| *is_in).map(|(space, _)| *space).collect();
        let marking = self.table.begin(&chosen).map_err(|e| e.to_string())?;
        let reached = self.trace(&marking);
        if !ends {
            return Ok(());
        }
        let sweeping = if promotes { marking.sweep_into(&self.old) } else { marking.sweep() };
        let report = sweeping.and_then(|s| s.finish()).map_err(|e| e.to_string())?;
        let is_collected = |object: &Object| spaces[usize::from(!object.is_young)];
        let dead: Vec<u64> = self
            .objects
            .iter()
            .filter(|(number, object)| is_collected(object) && !reached.contains(number))
            .map(|(&number, _)| number)
            .collect();
        let lives = self.objects.values().filter(|object| is_collected(object)).count();
        if report.dropped != dead.len() as u64 || report.live != (lives - dead.len()) as u64 {
            return Err(format!("{report:?}, {} were dead of {lives}", dead.len()));
        }
        for number in dead {
            self.objects.remove(&number);
        }
        if promotes {
            self.objects.values_mut().for_each(|object| object.is_young = false);
        }
        let objects = &self.objects;
        let names: BTreeSet<u64> = objects.keys().copied().collect();
        self.objects.values_mut().for_each(|object| object.fields.retain(|f| names.contains(f)));
        Ok(())
    }

    fn compact(&mut self, young: bool) -> Result<(), String> {
        let space = if young { &self.young } else { &self.old };
        let compaction = self.table.compact(space).map_err(|e| e.to_string())?;
        let Some(mut compaction) = compaction else { return Ok(()) };
        for object in self.objects.values() {
            compaction.relocate(&object.cell).map_err(|e| e.to_string())?;
        }
        let report = compaction.finish().map_err(|e| e.to_string())?;
        let count = self.objects.values().filter(|object| object.is_young == young).count() as u64;
        // Emptied entries that wait for the next collection take slots too, but are not objects.
        let emptied = space.stats().live - count;
        let most = (count + emptied).div_ceil(8_192) + u64::from(emptied > 0);
        if report.segments_after > most.max(1) {
            return Err(format!("{report:?} for {count} objects"));
        }
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Allocate(by, is_young) => self.allocate(by, is_young),
            Step::Link(from, to) => {
                if let (Some(from), Some(to)) = (self.choose(from), self.choose(to)) {
                    self.objects.get_mut(&from).expect("chosen").fields.push(to);
                }
            }
            Step::Unlink(from) => {
                if let Some(object) = self.choose(from).and_then(|n| self.objects.get_mut(&n)) {
                    object.fields.clear();
                }
            }
            Step::Forget(number) => {
                // Every second one of the roots from here on.
                let all: Vec<u64> = self.roots.iter().copied().collect();
                for number in all.iter().skip(usize::from(number)).step_by(2) {
                    self.roots.remove(number);
                }
            }
            Step::Zap(number) | Step::Free(number) | Step::Take(number) => {
                let Some(number) = self.choose(number) else { return Ok(()) };
                let raw = self.load(number);
                let done = match step {
                    Step::Zap(_) => self.table.zap(raw, counted()),
                    Step::Free(_) => self.table.free(raw, counted()),
                    _ => self.table.take(raw, counted()).map(|object| {
                        assert_eq!(object.number, number);
                    }),
                };
                done.map_err(|e| e.to_string())?;
                self.forget(number);
            }
            Step::Collect(young, old, ends) => self.collect([young, old], ends, false)?,
            Step::Promote => self.collect([true, false], true, true)?,
            Step::Compact(young) => self.compact(young)?,
        }
        Ok(())
    }

    /// Checks each object, and that nothing else was dropped.
    fn check(&self) -> Result<(), String> {
        for (&number, object) in &self.objects {
            let raw = object.cell.load(Ordering::Relaxed);
            let found = self.table.with(raw, counted(), |object| object.number);
            if found != Ok(number) {
                return Err(format!("object {number}, handle {raw}: found {found:?}"));
            }
        }
        let (dropped, gone) = (count(&self.drops) as u64, self.made - self.objects.len() as u64);
        if dropped != gone {
            return Err(format!("{dropped} were dropped, {gone} are gone"));
        }
        for space in [&self.young, &self.old] {
            space.audit().map_err(|e| e.to_string())?.map_err(|e| e.to_string())?;
        }
        Ok(())
    }
}

#[test]
fn what_is_reachable_lives_and_nothing_else() {
    fn run(steps: Vec<Step>) -> Result<bool, String> {
        let mut world = World::new();
        for (i, step) in steps.iter().enumerate() {
            world.step(step).map_err(|error| format!("step {i}, {step:?}: {error}"))?;
            world.check().map_err(|error| format!("after step {i}, {step:?}: {error}"))?;
        }
        let (drops, made) = (Arc::clone(&world.drops), world.made);
        drop(world);
        Ok(count(&drops) as u64 == made)
    }
    let tests = if cfg!(debug_assertions) { 12 } else { 100 };
    QuickCheck::new().tests(tests).quickcheck(run as fn(Vec<Step>) -> Result<bool, String>);
}
