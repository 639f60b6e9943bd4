//! The trace format: a list of events "thread t allocates object o" and "thread t frees object o".
//!
//! All numbers are little-endian `u32`:
//!
//! | offset | content |
//! |---|---|
//! | 0 | the eight bytes `SLTRACE1` |
//! | 8 | the number of records |
//! | 12 | the number of threads |
//! | 16 | the records, four bytes each, to the end of the file |
//!
//! [`Trace::parse`] accepts any bytes. It returns a trace that keeps every rule of the format, or a
//! [`Damage`]: the first broken rule, and its offset. The rest of this example relies on the rules
//! and does not check them again.

use std::fmt;

/// The first bytes of a trace file.
const MAGIC: [u8; 8] = *b"SLTRACE1";
/// The offset of the number of records.
const COUNT_AT: usize = 8;
/// The offset of the number of threads.
const THREADS_AT: usize = 12;
/// The offset of the first record.
const RECORDS_AT: usize = 16;
/// The bytes of one record.
const RECORD_BYTES: usize = 4;

/// One event: bit 31 set for a free, bits 24 to 30 the thread, bits 0 to 23 the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record(pub u32);

impl Record {
    /// The greatest number of objects.
    pub const OBJECTS_MAX: u32 = 1 << 24;

    /// Returns `true` if the event is a free, and `false` if it is an allocation.
    pub const fn is_free(self) -> bool {
        self.0 >> 31 == 1
    }

    /// Returns the thread of the event.
    pub const fn thread(self) -> u32 {
        self.0 >> 24 & 0x7f
    }

    /// Returns the object of the event.
    pub const fn object(self) -> u32 {
        self.0 & (Self::OBJECTS_MAX - 1)
    }
}

/// A trace that keeps all rules of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The events, in a possible order.
    pub records: Vec<Record>,
    /// Number of threads; each has at least one event.
    pub threads: u32,
    /// Number of objects, which is the number of allocations.
    pub objects: u32,
    /// The greatest number of live objects, in file order.
    pub live_peak: u32,
}

/// A broken rule, and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The offset of the first byte that breaks the rule.
    pub offset: usize,
    /// The broken rule.
    pub rule: Rule,
}

/// The rules of the format, each with the contrary finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The file begins with the magic bytes.
    Magic,
    /// The header is complete.
    Header { length: usize },
    /// The file holds exactly as many records as its header says.
    Length { count: u32, length: usize },
    /// Thread numbers are less than the number of threads.
    ThreadNumber { thread: u32, threads: u32 },
    /// Threads are numbered 0, 1, 2, ... in the order of their first events.
    ThreadOrder { thread: u32, next: u32 },
    /// Objects are numbered 0, 1, 2, ... in the order of their allocations.
    ObjectOrder { object: u32, next: u32 },
    /// A free comes after the allocation of its object.
    FreeBeforeAllocation { object: u32 },
    /// An object is freed at most once.
    FreedTwice { object: u32 },
    /// Each thread that the header counts has an event.
    IdleThread { thread: u32, threads: u32 },
}

impl Trace {
    /// Reads a trace, or returns the first broken rule.
    pub fn parse(data: &[u8]) -> Result<Trace, Damage> {
        let (count, threads) = parse_header(data)?;
        let mut state = State { threads, ..State::default() };
        let mut records = Vec::with_capacity(count as usize);
        for (n, bytes) in data[RECORDS_AT..].chunks_exact(RECORD_BYTES).enumerate() {
            let record = Record(word(bytes, 0));
            state
                .admit(record)
                .map_err(|rule| Damage { offset: RECORDS_AT + n * RECORD_BYTES, rule })?;
            records.push(record);
        }
        if state.threads_seen < threads {
            let rule = Rule::IdleThread { thread: state.threads_seen, threads };
            return Err(Damage { offset: THREADS_AT, rule });
        }
        let objects = state.freed.len() as u32;
        Ok(Trace { records, threads, objects, live_peak: state.live_peak })
    }
}

/// Checks the header, and returns the numbers of records and of threads.
fn parse_header(data: &[u8]) -> Result<(u32, u32), Damage> {
    let wrong = MAGIC.iter().zip(data).position(|(expected, found)| expected != found);
    if let Some(offset) = wrong {
        return Err(Damage { offset, rule: Rule::Magic });
    }
    let length = data.len();
    if length < RECORDS_AT {
        return Err(Damage { offset: length, rule: Rule::Header { length } });
    }
    let count = word(data, COUNT_AT);
    // In 64 bits: the greatest count gives a file of 16 GiB.
    if length as u64 != RECORDS_AT as u64 + RECORD_BYTES as u64 * u64::from(count) {
        return Err(Damage { offset: COUNT_AT, rule: Rule::Length { count, length } });
    }
    Ok((count, word(data, THREADS_AT)))
}

/// Returns the number at `at`. The caller ensures that `data` has four bytes there.
fn word(data: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]])
}

/// The state after the records read so far.
#[derive(Default)]
struct State {
    threads: u32,
    threads_seen: u32,
    /// By object: whether it has been freed. As long as the number of objects seen.
    freed: Vec<bool>,
    live: u32,
    live_peak: u32,
}

impl State {
    /// Accepts the next record, or returns the rule that it breaks.
    fn admit(&mut self, record: Record) -> Result<(), Rule> {
        let (thread, object) = (record.thread(), record.object());
        if thread >= self.threads {
            return Err(Rule::ThreadNumber { thread, threads: self.threads });
        }
        if thread > self.threads_seen {
            return Err(Rule::ThreadOrder { thread, next: self.threads_seen });
        }
        self.threads_seen = self.threads_seen.max(thread + 1);
        if record.is_free() {
            match self.freed.get_mut(object as usize) {
                None => return Err(Rule::FreeBeforeAllocation { object }),
                Some(freed) if *freed => return Err(Rule::FreedTwice { object }),
                Some(freed) => *freed = true,
            }
            self.live -= 1;
        } else {
            let next = self.freed.len() as u32;
            if object != next {
                return Err(Rule::ObjectOrder { object, next });
            }
            self.freed.push(false);
            self.live += 1;
            self.live_peak = self.live_peak.max(self.live);
        }
        Ok(())
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged at byte {}: {}", self.offset, self.rule)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Rule::Magic => f.write_str("a trace begins with the eight bytes SLTRACE1"),
            Rule::Header { length } => write!(
                f,
                "a trace begins with a header of {RECORDS_AT} bytes, and the file has {length}"
            ),
            Rule::Length { count, length } => write!(
                f,
                "{count} records make a file of {} bytes, and it has {length}",
                RECORDS_AT as u64 + RECORD_BYTES as u64 * u64::from(count)
            ),
            Rule::ThreadNumber { thread, threads } => write!(
                f,
                "thread numbers are less than the {threads} threads of the header, \
                 and this one is {thread}"
            ),
            Rule::ThreadOrder { thread, next } => write!(
                f,
                "threads are numbered in the order of their first records: \
                 the next new one is {next}, and this one is {thread}"
            ),
            Rule::ObjectOrder { object, next } => write!(
                f,
                "objects are numbered in the order of their allocations: \
                 the next one is {next}, and this one is {object}"
            ),
            Rule::FreeBeforeAllocation { object } => write!(
                f,
                "a free stands after the allocation of its object, \
                 and object {object} is not allocated yet"
            ),
            Rule::FreedTwice { object } => {
                write!(f, "an object is freed once at most, and object {object} was freed before")
            }
            Rule::IdleThread { thread, threads } => write!(
                f,
                "each of the {threads} threads of the header has a record, \
                 and thread {thread} has none"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
