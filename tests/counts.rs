//! What operations cost in figures that no clock has a part in: instructions, atomic
//! read-modify-writes, system calls, page faults. Each has a bound.
//!
//! Instructions are counted by valgrind's callgrind, system calls by tracing a process of this
//! program. It is run again for each kind of work, so often and three times as often: the
//! difference is the work's. Without `SLOTARENA_COUNTS=1` nothing is counted: it takes a release
//! build.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_arch = "x86_64", not(any(miri, slotarena_heap))))]

mod common;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::Command;

use slotarena::{Handle, Mutator, SEGMENT_BYTES, Table, UniqueTable};

use common::Random;

/// Says to a process of this program what to do, and how often.
const WORK: &str = "SLOTARENA_WORK";

/// A kind of work: its name, what does so many operations of it, and what one may cost.
struct Work {
    name: &'static str,
    run: fn(&Table<u64>, usize),
    /// Instructions.
    instructions: f64,
    /// Atomic read-modify-writes.
    locked: f64,
    /// System calls for a million operations.
    calls: f64,
    /// Page faults for a million operations.
    faults: f64,
}

/// The bounds: what was counted with rustc 1.95, and a tenth more instructions.
const WORKS: [Work; 10] = [
    Work {
        name: "allocate and free, mutator",
        run: |table, count| pairs(&mut table.mutator(), count),
        instructions: 56.0,
        locked: 1.0,
        calls: 0.0,
        faults: 0.0,
    },
    Work {
        name: "allocate and free, table",
        run: table_pairs,
        instructions: 80.0,
        locked: 1.0,
        calls: 0.0,
        faults: 0.0,
    },
    Work {
        name: "allocate and free_unchecked, mutator",
        run: unchecked_pairs,
        instructions: 46.0,
        locked: 0.0,
        calls: 0.0,
        faults: 0.0,
    },
    Work {
        name: "allocate and free, unique, mutator",
        run: pairs_of_owners,
        instructions: 47.0,
        locked: 0.0,
        calls: 0.0,
        faults: 0.0,
    },
    Work {
        name: "one of 4096 allocated and freed in random order",
        run: batches,
        instructions: 107.0,
        locked: 1.01,
        calls: 0.0,
        faults: 0.0,
    },
    Work {
        name: "one of 64 allocated by one mutator and freed by another",
        run: hand_over,
        instructions: 143.0,
        locked: 1.1,
        calls: 0.0,
        faults: 0.0,
    },
    Work { name: "get", run: reads, instructions: 20.0, locked: 0.0, calls: 0.0, faults: 0.0 },
    Work {
        name: "get_unchecked",
        run: unchecked_reads,
        instructions: 15.0,
        locked: 0.0,
        calls: 0.0,
        faults: 0.0,
    },
    Work {
        name: "growth, an entry",
        run: growth,
        instructions: 40.0,
        locked: 0.01,
        // Two for a segment at most, and half a call to make 16 segments writable.
        calls: 2.0 * 1e6 / SLOTS as f64,
        // Each page once.
        faults: 1e6 / PAGE as f64 + 20.0,
    },
    Work {
        name: "sweep of a table with a random half free, a slot",
        run: sweep,
        instructions: 5.0,
        locked: 0.01,
        calls: 60.0,
        faults: 20.0,
    },
];

/// Slots of a segment.
const SLOTS: usize = SEGMENT_BYTES / 8;

/// Slots of a page.
const PAGE: usize = 4096 / 8;

fn pairs(mutator: &mut Mutator<'_, u64>, count: usize) {
    for i in 0..count {
        let handle = mutator.allocate(i as u64).expect("a slot");
        black_box(mutator.free(handle).expect("a live entry"));
    }
}

fn table_pairs(table: &Table<u64>, count: usize) {
    for i in 0..count {
        let handle = table.allocate(i as u64).expect("a slot");
        black_box(table.free(handle).expect("a live entry"));
    }
}

fn unchecked_pairs(table: &Table<u64>, count: usize) {
    let mutator = table.mutator();
    for i in 0..count {
        let handle = mutator.allocate(i as u64).expect("a slot");
        // SAFETY: allocated just now, and nobody else was told.
        black_box(unsafe { mutator.free_unchecked(handle) });
    }
}

fn pairs_of_owners(_: &Table<u64>, count: usize) {
    let table = UniqueTable::<u64>::builder().capacity(1 << 22).stripes(2);
    let table = table.build().expect("a table");
    let mutator = table.mutator();
    for i in 0..count {
        let owner = mutator.allocate(i as u64).expect("a slot");
        black_box(mutator.free(owner));
    }
}

