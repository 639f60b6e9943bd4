//! One run: a guest with a script, its host, and the books.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::guest::Guest;
use crate::host::{Host, Log};
use crate::ledger::{Fault, Ledger, Numbers};
use crate::objects::Folder;
use crate::options::Options;

/// The modules that the benchmarks require, in the order in which they can be run.
const MODULES: [(&str, &str); 2] = [
    ("benchmark", include_str!("scripts/benchmark.lua")),
    ("som", include_str!("scripts/som.lua")),
];

/// A script of this example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    Storage,
    Queens,
    Sessions,
    Attack,
}

impl Script {
    /// The scripts that do not attack.
    pub const BENIGN: [Script; 3] = [Script::Storage, Script::Queens, Script::Sessions];

    pub fn name(self) -> &'static str {
        match self {
            Script::Storage => "storage",
            Script::Queens => "queens",
            Script::Sessions => "sessions",
            Script::Attack => "attack",
        }
    }

    fn source(self) -> &'static str {
        match self {
            Script::Storage => include_str!("scripts/storage.lua"),
            Script::Queens => include_str!("scripts/queens.lua"),
            Script::Sessions => include_str!("scripts/sessions.lua"),
            Script::Attack => include_str!("scripts/attack.lua"),
        }
    }

    /// Returns what runs the script.
    fn call(self, rounds: u32) -> String {
        let name = self.name();
        match self {
            Script::Storage | Script::Queens => {
                format!("return require('{name}'):inner_benchmark_loop({rounds})")
            }
            Script::Sessions | Script::Attack => format!("return require('{name}')({rounds})"),
        }
    }
}

/// What came of a run.
pub struct Outcome {
    pub script: Script,
    pub rounds: u32,
    pub time: Duration,
    pub ledger: Arc<Ledger>,
    /// When the script had ended and all garbage was collected.
    pub at_end: Numbers,
    pub log: Log,
    /// Other checks that failed.
    pub failures: Vec<String>,
}

impl Outcome {
    pub fn passed(&self) -> bool {
        self.failures.is_empty() && self.ledger.clean()
    }
}

/// Runs a script. An error means that the run could not be made.
pub fn run(script: Script, options: &Options) -> Result<Outcome, String> {
    let (rounds, seed) = (options.rounds, options.seed);
    let ledger = Arc::new(Ledger::default());
    let folder = format!("slotarena-host_objects-{}", script.name());
    let folder = Rc::new(Folder::new(&folder).map_err(|error| error.to_string())?);
    let host = Host::new(&ledger, &folder, options.sweeper, seed)?;
    let mut guest = Guest::new(&host);
    let start = Instant::now();
    let mut failures = Vec::new();
    for (name, source) in MODULES.into_iter().chain([(script.name(), script.source())]) {
        let module = format!("package.loaded['{name}'] = (function() {source}\nend)() return true");
        guest.run(name, &module)?;
    }
    match guest.run("main", &script.call(rounds)) {
        Ok(true) => {}
        Ok(false) => failures.push("the script came to a wrong result".to_owned()),
        Err(error) => failures.push(error),
    }
    guest.collect();
    let time = start.elapsed();
    let at_end = ledger.numbers();

    // The objects that the script still uses go with the table.
    drop(guest);
    let Ok(host) = Rc::try_unwrap(host).map_err(drop) else {
        return Err("something of the guest still refers to the host".to_owned());
    };
    let log = host.close()?;
    ledger.close();
    if log.dropped != at_end.dropped {
        failures.push(format!("sweeps report {} drops, not {}", log.dropped, at_end.dropped));
    }
    if log.collections == 0 {
        failures.push("the guest never collected".to_owned());
    }
    match folder.files() {
        Ok(0) => {}
        left => failures.push(format!("the folder has files that were not removed: {left:?}")),
    }
    if script == Script::Attack && (log.reached == 0 || log.reached == log.accesses) {
        failures.push("all accesses ended alike".to_owned());
    }
    Ok(Outcome { script, rounds, time, ledger, at_end, log, failures })
}

/// Returns the verdict on all runs.
pub fn verdict(outcomes: &[Outcome]) -> String {
    let failed = outcomes.iter().filter(|outcome| !outcome.passed()).count();
    let made = outcomes.iter().map(|outcome| outcome.ledger.numbers().made).sum();
    if failed > 0 {
        return format!(
            "{failed} of {} FAILED",
            crate::text::counted(outcomes.len() as u64, "run")
        );
    }
    let objects = crate::text::counted(made, "host object");
    if outcomes.iter().any(|outcome| outcome.script == Script::Attack) {
        let [accesses, reached] = [|log: &Log| log.accesses, |log: &Log| log.reached]
            .map(|of| outcomes.iter().map(|outcome| of(&outcome.log)).sum::<u64>());
        return format!(
            "{objects}, each dropped exactly once; {} by forged handles and tags: {} reached a \
             live object of that tag, {} nothing",
            crate::text::counted(accesses, "access").replace("accesss", "accesses"),
            crate::text::grouped(reached),
            crate::text::grouped(accesses - reached)
        );
    }
    format!("{objects}: each dropped exactly once, none early")
}

/// Returns the faults of a run, one a line.
pub fn faults(outcome: &Outcome) -> Vec<String> {
    let ledger = &outcome.ledger;
    let counted = |&(fault, text): &(Fault, &str)| {
        let count = ledger.count(fault);
        (count > 0).then(|| format!("{text}: {}", crate::text::grouped(count)))
    };
    let faults = crate::ledger::FAULTS.iter().filter_map(counted);
    faults.chain(outcome.failures.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::Sweeper;

    fn options(rounds: u32, sweeper: Sweeper) -> Options {
        Options { scripts: Vec::new(), rounds, sweeper, seed: 7, svg: None }
    }

    #[test]
    fn all_scripts_pass() {
        for (script, rounds) in
            [(Script::Storage, 3), (Script::Queens, 3), (Script::Sessions, 2), (Script::Attack, 1)]
        {
            for sweeper in [Sweeper::Steps, Sweeper::Thread] {
                let outcome = run(script, &options(rounds, sweeper)).unwrap();
                assert!(outcome.passed(), "{}: {:?}", script.name(), faults(&outcome));
                assert!(outcome.ledger.numbers().made > 100);
            }
        }
    }

    #[test]
    fn a_verdict_counts_the_objects_and_the_runs_that_failed() {
        let outcomes = [(); 2].map(|()| run(Script::Queens, &options(1, Sweeper::Steps)).unwrap());
        let good = "80 host objects: each dropped exactly once, none early";
        assert_eq!(verdict(&outcomes), good);
        outcomes[1].ledger.fault(Fault::DroppedEarly);
        assert_eq!(verdict(&outcomes), "1 of 2 runs FAILED");
        assert_eq!(faults(&outcomes[1]), ["dropped early: 1"]);
    }
}
