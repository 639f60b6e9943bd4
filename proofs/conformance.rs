//! Tests that the pure functions do what `proofs/smt/*.smt2` says. z3 proves facts about the
//! definitions there. Here the same text is evaluated and compared with the functions, at every
//! boundary and at random. With optimization, millions of times each.
#![cfg(all(test, not(any(loom, miri))))]

use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;

use crate::bits::chain::{Chain, follow, link_to};
use crate::bits::geometry::Geometry;
use crate::bits::word::{self, Cycle, State};

/// An S-expression.
#[derive(Debug)]
enum Text {
    Word(String),
    List(Vec<Text>),
}

/// The bits and the width of a bit vector. A truth value has width 0.
type Value = (u64, u32);

/// The body of a definition.
#[derive(Debug)]
enum Term {
    Constant(Value),
    Parameter(usize),
    Call(Rc<Term>, Vec<Term>),
    Operation(String, Vec<Term>),
    /// The lowest bit, the number of bits, and the operand.
    Extract(u32, u32, Box<Term>),
    Extend(u32, Box<Term>),
}

fn read(text: &str) -> Vec<Text> {
    let plain: Vec<&str> = text.lines().map(|l| l.split(';').next().unwrap_or_default()).collect();
    let plain = plain.join("\n").replace('(', " ( ").replace(')', " ) ");
    let mut open = vec![Vec::new()];
    for token in plain.split_whitespace() {
        let done = match token {
            "(" => {
                open.push(Vec::new());
                continue;
            }
            ")" => Text::List(open.pop().expect("as many opened as closed")),
            word => Text::Word(word.to_owned()),
        };
        open.last_mut().expect("as many opened as closed").push(done);
    }
    open.pop().expect("as many opened as closed")
}

impl Text {
    fn word(&self) -> &str {
        match self {
            Text::Word(word) => word,
            Text::List(_) => "",
        }
    }

    fn list(&self) -> &[Text] {
        match self {
            Text::Word(_) => &[],
            Text::List(list) => list,
        }
    }
}

/// The definitions of a file, by name.
struct Definitions(HashMap<String, (usize, Rc<Term>)>);

impl Definitions {
    fn new(text: &str) -> Self {
        let mut definitions = Self(HashMap::new());
        for item in read(text) {
            let [key, name, parameters, _, body] = item.list() else { continue };
            if key.word() == "define-fun" {
                let names = parameters.list().iter().map(|p| p.list()[0].word()).collect();
                let arity = parameters.list().len();
                let term = definitions.term(body, &names);
                definitions.0.insert(name.word().to_owned(), (arity, Rc::new(term)));
            }
        }
        definitions
    }

    fn term(&self, text: &Text, parameters: &Vec<&str>) -> Term {
        let all = |texts: &[Text]| texts.iter().map(|text| self.term(text, parameters)).collect();
        if let Text::Word(word) = text {
            if let Some(place) = parameters.iter().position(|name| name == word) {
                return Term::Parameter(place);
            }
            if let Some(digits) = word.strip_prefix("#x") {
                let bits = u64::from_str_radix(digits, 16).expect("hexadecimal digits");
                return Term::Constant((bits, 4 * digits.len() as u32));
            }
            return Term::Call(Rc::clone(&self.0[word].1), Vec::new());
        }
        let (first, rest) = text.list().split_first().expect("not an empty list");
        if let Some((_, term)) = self.0.get(first.word()) {
            return Term::Call(Rc::clone(term), all(rest));
        }
        if let [_, kind, numbers @ ..] = first.list() {
            let number = |at: usize| numbers[at].word().parse::<u32>().expect("a number");
            let inner = Box::new(self.term(&rest[0], parameters));
            return match kind.word() {
                "extract" => Term::Extract(number(1), number(0) - number(1) + 1, inner),
                "zero_extend" => Term::Extend(number(0), inner),
                other => panic!("what is {other}?"),
            };
        }
        Term::Operation(first.word().to_owned(), all(rest))
    }