fn batches(table: &Table<u64>, count: usize) {
    const BATCH: usize = 4096;
    let mutator = table.mutator();
    let mut order: Vec<usize> = (0..BATCH).collect();
    Random::new(1).shuffle(&mut order);
    let mut handles: Vec<Handle> = Vec::with_capacity(BATCH);
    for _ in 0..count / BATCH {
        handles.clear();
        handles.extend((0..BATCH as u64).map(|i| mutator.allocate(i).expect("a slot")));
        for &i in &order {
            black_box(mutator.free(handles[i]).expect("a live entry"));
        }
    }
}

fn hand_over(table: &Table<u64>, count: usize) {
    let (giver, taker) = (table.mutator(), table.mutator());
    for _ in 0..count / 64 {
        let parcel: [Handle; 64] =
            core::array::from_fn(|i| giver.allocate(i as u64).expect("a slot"));
        for handle in parcel {
            black_box(taker.free(handle).expect("a live entry"));
        }
    }
}

fn reads(table: &Table<u64>, count: usize) {
    let handles: Vec<Handle> = (0..1024).map(|i| table.allocate(i).expect("a slot")).collect();
    for i in 0..count {
        black_box(table.get(handles[i & 1023]).expect("a live entry"));
    }
    table.free_many(&handles).expect("live entries");
}

fn unchecked_reads(table: &Table<u64>, count: usize) {
    let handles: Vec<Handle> = (0..1024).map(|i| table.allocate(i).expect("a slot")).collect();
    for i in 0..count {
        // SAFETY: all of them are live.
        black_box(unsafe { table.get_unchecked(handles[i & 1023]) });
    }
    table.free_many(&handles).expect("live entries");
}

fn growth(table: &Table<u64>, count: usize) {
    let mutator = table.mutator();
    for i in 0..count {
        black_box(mutator.allocate(i as u64).expect("a slot"));
    }
}

fn sweep(table: &Table<u64>, count: usize) {
    // So many slots always, and as many sweeps as that makes; all but the sweeps is the same.
    const PART: usize = 50_000;
    let mutator = table.mutator();
    let handles: Vec<Handle> =
        (0..PART as u64).map(|i| mutator.allocate(i).expect("a slot")).collect();
    let mut random = Random::new(3);
    let freed: Vec<Handle> = handles.into_iter().filter(|_| random.once_in(2)).collect();
    mutator.free_many(&freed).expect("live entries");
    drop(mutator);
    for _ in 0..count / PART {
        black_box(table.sweep(0));
    }
}

/// How often the work is done less: enough for all that is done once only to have been done.
const COUNT: usize = 200_000;

/// In the process that is counted: does the work that it is told to do.
#[test]
fn work() {
    let Ok(work) = std::env::var(WORK) else { return };
    let (name, count) = work.split_once(':').expect("a name and a count");
    let work = WORKS.iter().find(|work| work.name == name).expect("a kind of work");
    let table = Table::<u64>::builder().capacity(1 << 22).stripes(2).build().expect("a table");
    let count: usize = count.parse().expect("a count");
    // What is measured, and as much before.
    mark();
    (work.run)(&table, count);
    mark();
}

/// A system call that nothing else here makes, for who counts them.
fn mark() {
    // SAFETY: asks for the parent's number.
    unsafe { libc::getppid() };
}

/// This program, to do so much work in one thread.
fn worker(work: &Work, count: usize) -> [(&'static str, String); 1] {
    [(WORK, format!("{}:{count}", work.name))]
}

/// What a call of this program costs.
#[derive(Default)]
struct Cost {
    instructions: f64,
    locked: f64,
}

/// Has callgrind count, with every instruction by its address.
fn callgrind(work: &Work, count: usize, locked: &HashSet<u64>) -> Cost {
    let program = std::env::current_exe().expect("this program");
    let file = std::env::temp_dir().join(format!("slotarena-{}.callgrind", std::process::id()));
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--dump-instr=yes", "--compress-pos=no"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["work", "--exact", "--test-threads=1"])
        .envs(worker(work, count))
        .output()
        .expect("valgrind");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&file).expect("callgrind's figures");
    fs::remove_file(&file).expect("a file of ours");
    let mut cost = Cost::default();
    // After `calls=` comes what the callee costs, which is counted there.
    let mut skip = false;
    for line in text.lines() {
        let mut fields = line.split(' ');
        let address = fields.next().and_then(|field| field.strip_prefix("0x"));
        let Some(address) = address else {
            skip = line.starts_with("calls=");
            continue;
        };
        if !std::mem::take(&mut skip) {
            let address = u64::from_str_radix(address, 16).expect("an address");
            let times: f64 = fields.next_back().expect("a count").parse().expect("a number");
            cost.instructions += times;
            cost.locked += if locked.contains(&address) { times } else { 0.0 };
        }
    }
    cost
}

