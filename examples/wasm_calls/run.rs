//! The steps for each module, and their report.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lexopt::prelude::*;
use slotarena::CodePointerTable;

use crate::attack::attack;
use crate::busy::Busy;
use crate::calls::Calls;
use crate::compile::{Tier, compile};
use crate::engine::{Engine, Independent};
use crate::instance::{Instance, Prepared};
use crate::jobs::{Job, Transcript};
use crate::module::Module;
use crate::price::{own_time, price};

/// The command line.
struct Options {
    attack: bool,
    seconds: u64,
    paths: Vec<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, lexopt::Error> {
        let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("modules");
        let mut options = Self { attack: false, seconds: 2, paths: vec![] };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("attack") => options.attack = true,
                Long("seconds") => options.seconds = parser.value()?.parse()?,
                Value(path) => options.paths.push(path.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        if options.paths.is_empty() {
            options.paths =
                ["source-map-mappings.wasm", "lz4.wasm"].map(|name| modules.join(name)).into();
        }
        Ok(options)
    }
}

pub fn main() -> ExitCode {
    let options = Options::read().map_err(|error| error.to_string());
    match options.and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm_calls: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let table = CodePointerTable::new().map_err(|error| error.to_string())?;
    println!("table of {} handles, protection: {:?}", table.capacity(), table.protection());
    for path in &options.paths {
        let named = |error: String| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| named(error.to_string()))?;
        println!("{}", path.file_name().unwrap_or_default().to_string_lossy());
        let module = Module::read(bytes).map_err(named)?;
        one(module, &table, options).map_err(named)?;
    }
    if !options.attack {
        for targets in [1, 1024] {
            let price = price(&table, targets)?;
            println!(
                "an indirect call of one of {targets}: {:.2} ns by a pointer, {:.2} ns through the \
                 table: its price is {:.2} ns",
                price.pointer, price.table, price.difference
            );
        }
    }
    table.audit().map_err(|error| format!("the table is not sound: {error:?}"))?;
    table.close().map_err(|error| error.to_string())?;
    println!("all entries freed");
    Ok(())
}

fn one(module: Module, table: &CodePointerTable, options: &Options) -> Result<(), String> {
    let prepared = Prepared::new(module, table)?;
    let start = Instant::now();
    let mut instance = Instance::new(&prepared, Some(table), false)?;
    println!(
        "  {} functions of {} types, {} elements, compiled in {:.0} ms",
        prepared.module.functions.len(),
        prepared.module.types.len(),
        instance.elements.len(),
        start.elapsed().as_secs_f64() * 1e3
    );
    if options.attack {
        drop(instance);
        return attack(&prepared, table);
    }
    let Some(job) = Job::of(&prepared.module) else {
        println!("  compiled and in the table; this example has no job for it");
        return Ok(());
    };

    println!("  job: {}", job.what);
    let mut expected: Vec<Transcript> = Vec::new();
    for (name, input) in &job.inputs {
        let found = job.run(&mut instance, input)?;
        let wanted = job.run(&mut Independent::new(&prepared.module.bytes)?, input)?;
        // The independent engine is fresh each time, this instance is reused: that must not matter.
        if found != wanted {
            return Err(format!("{name}: differs from the independent engine"));
        }
        println!(
            "  {name}, {} bytes: same as the independent engine, {} words",
            input.len(),
            found.len()
        );
        expected.push(found);
    }
    let calls = count(&prepared, table, &job)?;
    compare(&prepared, &mut instance, &job, calls)?;
    concurrently(&prepared, table, &mut instance, &job, &expected, calls, options.seconds)
}

/// Does the job on all inputs, once.
fn all(engine: &mut dyn Engine, job: &Job) -> Result<Vec<Transcript>, String> {
    job.inputs.iter().map(|(_, input)| job.run(engine, input)).collect()
}

/// Returns how many calls the job makes.
fn count(prepared: &Prepared, table: &CodePointerTable, job: &Job) -> Result<u64, String> {
    let mut counting = Instance::new(prepared, Some(table), true)?;
    all(&mut counting, job)?;
    Ok(counting.take_calls())
}

/// Measures the job with the table and without, alternately.
fn compare<'p>(
    prepared: &'p Prepared,
    instance: &mut Instance<'p>,
    job: &Job,
    calls: u64,
) -> Result<(), String> {
    let mut without = Instance::new(prepared, None, false)?;
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..15 {
        for (engine, times) in [&mut *instance, &mut without].into_iter().zip(&mut times) {
            let start = own_time();
            all(engine, job)?;
            times.push(own_time() - start);
        }
    }
    let [with, without] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    let share = (with / without - 1.0) * 100.0;
    print!("  {calls} calls; {:.2} ms with the table, {:.2} ms without", with / 1e6, without / 1e6);
    // With few calls, the difference has other causes.
    match calls {
        100_000.. => println!(": {:.2} ns a call, {share:.1} %", (with - without) / calls as f64),
        _ => println!(": {share:.1} %"),
    }
    Ok(())
}

/// Does the job repeatedly while other threads work on the table.
fn concurrently(
    prepared: &Prepared,
    table: &CodePointerTable,
    instance: &mut Instance<'_>,
    job: &Job,
    expected: &[Transcript],
    calls: u64,
    seconds: u64,
) -> Result<(), String> {
    let busy = Busy::default();
    let own = instance.trusted.clone();
    let plan = |tier| prepared.plan(Calls::Table(table.entry_layout()), tier, false);
    let (baseline, optimized) = (plan(Tier::Baseline)?, plan(Tier::Optimized)?);
    let current = instance.code.clone();
    let start = Instant::now();
    let (runs, time) = std::thread::scope(|scope| {
        let recompile =
            |round: usize| compile(if round.is_multiple_of(2) { &baseline } else { &optimized });
        busy.start(scope, table, prepared, &own, current, recompile);
        let mut runs = 0;
        let outcome = loop {
            match all(instance, job) {
                Ok(found) if found == expected => runs += 1,
                Ok(_) => {
                    break Err("the result differs from the one without other threads".to_owned());
                }
                Err(error) => break Err(error),
            }
            if start.elapsed() >= Duration::from_secs(seconds) {
                break Ok(());
            }
        };
        let time = start.elapsed().as_secs_f64();
        busy.end();
        outcome.map(|()| (runs, time))
    })?;
    println!(
        "  with other threads: {runs} runs, {:.1} million calls per second, all results \
         equal",
        (runs * calls) as f64 / time / 1e6
    );
    println!(
        "  in the meantime {} entry points swapped ({} compilations), {} entries allocated and \
         freed, {} sweeps, {} segments released",
        busy.swaps.load(Ordering::Relaxed),
        busy.compilations.load(Ordering::Relaxed),
        busy.entries.load(Ordering::Relaxed),
        busy.sweeps.load(Ordering::Relaxed),
        busy.released.load(Ordering::Relaxed)
    );
    Ok(())
}
