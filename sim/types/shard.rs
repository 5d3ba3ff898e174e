//! Which part of a sweep or of a load one process makes.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One of `count` parts of equal size, but for one run of a sweep, or one agent of a load.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which part, counted from 1.
    pub index: u32,
    /// How many parts there are.
    pub count: u32,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 1, count: 1 };

    /// A part, if there is one of this number.
    ///
    /// # Errors
    /// If `index` is not from 1 to `count`.
    pub fn new(index: u32, count: u32) -> Result<Self, ShardError> {
        if (1..=count).contains(&index) { Ok(Self { index, count }) } else { Err(ShardError::Outside { index, count }) }
    }

    /// Whether the run or the agent at a position, counted from 0, belongs to this part. Neighbours go to different parts,
    /// since what lies close together takes about as long.
    pub fn has(self, position: u64) -> bool {
        position % u64::from(self.count) == u64::from(self.index - 1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Where the part is taken from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShardSource {
    /// It was told.
    Given(Shard),
    /// The job array of Slurm: `SLURM_ARRAY_TASK_ID`, `…_MIN`, `…_STEP` and `…_COUNT`.
    Slurm,
    /// The Indexed Job of Kubernetes: `JOB_COMPLETION_INDEX`, from 0. It does not tell how many there are.
    Kubernetes {
        /// How many there are: the Job's `completions`.
        count: u32,
    },
    /// The `parallel` jobs of GitLab: `CI_NODE_INDEX`, from 1, and `CI_NODE_TOTAL`.
    Gitlab,
    /// The `parallelism` of Buildkite: `BUILDKITE_PARALLEL_JOB`, from 0, and `BUILDKITE_PARALLEL_JOB_COUNT`.
    Buildkite,
}

/// Why a part is none.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ShardError {
    /// There is no part of this number.
    #[error("found shard {index} of {count}, expected one from 1 to {count}")]
    Outside {
        /// The number.
        index: u32,
        /// How many there are.
        count: u32,
    },
    /// The text names none.
    #[error(
        "found `{0}`, expected a part such as 2/8, or where it is taken from: slurm, gitlab, buildkite or kubernetes/8"
    )]
    Unknown(String),
    /// A variable of the environment is not there.
    #[error("the environment variable `{0}` is not set: is this a job of a {1}?")]
    Unset(&'static str, &'static str),
    /// A variable of the environment is no number.
    #[error("found `{found}` in the environment variable `{name}`, expected a whole number")]
    NoNumber {
        /// The variable.
        name: &'static str,
        /// What it holds.
        found: String,
    },
}

impl FromStr for ShardSource {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let unknown = || ShardError::Unknown(text.to_owned());
        match text {
            "slurm" => return Ok(Self::Slurm),
            "gitlab" => return Ok(Self::Gitlab),
            "buildkite" => return Ok(Self::Buildkite),
            _ => {}
        }
        let (part, count) = text.split_once('/').ok_or_else(unknown)?;
        let count: u32 = count.parse().map_err(|_| unknown())?;
        if part == "kubernetes" {
            return if count == 0 { Err(unknown()) } else { Ok(Self::Kubernetes { count }) };
        }
        Shard::new(part.parse().map_err(|_| unknown())?, count).map(Self::Given)
    }
}

