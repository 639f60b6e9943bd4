//! What a check must show to have passed, besides a good exit status: a suite whose tests were all
//! compiled away exits well too.

use std::path::Path;

use crate::run::display::counted;
use crate::run::tally::Tally;
use crate::source::tree::{Tree, read_folder};

/// What a check's output must contain, and what it is measured in.
#[derive(Clone, Copy, Debug)]
pub enum Evidence {
    /// Nothing; measured in the source files of the repository.
    Files,
    /// Nothing; measured in its commands, called this, unless something countable shows up.
    Commands(&'static str),
    /// At least one test that passed.
    Tests,
    /// At least one random case.
    Cases,
    /// At least one loom model.
    Models,
    /// At least one model whose outcomes were compared.
    Outcomes,
    /// At least one theorem, and one model all of whose states were explored; or wrong variants.
    Proofs,
}

impl Evidence {
    /// Returns why the output does not show that anything was checked, if it does not.
    pub fn missing(self, tally: &Tally) -> Option<String> {
        if let Some(line) = tally.malformed.first() {
            return Some(format!("a line that is malformed: `{line}`"));
        }
        let absent = match self {
            Self::Files | Self::Commands(_) => None,
            Self::Tests => (tally.tests_passed == 0).then_some("test"),
            Self::Cases => (tally.cases == 0).then_some("case"),
            Self::Models | Self::Outcomes => (tally.models.is_empty()).then_some("model"),
            Self::Proofs if tally.variants > 0 => None,
            Self::Proofs if tally.theorems.is_empty() => Some("theorem"),
            Self::Proofs => (tally.explorations.is_empty()).then_some("model"),
        };
        absent.map(|noun| format!("no {noun} was run, expected one at least"))
    }

    /// Returns how much was checked, in words.
    pub fn extent(self, tally: &Tally, root: &Path, commands: usize) -> String {
        let counts = tally.to_string();
        match self {
            _ if !counts.is_empty() => counts,
            Self::Files => counted(rust_files(root), "file"),
            Self::Commands(noun) => counted(commands as u64, noun),
            _ => "nothing".to_owned(),
        }
    }
}

/// Returns the number of Rust files below a folder.
fn rust_files(root: &Path) -> u64 {
    let mut tree = Tree::new();
    // What cannot be read is not counted.
    let _ = read_folder(root, "", &[".rs"], &mut tree);
    tree.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_that_ran_nothing_has_not_passed() {
        let mut tally = Tally::default();
        tally.read("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured");
        for evidence in [
            Evidence::Tests,
            Evidence::Cases,
            Evidence::Models,
            Evidence::Outcomes,
            Evidence::Proofs,
        ] {
            assert!(evidence.missing(&tally).is_some());
        }
        assert_eq!(Evidence::Files.missing(&tally), None);
        tally.read("cases: some 3");
        assert_eq!(Evidence::Cases.missing(&tally), None);
        tally.read("cases: some");
        assert!(Evidence::Cases.missing(&tally).is_some());
    }

    #[test]
    fn files_are_counted() {
        assert!(rust_files(Path::new(env!("CARGO_MANIFEST_DIR"))) > 5);
    }
}
