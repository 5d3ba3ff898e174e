//! Seeds on the command line.

use std::{fmt, ops::Range, str::FromStr};

/// Seeds `A..B`: from A up to, and not including, B.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seeds(pub Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bounds = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
        match bounds {
            Some(seeds) if seeds.start < seeds.end => Ok(Self(seeds)),
            Some(_) => Err("expected at least one seed: B is not included in A..B".to_owned()),
            None => Err("expected two whole numbers, such as 0..200".to_owned()),
        }
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.0.start, self.0.end)
    }
}

/// The seeds of a sweep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SweepSeeds {
    /// The same for every scenario.
    Range(Seeds),
    /// Of each scenario the one that its file names.
    Own,
}

impl FromStr for SweepSeeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "own" => Ok(Self::Own),
            range => range.parse().map(Self::Range).map_err(|error: String| error + "; or `own`, each file's own seed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_at_least_one_seed_and_one_spelling() {
        assert_eq!("3..5".parse(), Ok(Seeds(3..5)));
        assert_eq!(Seeds(3..5).to_string(), "3..5");
        for wrong in ["5..5", "5..3", "5", "..5", "5..", "a..b", "-1..5", "1..=5", ""] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sweep_has_a_range_or_each_files_own_seed() {
        assert_eq!("own".parse(), Ok(SweepSeeds::Own));
        assert_eq!("3..5".parse(), Ok(SweepSeeds::Range(Seeds(3..5))));
        assert!("owns".parse::<SweepSeeds>().unwrap_err().contains("or `own`"));
    }
}