    /// Returns the bits of a definition's value.
    fn value(&self, name: &str, arguments: &[Value]) -> u64 {
        let (arity, term) = &self.0[name];
        assert_eq!(*arity, arguments.len(), "{name}");
        term.value(arguments).0
    }
}

/// Returns a number whose lowest `width` bits are set.
fn mask(width: u32) -> u64 {
    u64::MAX >> (64 - width)
}

impl Term {
    fn value(&self, arguments: &[Value]) -> Value {
        match self {
            Term::Constant(value) => *value,
            Term::Parameter(place) => arguments[*place],
            Term::Call(term, inner) => {
                let mut values = [(0, 0); 4];
                inner.iter().zip(&mut values).for_each(|(t, value)| *value = t.value(arguments));
                term.value(&values[..inner.len()])
            }
            Term::Extract(from, width, inner) => {
                (inner.value(arguments).0 >> from & mask(*width), *width)
            }
            Term::Extend(more, inner) => {
                let (bits, width) = inner.value(arguments);
                (bits, width + more)
            }
            Term::Operation(name, inner) => {
                let value = |place: usize| inner[place].value(arguments);
                if name == "ite" {
                    return value(if value(0).0 == 1 { 1 } else { 2 });
                }
                let (a, width) = value(0);
                if name == "bvnot" {
                    return (!a & mask(width), width);
                }
                let (b, other) = value(1);
                assert_eq!((width, inner.len()), (other, 2), "{name} takes two of one width");
                let shifted =
                    |bits: Option<u64>| if b < width.into() { bits.unwrap_or(0) } else { 0 };
                let bits = match &**name {
                    "bvand" => a & b,
                    "bvor" => a | b,
                    "bvadd" => a.wrapping_add(b) & mask(width),
                    "bvsub" => a.wrapping_sub(b) & mask(width),
                    "bvshl" => shifted(a.checked_shl(b as u32)) & mask(width),
                    "bvlshr" => shifted(a.checked_shr(b as u32)),
                    "=" => return (u64::from(a == b), 0),
                    "distinct" => return (u64::from(a != b), 0),
                    "bvuge" => return (u64::from(a >= b), 0),
                    "bvugt" => return (u64::from(a > b), 0),
                    "and" => return (a & b, 0),
                    other => panic!("what is {other}?"),
                };
                (bits, width)
            }
        }
    }
}

const RANDOM: u64 = if cfg!(debug_assertions) { 20_000 } else { 3_000_000 };

/// Returns numbers at which a function may go wrong.
fn edges() -> Vec<u64> {
    let powers = (0..64).map(|bit| 1u64 << bit);
    let near = powers.flat_map(|power| [power.wrapping_sub(1), power, power.wrapping_add(1)]);
    near.flat_map(|edge| [edge, !edge]).chain([0x5555_5555_5555_5555]).collect()
}

