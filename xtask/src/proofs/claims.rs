//! What a text claims: comments `theorem: NAME | invariants | what it says`.

/// One claim.
#[derive(Debug, PartialEq)]
pub struct Claim<'a> {
    pub name: &'a str,
    pub invariants: &'a str,
    pub what: &'a str,
}

/// Returns the claims of a text, from top to bottom.
pub fn claims(text: &str) -> Result<Vec<Claim<'_>>, String> {
    let lines = text.lines().filter_map(|line| line.split_once("theorem: "));
    lines
        .map(|(_, rest)| {
            let rest = rest.trim().trim_end_matches("*)").trim_end();
            let fields: Vec<&str> = rest.split('|').map(str::trim).collect();
            match fields[..] {
                [name, invariants, what] => Ok(Claim { name, invariants, what }),
                _ => Err(format!("`{rest}`, expected `NAME | INVARIANTS | WHAT IT SAYS`")),
            }
        })
        .collect()
}

impl Claim<'_> {
    /// Tells the test command of a claim that holds.
    pub fn tell(&self, tool: &str) {
        println!("theorem: {} | {} | {} | {tool}", self.name, self.invariants, self.what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_read_in_either_kind_of_comment() {
        let text = "; theorem: a.b | 1, 2 | A says b\n(* theorem: c | 3 | D *)\nelse\n";
        let claim = |name, invariants, what| Claim { name, invariants, what };
        assert_eq!(claims(text), Ok(vec![claim("a.b", "1, 2", "A says b"), claim("c", "3", "D")]));
        assert!(claims("; theorem: a | b").is_err());
    }
}
