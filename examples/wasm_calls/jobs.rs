//! The purpose of each module, as a job with inputs.

use fastrand::Rng;

use crate::engine::Engine;
use crate::module::Module;

/// The result of a job: all numbers and bytes that the module has returned.
pub type Transcript = Vec<u64>;

/// A job of a module, and its inputs.
pub struct Job {
    pub what: &'static str,
    pub inputs: Vec<(String, Vec<u8>)>,
    run: fn(&mut dyn Engine, &[u8]) -> Result<Transcript, String>,
}

impl Job {
    /// Returns the job of a module, by the module's exports.
    pub fn of(module: &Module) -> Option<Job> {
        let has = |names: &[&str]| names.iter().all(|name| module.export(name).is_some());
        if has(&["allocate_mappings", "parse_mappings", "by_generated_location"]) {
            let what = "parse a source map's mappings, and query them";
            return Some(Job { what, inputs: source_maps(), run: source_map });
        }
        if has(&["compress", "decompress", "__wbindgen_malloc"]) {
            let what = "compress and decompress";
            return Some(Job { what, inputs: texts(), run: lz4 });
        }
        None
    }

    pub fn run(&self, engine: &mut dyn Engine, input: &[u8]) -> Result<Transcript, String> {
        (self.run)(engine, input)
    }
}

/// Appends a number in the encoding of source maps.
fn vlq(out: &mut Vec<u8>, value: i64) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut rest = value.unsigned_abs() << 1 | u64::from(value < 0);
    loop {
        let more = rest >> 5 != 0;
        out.push(DIGITS[(rest & 31) as usize | usize::from(more) << 5]);
        rest >>= 5;
        if !more {
            break;
        }
    }
}

/// Returns the mappings of a program of so many lines.
fn mappings(lines: u64, seed: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seed);
    let mut out = Vec::new();
    let mut last = [0i64; 4];
    for _ in 0..lines {
        let mut column = 0;
        for place in 0..random.u32(..6) {
            if place > 0 {
                out.push(b',');
            }
            let step = random.i64(0..40);
            vlq(&mut out, step);
            column += step;
            if random.u32(..10) > 0 {
                // Source, line, column, and mostly a name.
                let fields = if random.u32(..3) > 0 { 4 } else { 3 };
                let bounds = [8, lines, 120, 500];
                for (field, last) in last.iter_mut().enumerate().take(fields) {
                    let value = random.u64(..bounds[field]) as i64;
                    vlq(&mut out, value - *last);
                    *last = value;
                }
            }
        }
        let _ = column;
        out.push(b';');
    }
    out
}

fn source_maps() -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<(String, Vec<u8>)> = [(20, 1), (1000, 2), (5000, 3)]
        .map(|(lines, seed)| (format!("mappings of {lines} lines"), mappings(lines, seed)))
        .into();
    inputs.push(("mappings that end in a number".into(), b"AAAA;AAg".to_vec()));
    inputs.push(("mappings with a strange letter".into(), b"AAAA;A?CA".to_vec()));
    inputs
}

/// Allocates, parses, lists in both orders, queries, and frees.
fn source_map(engine: &mut dyn Engine, input: &[u8]) -> Result<Transcript, String> {
    let buffer = engine.call("allocate_mappings", &[input.len() as u64])?;
    engine.write(buffer, input);
    let parsed = engine.call("parse_mappings", &[buffer])?;
    if parsed == 0 {
        return Ok(vec![0, engine.call("get_last_error", &[])?]);
    }
    let mut transcript = Vec::new();
    engine.call("by_generated_location", &[parsed])?;
    engine.call("compute_column_spans", &[parsed])?;
    engine.call("by_original_location", &[parsed])?;
    let mut random = Rng::with_seed(9);
    for _ in 0..300 {
        // The least upper bound or the greatest lower one.
        let bias = random.u64(1..=2);
        let (line, column) = (random.u64(..1000), random.u64(..120));
        engine.call("original_location_for", &[parsed, line, column, bias])?;
        let source = random.u64(..8);
        engine.call("generated_location_for", &[parsed, source, line, column, bias])?;
        let any = random.u64(..2);
        engine.call("all_generated_locations_for", &[parsed, source, line, any, column])?;
    }
    engine.call("free_mappings", &[parsed])?;
    for (import, arguments) in engine.host_calls() {
        transcript.push(u64::from(import));
        transcript.extend(arguments);
    }
    Ok(transcript)
}

fn texts() -> Vec<(String, Vec<u8>)> {
    let mut random = Rng::with_seed(4);
    let noise: Vec<u8> = (0..20_000).map(|_| random.u8(..)).collect();
    let words = ["slot", "arena", "handle", "entry", "point", "table", " ", ", ", ".\n"];
    let text: String = (0..30_000).map(|_| words[random.usize(..9)]).collect();
    vec![
        ("nothing".into(), vec![]),
        ("noise".into(), noise),
        ("words".into(), text.into_bytes()),
        ("zeros".into(), vec![0; 200_000]),
    ]
}

/// Compresses, decompresses, and compares.
fn lz4(engine: &mut dyn Engine, input: &[u8]) -> Result<Transcript, String> {
    let compressed = through(engine, "compress", input, 2)?;
    let again = through(engine, "decompress", &compressed, 4)?;
    if again != input {
        return Err("the decompressed bytes differ from the input".into());
    }
    Ok(compressed.into_iter().map(u64::from).collect())
}

/// Passes bytes to a function and returns its bytes, as the module's own glue code does.
fn through(
    engine: &mut dyn Engine,
    function: &str,
    input: &[u8],
    words: u64,
) -> Result<Vec<u8>, String> {
    let results = engine.call("__wbindgen_add_to_stack_pointer", &[u64::from(-16i32 as u32)])?;
    let at = engine.call("__wbindgen_malloc", &[input.len() as u64])?;
    engine.write(at, input);
    engine.call(function, &[results, at, input.len() as u64])?;
    let word = |bytes: &[u8]| u64::from(u32::from_le_bytes(bytes.try_into().expect("four")));
    let out: Vec<u64> = engine.read(results, 4 * words).chunks(4).map(word).collect();
    if words == 4 && out[3] != 0 {
        return Err(format!("{function} refuses its input"));
    }
    let bytes = engine.read(out[0], out[1]);
    engine.call("__wbindgen_free", &[out[0], out[1]])?;
    engine.call("__wbindgen_add_to_stack_pointer", &[16])?;
    Ok(bytes)
}