/// Where in this program are atomic read-modify-writes.
fn locked() -> HashSet<u64> {
    let program = std::env::current_exe().expect("this program");
    let arguments = ["-d", "--no-show-raw-insn", "-M", "intel"];
    let output = Command::new("objdump").args(arguments).arg(program).output().expect("objdump");
    let text = String::from_utf8(output.stdout).expect("text");
    let locked = |line: &str| {
        let (address, code) = line.trim_start().split_once(':')?;
        let code = code.trim_start();
        let is_locked =
            code.starts_with("lock ") || (code.starts_with("xchg ") && code.contains('['));
        if is_locked { u64::from_str_radix(address, 16).ok() } else { None }
    };
    text.lines().filter_map(locked).collect()
}

/// Traces a call of this program: the system calls between the two marks, and the page faults of
/// the whole process.
fn trace(work: &Work, count: usize) -> (f64, f64) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["work", "--exact", "--test-threads=1"]).envs(worker(work, count));
    command.stdout(std::process::Stdio::null());
    let trace_me = || {
        // SAFETY: asks to be traced by the parent, and touches no memory.
        match unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec, one system call.
    unsafe { command.pre_exec(trace_me) };
    let child = command.spawn().expect("a traced process").id() as libc::pid_t;
    Tracer::default().follow(child)
}

/// Follows all threads of a process from one system call to the next.
#[derive(Default)]
struct Tracer {
    /// Whether a thread is inside a call.
    inside: HashMap<libc::pid_t, bool>,
    marks: usize,
    calls: usize,
}

impl Tracer {
    fn follow(mut self, child: libc::pid_t) -> (f64, f64) {
        let faults = loop {
            let mut status = 0;
            // SAFETY: integers, of which zeros are a value.
            let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
            // SAFETY: writes to both, which are there to be written to.
            let thread = unsafe { libc::wait4(-1, &mut status, libc::__WALL, &mut usage) };
            assert!(thread > 0, "{}", std::io::Error::last_os_error());
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                if thread == child {
                    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
                    break usage.ru_minflt + usage.ru_majflt;
                }
                continue;
            }
            let signal = libc::WSTOPSIG(status);
            let passed_on = match self.inside.get(&thread) {
                None => {
                    self.inside.insert(thread, false);
                    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE;
                    // SAFETY: the thread is stopped, and traced by this one.
                    unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, thread, 0, options) };
                    0
                }
                Some(_) if signal == libc::SIGTRAP | 0x80 => {
                    self.note(thread);
                    0
                }
                Some(_) if signal == libc::SIGTRAP || signal == libc::SIGSTOP => 0,
                Some(_) => signal,
            };
            // SAFETY: as above.
            unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread, 0, passed_on) };
        };
        assert_eq!(self.marks, 2, "both marks were met");
        (self.calls as f64, faults as f64)
    }

    /// A thread enters a system call, or leaves one.
    fn note(&mut self, thread: libc::pid_t) {
        let inside = self.inside.get_mut(&thread).expect("a known thread");
        *inside = !*inside;
        if !*inside {
            return;
        }
        // SAFETY: integers, of which zeros are a value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: writes to `registers`; the thread is stopped, and traced by this one.
        unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, 0, &mut registers) };
        if registers.orig_rax == libc::SYS_getppid as u64 {
            self.marks += 1;
        } else if self.marks == 1 {
            self.calls += 1;
        }
    }
}

#[test]
fn no_operation_costs_more_than_its_bound() {
    if std::env::var("SLOTARENA_COUNTS").is_err() {
        println!("skipped: SLOTARENA_COUNTS is not set");
        return;
    }
    if cfg!(debug_assertions) {
        panic!("counts are for a release build");
    }
    let locked = locked();
    let mut beyond = Vec::new();
    println!("| work | instructions | locked | calls a million | faults a million |");
    println!("| --- | --- | --- | --- | --- |");
    for work in &WORKS {
        let (less, more) = (COUNT, 3 * COUNT);
        let done = (more - less) as f64;
        let [one, two] = [less, more].map(|count| callgrind(work, count, &locked));
        let [(calls, faults), (more_calls, more_faults)] =
            [less, more].map(|count| trace(work, count));
        let found = [
            (two.instructions - one.instructions) / done,
            (two.locked - one.locked) / done,
            (more_calls - calls) / done * 1e6,
            (more_faults - faults) / done * 1e6,
        ];
        let bounds = [work.instructions, work.locked, work.calls, work.faults];
        let cells = found.iter().zip(bounds).map(|(found, bound)| format!("{found:.2} of {bound}"));
        println!("| {} | {} |", work.name, cells.collect::<Vec<_>>().join(" | "));
        println!("cases: counts 4");
        // What is left to chance: whether a page of the heap is touched, which the table has no
        // part in.
        let slack = [0.0, 0.001, 0.0, 8.0 / done * 1e6];
        for ((found, bound), slack) in found.iter().zip(bounds).zip(slack) {
            if *found > bound + slack {
                beyond.push(format!("{}: {found:.2} is more than {bound}", work.name));
            }
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