impl ShardSource {
    /// The part. `variable` gives the value of a variable of the environment.
    ///
    /// # Errors
    /// If a variable that is needed is not there, or makes no sense.
    pub fn shard(self, variable: impl Fn(&str) -> Option<String>) -> Result<Shard, ShardError> {
        let number = |name: &'static str, of: &'static str| -> Result<u32, ShardError> {
            let found = variable(name).ok_or(ShardError::Unset(name, of))?;
            found.parse().map_err(|_| ShardError::NoNumber { name, found })
        };
        match self {
            Self::Given(shard) => Ok(shard),
            Self::Slurm => {
                const OF: &str = "Slurm job array";
                let (id, count) = (number("SLURM_ARRAY_TASK_ID", OF)?, number("SLURM_ARRAY_TASK_COUNT", OF)?);
                let least = number("SLURM_ARRAY_TASK_MIN", OF)?;
                // Not set where tasks are numbered without gaps, in some versions.
                let step = match variable("SLURM_ARRAY_TASK_STEP") {
                    None => 1,
                    Some(_) => number("SLURM_ARRAY_TASK_STEP", OF)?,
                };
                let index = id.checked_sub(least).and_then(|offset| offset.checked_div(step)).unwrap_or(u32::MAX);
                Shard::new(index.saturating_add(1), count)
            }
            Self::Kubernetes { count } => {
                let index = number("JOB_COMPLETION_INDEX", "Kubernetes Indexed Job")?;
                Shard::new(index.saturating_add(1), count)
            }
            Self::Gitlab => {
                const OF: &str = "GitLab pipeline with `parallel`";
                Shard::new(number("CI_NODE_INDEX", OF)?, number("CI_NODE_TOTAL", OF)?)
            }
            Self::Buildkite => {
                const OF: &str = "Buildkite step with `parallelism`";
                let index = number("BUILDKITE_PARALLEL_JOB", OF)?;
                Shard::new(index.saturating_add(1), number("BUILDKITE_PARALLEL_JOB_COUNT", OF)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(source: &str, variables: &[(&str, &str)]) -> Result<(u32, u32), String> {
        let variable = |name: &str| variables.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned());
        let shard = source.parse::<ShardSource>().and_then(|source| source.shard(variable));
        shard.map(|shard| (shard.index, shard.count)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_part_is_told_or_taken_from_the_job() {
        assert_eq!(shard("2/8", &[]), Ok((2, 8)));
        let tasks = [("SLURM_ARRAY_TASK_ID", "14"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        let stepped = [&tasks[..], &[("SLURM_ARRAY_TASK_STEP", "2")]].concat();
        assert_eq!(shard("slurm", &stepped), Ok((3, 3)));
        assert_eq!(shard("kubernetes/4", &[("JOB_COMPLETION_INDEX", "0")]), Ok((1, 4)));
        assert_eq!(shard("gitlab", &[("CI_NODE_INDEX", "4"), ("CI_NODE_TOTAL", "4")]), Ok((4, 4)));
        let buildkite = [("BUILDKITE_PARALLEL_JOB", "3"), ("BUILDKITE_PARALLEL_JOB_COUNT", "4")];
        assert_eq!(shard("buildkite", &buildkite), Ok((4, 4)));
    }

    #[test]
    fn what_is_no_part_says_why() {
        assert!(shard("0/8", &[]).unwrap_err().contains("from 1 to 8"));
        assert!(shard("9/8", &[]).unwrap_err().contains("from 1 to 8"));
        for wrong in ["", "8", "a/b", "1/0", "kubernetes", "kubernetes/0", "jenkins"] {
            assert!(shard(wrong, &[]).is_err(), "{wrong}");
        }
        let unset = shard("gitlab", &[("CI_NODE_INDEX", "1")]).unwrap_err();
        assert!(unset.contains("`CI_NODE_TOTAL` is not set"), "{unset}");
        let text = shard("gitlab", &[("CI_NODE_INDEX", "one"), ("CI_NODE_TOTAL", "2")]).unwrap_err();
        assert!(text.contains("found `one`"), "{text}");
        assert!(shard("kubernetes/4", &[("JOB_COMPLETION_INDEX", "4")]).is_err());
        let tasks = [("SLURM_ARRAY_TASK_ID", "14"), ("SLURM_ARRAY_TASK_MIN", "10"), ("SLURM_ARRAY_TASK_COUNT", "3")];
        assert!(shard("slurm", &tasks).is_err());
    }

    #[test]
    fn each_run_belongs_to_one_part() {
        for count in 1..=8 {
            for position in 0..100 {
                let having = (1..=count).filter(|index| Shard { index: *index, count }.has(position)).count();
                assert_eq!(having, 1);
            }
        }
    }
}
