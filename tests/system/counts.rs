//! The cost of operations in counts instead of time: instructions, atomic read-modify-writes,
//! system calls, and page faults. Each has a bound.
//!
//! Valgrind's callgrind counts instructions, and a tracer counts system calls. Each kind of work
//! runs in two processes of this program, the second with three times as many operations. The
//! difference is the cost of the operations. Nothing is counted unless `SLOTARENA_COUNTS` is set,
//! and counting needs a release build.
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(all(target_os = "linux", target_arch = "x86_64", not(any(miri, slotarena_heap))))]

use std::collections::{HashMap, HashSet};
use std::fs;
use std::hint::black_box;
use std::os::unix::process::CommandExt;
use std::process::Command;

use fastrand::Rng;
use slotarena::{Handle, Mutator, SEGMENT_BYTES, Slab, Table, UniqueTable};

/// Tells a process of this program which work to do, and how often.
const WORK: &str = "SLOTARENA_WORK";

/// A kind of work: its name, a function that does so many operations, and the bounds of one.
struct Work {
    name: &'static str,
    run: fn(&Tables, usize),
    /// Instructions.
    instructions: f64,
    /// Atomic read-modify-writes.
    locked: f64,
    /// System calls for a million operations.
    calls: f64,
    /// Page faults for a million operations.
    faults: f64,
}

/// Whether frees are sequences. The emulator that counts has none that the kernel would restart, so
/// such a build takes it that there are: one thread runs.
const BIASED: bool = cfg!(slotarena_counted);

/// The bounds: the counts with rustc 1.95, with a tenth more instructions.
const WORKS: [Work; 14] = [
    Work::new("allocate and free, mutator", mutator_pairs, 56.0, 1.0).biased(76.0),
    Work::new("allocate and free, table", table_pairs, 69.0, 1.0).biased(86.0),
    Work::new("insert and remove, slab", slab_pairs, 116.0, 1.0).biased(134.0).one_call(),
    Work::new("insert and remove, slab's mutator", slab_mutator_pairs, 100.0, 1.0)
        .biased(118.0)
        .one_call(),
    Work::new("insert and take, slab", slab_takes, 175.0, 1.0).biased(195.0).one_call(),
    Work {
        // A batch has 8,064.
        calls: 1e6 / 8064.0 + 2.5,
        faults: 20.0,
        ..Work::new("insert and remove, slab, others have guards", guarded_pairs, 221.0, 1.01)
            .biased(240.0)
    },
    Work::new("allocate and free_unchecked, mutator", unchecked_pairs, 46.0, 0.0),
    Work::new("allocate and free, unique, mutator", pairs_of_owners, 47.0, 0.0),
    Work::new("one of 4096 allocated and freed in random order", batches, 90.0, 1.01).biased(112.0),
    Work::new("one of 64 allocated by one mutator and freed by another", hand_over, 126.0, 1.1)
        .biased(151.0),
    Work::new("get", reads, 19.0, 0.0),
    Work::new("get_unchecked", unchecked_reads, 14.0, 0.0),
    Work {
        // At most two for a segment. Making 16 segments writable takes half a call.
        calls: 2.0 * 1e6 / SLOTS as f64,
        // One for each page.
        faults: 1e6 / PAGE as f64 + 20.0,
        ..Work::new("growth, an entry", growth, 34.0, 0.01)
    },
    Work {
        calls: 60.0,
        faults: 20.0,
        ..Work::new("sweep of a table with a random half free, a slot", sweep, 4.8, 0.01)
    },
];

impl Work {
    /// Returns a kind of work without system calls and page faults.
    const fn new(
        name: &'static str,
        run: fn(&Tables, usize),
        instructions: f64,
        locked: f64,
    ) -> Self {
        Self { name, run, instructions, locked, calls: 0.0, faults: 0.0 }
    }

    /// Grants a system call in one of the two processes, such as one of the allocator's.
    const fn one_call(self) -> Self {
        Self { calls: 1e6 / (2 * COUNT) as f64, ..self }
    }

    /// The bounds where frees are sequences: of the atomic read-modify-writes, one an operation is
    /// gone.
    const fn biased(self, instructions: f64) -> Self {
        if BIASED { Self { instructions, locked: self.locked - 1.0, ..self } } else { self }
    }
}

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

fn mutator_pairs(Tables { table, .. }: &Tables, count: usize) {
    pairs(&mut table.mutator(), count);
}

/// What the works use. Made before anything is counted: where the system puts a reservation is left
/// to chance, and so is whether it has to be moved to a multiple of the segment's size.
struct Tables {
    table: Table<u64>,
    unique: UniqueTable<u64>,
    slab: Slab<u64>,
    /// A slab of which a participant has had a guard.
    guarded: Slab<u64>,
}