/// Calls `f` with all pairs of edges, and with pairs of random numbers of random lengths. Prints
/// how often.
fn for_each_pair(name: &str, mut f: impl FnMut(u64, u64)) {
    let edges = edges();
    edges.iter().for_each(|&a| edges.iter().for_each(|&b| f(a, b)));
    let mut state = 0u64;
    let mut random = || {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    for _ in 0..RANDOM {
        let lengths = random();
        f(random() >> (lengths & 63), random() >> (lengths >> 6 & 63));
    }
    let count = edges.len() as u64 * edges.len() as u64 + RANDOM;
    // The output may be closed.
    let _ = writeln!(std::io::stdout(), "cases: defined {name} {count}");
}

fn long(bits: u64) -> Value {
    (bits, 64)
}

fn short(bits: u32) -> Value {
    (bits.into(), 32)
}

#[test]
fn heads_and_links() {
    let defined = Definitions::new(include_str!("smt/chain.smt2"));
    for_each_pair("head", |a, b| {
        let (i, n) = (a as u32, b as u32);
        let value = |name, arguments: &[Value]| defined.value(name, arguments);
        assert_eq!(value("chain.new", &[short(i), short(n)]), Chain::new(i, n).to_bits());
        let head = Chain::from_bits(a);
        assert_eq!(value("chain.first", &[long(a)]), head.first().into());
        assert_eq!(value("chain.length", &[long(a)]), head.length().into());
        assert_eq!(value("chain.is_empty", &[long(a)]), head.is_empty().into());
        assert_eq!(value("chain.link_to", &[short(i), short(n)]), link_to(i, n).into());
        assert_eq!(value("chain.follow", &[short(i), short(n)]), follow(i, n).into());
    });
}

#[test]
fn words() {
    let defined = Definitions::new(include_str!("smt/word.smt2"));
    let value = |name, arguments: &[Value]| defined.value(name, arguments);
    assert_eq!(value("word.live_bit", &[]), word::LIVE_BIT);
    assert_eq!(value("word.uninitialized", &[]), word::uninitialized::<u64>());
    assert_eq!(value("word.cycle_last", &[]), Cycle::LAST.to_bits());
    for_each_pair("word", |a, b| {
        let (cycle, x) = (Cycle::from_bits(b), b as u32);
        let r = long(cycle.to_bits());
        assert_eq!(value("word.cycle_of", &[long(b)]), r.0);
        if let Some(next) = cycle.next() {
            assert_eq!(value("word.next", &[r]), next.to_bits());
        } else {
            assert_eq!(r.0, value("word.cycle_last", &[]));
        }
        assert_eq!(value("word.is_live", &[long(a)]), word::is_live(a).into());
        let state = match word::state(a) {
            State::Live => 0,
            State::Uninitialized => 1,
            State::Free => 2,
        };
        assert_eq!(value("word.state", &[long(a)]), state);
        assert_eq!(value("word.is_unswept", &[long(a), r]), word::is_unswept(a, cycle).into());
        assert_eq!(value("word.free", &[r, short(x)]), word::free_with::<u64>(cycle, x));
        assert_eq!(value("word.link", &[long(a)]), word::link(a).into());
        assert_eq!(value("word.bits", &[long(a)]), word::bits(a));
        match word::try_live(a) {
            Some(live) => assert_eq!(value("word.live", &[long(a)]), live),
            None => assert_eq!(value("word.is_live", &[long(a)]), 1),
        }
        // The low word of a two-word entry is such a word.
        let wide = u128::from(b) << 64 | u128::from(a);
        assert_eq!(word::state(wide), word::state(a));
        assert_eq!(word::is_unswept(wide, cycle), word::is_unswept(a, cycle));
        assert_eq!((word::link(wide), word::bits(wide) as u64), (word::link(a), word::bits(a)));
    });
}

#[test]
fn segments() {
    let defined = Definitions::new(include_str!("smt/geometry.smt2"));
    for_each_pair("segment", |a, b| {
        let (capacity, shift, index) = ((a as u32).max(1), (a >> 32) as u32 % 31 + 1, b as u32);
        let g = Geometry::new(capacity, shift);
        let value = |name, more: &[Value]| {
            let arguments = [&[short(capacity), short(shift)], more].concat();
            u32::try_from(defined.value(name, &arguments)).expect("32 bits")
        };
        assert_eq!(value("geometry.slots_per_segment", &[]), g.slots_per_segment());
        assert_eq!(value("geometry.segments", &[]), g.segments());
        assert_eq!(value("geometry.segment_of", &[short(index)]), g.segment_of(index));
        let inside = index % g.segments();
        assert_eq!(value("geometry.first", &[short(inside)]), g.first(inside));
        for segment in [index, inside, g.segments() - 1] {
            assert_eq!(value("geometry.usable", &[short(segment)]), g.usable(segment));
        }
    });
}

/// A slightly different definition is noticed.
#[test]
#[should_panic(expected = "assertion")]
fn another_definition_is_noticed() {
    let other = include_str!("smt/chain.smt2").replace("index #x00000001", "index #x00000002");
    let defined = Definitions::new(&other);
    for_each_pair("other", |i, n| {
        let (i, n) = (i as u32, n as u32);
        assert_eq!(defined.value("chain.follow", &[short(i), short(n)]), follow(i, n).into());
    });
}
