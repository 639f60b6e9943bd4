//! What is done with each module, and what is said of it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

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

/// What the user chose.
struct Options {
    attack: bool,
    seconds: u64,
    paths: Vec<PathBuf>,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut options = Self { attack: false, seconds: 2, paths: vec![] };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            match &*argument {
                "--attack" => options.attack = true,
                "--seconds" => {
                    let seconds = arguments.next().and_then(|text| text.parse().ok());
                    options.seconds = seconds.ok_or("--seconds needs a number")?;
                }
                option if option.starts_with('-') => {
                    return Err(format!("{option}: there are --attack and --seconds N"));
                }
                path => options.paths.push(path.into()),
            }
        }
        if options.paths.is_empty() {
            let modules = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("modules");
            options.paths =
                vec![modules.join("source-map-mappings.wasm"), modules.join("lz4.wasm")];
        }
        Ok(options)
    }
}

pub fn main() -> ExitCode {
    match Options::read().and_then(|options| run(&options)) {
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
    println!("all entries given back");
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
        println!("  compiled and in the table; what it is there for, this example does not know");
        return Ok(());
    };

    println!("  job: {}", job.what);
    let mut expected: Vec<Transcript> = Vec::new();
    for (name, input) in &job.inputs {
        let ours = job.run(&mut instance, input)?;
        let theirs = job.run(&mut Independent::new(&prepared.module.bytes)?, input)?;
        // A fresh one each time there; the same one here, which must not matter.
        if ours != theirs {
            return Err(format!("{name}: not what the independent engine says"));
        }
        println!(
            "  {name}, {} bytes: as the independent engine, {} words",
            input.len(),
            ours.len()
        );
        expected.push(ours);
    }
    let calls = count(&prepared, table, &job)?;
    compare(&prepared, &mut instance, &job, calls)?;
    beside(&prepared, table, &mut instance, &job, &expected, calls, options.seconds)
}

/// The job on all inputs, once.
fn all(engine: &mut dyn Engine, job: &Job) -> Result<Vec<Transcript>, String> {
    job.inputs.iter().map(|(_, input)| job.run(engine, input)).collect()
}

/// How many calls the job takes.
fn count(prepared: &Prepared, table: &CodePointerTable, job: &Job) -> Result<u64, String> {
    let mut counting = Instance::new(prepared, Some(table), true)?;
    all(&mut counting, job)?;
    Ok(counting.take_calls())
}

/// The job with the table and without, one after the other.
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
    // Where there are few calls, the difference is not theirs.
    match calls {
        100_000.. => println!(": {:.2} ns a call, {share:.1} %", (with - without) / calls as f64),
        _ => println!(": {share:.1} %"),
    }
    Ok(())
}

/// The job over and over, beside threads that are at the table too.
fn beside(
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
    let plan = |tier| prepared.plan(Calls::Table(table.recipe()), tier, false);
    let (baseline, optimised) = (plan(Tier::Baseline)?, plan(Tier::Optimised)?);
    let current = instance.code.clone();
    let start = Instant::now();
    let (runs, time) = std::thread::scope(|scope| {
        let recompile =
            |round: usize| compile(if round.is_multiple_of(2) { &baseline } else { &optimised });
        busy.start(scope, table, prepared, &own, current, recompile);
        let mut runs = 0;
        let outcome = loop {
            match all(instance, job) {
                Ok(found) if found == expected => runs += 1,
                Ok(_) => break Err("another result than when it was alone".to_owned()),
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
        "  beside other threads: {runs} runs, {:.1} million calls a second, all results the same",
        (runs * calls) as f64 / time / 1e6
    );
    println!(
        "  meanwhile {} entry points swapped ({} compilations), {} entries come and gone, \
         {} sweeps, {} segments released",
        busy.swaps.load(Ordering::Relaxed),
        busy.compilations.load(Ordering::Relaxed),
        busy.entries.load(Ordering::Relaxed),
        busy.sweeps.load(Ordering::Relaxed),
        busy.released.load(Ordering::Relaxed)
    );
    Ok(())
}