impl Tables {
    fn new() -> Self {
        let table = Table::builder().capacity(1 << 22).stripes(2);
        let unique = UniqueTable::builder().capacity(1 << 22).stripes(2);
        let slab = || Slab::builder().capacity(1 << 20).stripes(2).build().expect("a slab");
        let guarded = slab();
        let reader = guarded.mutator();
        drop(reader.pin());
        // It stays a participant.
        std::mem::forget(reader);
        Self {
            table: table.build().expect("a table"),
            unique: unique.build().expect("a table"),
            slab: slab(),
            guarded,
        }
    }
}

#[inline(never)]
fn pairs_by_thread(slab: &Slab<u64>, count: usize) {
    for i in 0..count {
        let key = slab.insert(i as u64).expect("a slot");
        assert!(black_box(slab.remove(key)));
    }
}

fn slab_pairs(tables: &Tables, count: usize) {
    pairs_by_thread(&tables.slab, count);
}

fn guarded_pairs(tables: &Tables, count: usize) {
    pairs_by_thread(&tables.guarded, count);
}

fn slab_mutator_pairs(Tables { slab, .. }: &Tables, count: usize) {
    let mutator = slab.mutator();
    for i in 0..count {
        let key = mutator.insert(i as u64).expect("a slot");
        assert!(black_box(mutator.remove(key)));
    }
}

fn slab_takes(Tables { slab, .. }: &Tables, count: usize) {
    for i in 0..count {
        let key = slab.insert(i as u64).expect("a slot");
        black_box(slab.take(key).expect("a value"));
    }
}

fn table_pairs(Tables { table, .. }: &Tables, count: usize) {
    for i in 0..count {
        let handle = table.allocate(i as u64).expect("a slot");
        black_box(table.free(handle).expect("a live entry"));
    }
}

fn unchecked_pairs(Tables { table, .. }: &Tables, count: usize) {
    let mutator = table.mutator();
    for i in 0..count {
        let handle = mutator.allocate(i as u64).expect("a slot");
        // SAFETY: just allocated, and no other thread has the handle.
        black_box(unsafe { mutator.free_unchecked(handle) });
    }
}

fn pairs_of_owners(Tables { unique, .. }: &Tables, count: usize) {
    let mutator = unique.mutator();
    for i in 0..count {
        let owner = mutator.allocate(i as u64).expect("a slot");
        black_box(mutator.free(owner));
    }
}

fn batches(Tables { table, .. }: &Tables, count: usize) {
    const BATCH: usize = 4096;
    let mutator = table.mutator();
    let mut order: Vec<usize> = (0..BATCH).collect();
    Rng::with_seed(1).shuffle(&mut order);
    let mut handles: Vec<Handle> = Vec::with_capacity(BATCH);
    for _ in 0..count / BATCH {
        handles.clear();
        handles.extend((0..BATCH as u64).map(|i| mutator.allocate(i).expect("a slot")));
        for &i in &order {
            black_box(mutator.free(handles[i]).expect("a live entry"));
        }
    }
}

fn hand_over(Tables { table, .. }: &Tables, count: usize) {
    let (giver, taker) = (table.mutator(), table.mutator());
    for _ in 0..count / 64 {
        let parcel: [Handle; 64] =
            core::array::from_fn(|i| giver.allocate(i as u64).expect("a slot"));
        for handle in parcel {
            black_box(taker.free(handle).expect("a live entry"));
        }
    }
}

fn reads(Tables { table, .. }: &Tables, count: usize) {
    let handles: Vec<Handle> = (0..1024).map(|i| table.allocate(i).expect("a slot")).collect();
    for i in 0..count {
        black_box(table.get(handles[i & 1023]).expect("a live entry"));
    }
    table.free_many(&handles).expect("live entries");
}

fn unchecked_reads(Tables { table, .. }: &Tables, count: usize) {
    let handles: Vec<Handle> = (0..1024).map(|i| table.allocate(i).expect("a slot")).collect();
    for i in 0..count {
        // SAFETY: all handles are live.
        black_box(unsafe { table.get_unchecked(handles[i & 1023]) });
    }
    table.free_many(&handles).expect("live entries");
}

fn growth(Tables { table, .. }: &Tables, count: usize) {
    let mutator = table.mutator();
    for i in 0..count {
        black_box(mutator.allocate(i as u64).expect("a slot"));
    }
}

fn sweep(Tables { table, .. }: &Tables, count: usize) {
    // A fixed number of slots, and a number of sweeps that depends on `count`.
    const PART: usize = 50_000;
    let mutator = table.mutator();
    let handles: Vec<Handle> =
        (0..PART as u64).map(|i| mutator.allocate(i).expect("a slot")).collect();
    let mut random = Rng::with_seed(3);
    let freed: Vec<Handle> = handles.into_iter().filter(|_| random.bool()).collect();
    mutator.free_many(&freed).expect("live entries");
    drop(mutator);
    for _ in 0..count / PART {
        black_box(table.sweep(0));
    }
}

/// The operations of the first process: enough for one-time costs to be the same in both.
const COUNT: usize = 200_000;

/// Does the work that the environment names. Runs in the counted processes.
#[test]
fn work() {
    let Ok(work) = std::env::var(WORK) else { return };
    let (name, count) = work.split_once(':').expect("a name and a count");
    let work = WORKS.iter().find(|work| work.name == name).expect("a kind of work");
    let tables = Tables::new();
    let count: usize = count.parse().expect("a count");
    assert!(!BIASED || tables.table.stats().bias);
    // The calls between the two marks are counted.
    mark();
    (work.run)(&tables, count);
    mark();
}

/// Makes a system call that marks the beginning or the end of the work for the tracer.
fn mark() {
    // SAFETY: asks for the parent's number.
    unsafe { libc::getppid() };
}

/// Returns the environment of a process that does so many operations.
fn worker(work: &Work, count: usize) -> [(&'static str, String); 1] {
    [(WORK, format!("{}:{count}", work.name))]
}

/// The counts of one process.
#[derive(Default)]
struct Cost {
    instructions: f64,
    locked: f64,
}

/// Counts by callgrind, which lists every instruction by its address.
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
    fs::remove_file(&file).expect("the file of this process");
    let mut cost = Cost::default();
    // The line after `calls=` is the cost of the callee, which is counted in the callee.
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

/// Returns the addresses of atomic read-modify-writes in this program.
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

/// Traces a process of this program. Returns the numbers of system calls and of page faults between
/// the two marks.
fn trace(work: &Work, count: usize) -> (f64, f64) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    command.args(["work", "--exact", "--test-threads=1"]).envs(worker(work, count));
    command.stdout(std::process::Stdio::null());
    let trace_me = || {
        // SAFETY: asks the parent to trace this process, and accesses no memory.
        match unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: makes one system call between fork and exec.
    unsafe { command.pre_exec(trace_me) };
    let child = command.spawn().expect("a traced process").id() as libc::pid_t;
    Tracer::default().follow(child)
}

/// Follows all threads of a process from one system call to the next.
#[derive(Default)]
struct Tracer {
    /// Whether each thread is inside a system call.
    inside: HashMap<libc::pid_t, bool>,
    marks: usize,
    calls: usize,
    /// Page faults of the process until each mark.
    faults: [u64; 2],
}

impl Tracer {
    fn follow(mut self, child: libc::pid_t) -> (f64, f64) {
        loop {
            let mut status = 0;
            // SAFETY: writes to `status`.
            let thread = unsafe { libc::waitpid(-1, &mut status, libc::__WALL) };
            assert!(thread > 0, "{}", std::io::Error::last_os_error());
            if libc::WIFEXITED(status) || libc::WIFSIGNALED(status) {
                if thread == child {
                    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
                    break;
                }
                continue;
            }
            let signal = libc::WSTOPSIG(status);
            let passed_on = match self.inside.get(&thread) {
                None => {
                    self.inside.insert(thread, false);
                    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE;
                    // SAFETY: the thread is stopped, and this process traces it.
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
            // SAFETY: the thread is stopped, and this process traces it.
            unsafe { libc::ptrace(libc::PTRACE_SYSCALL, thread, 0, passed_on) };
        }
        assert_eq!(self.marks, 2, "both marks are traced");
        (self.calls as f64, (self.faults[1] - self.faults[0]) as f64)
    }

    /// Takes note of a thread that enters or leaves a system call.
    fn note(&mut self, thread: libc::pid_t) {
        let inside = self.inside.get_mut(&thread).expect("a known thread");
        *inside = !*inside;
        if !*inside {
            return;
        }
        // SAFETY: a struct of integers, for which zeros are a value.
        let mut registers: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: writes to `registers`. The thread is stopped, and this process traces it.
        unsafe { libc::ptrace(libc::PTRACE_GETREGS, thread, 0, &mut registers) };
        if registers.orig_rax == libc::SYS_getppid as u64 {
            self.faults[self.marks] = faults_of(thread);
            self.marks += 1;
        } else if self.marks == 1 {
            self.calls += 1;
        }
    }
}

/// Returns how many page faults a process has had.
fn faults_of(process: libc::pid_t) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("a process");
    // The name of the program, in parentheses, may have spaces. The faults without and with a read
    // from a file are the eighth and the tenth field after it.
    let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
    let field = |n: usize| fields.split(' ').nth(n).and_then(|f| f.parse().ok()).unwrap_or(0);
    field(7) + field(9)
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
        // Left to chance: whether the process touches another page of its heap.
        let slack = [0.0, 0.001, 0.0, 8.0 / done * 1e6];
        for ((found, bound), slack) in found.iter().zip(bounds).zip(slack) {
            if *found > bound + slack {
                beyond.push(format!("{}: {found:.2} is more than {bound}", work.name));
            }
        }
    }
    assert!(beyond.is_empty(), "{beyond:#?}");
}
